/* The permissions of the project's directory itself, which a program may change. */
#include <stdio.h>
#include <sys/stat.h>

#include "guard-internal.h"

/* Others who may write into the project may make the names that we take away. */
void top_close(struct guard *guard)
{
    char proc[64];
    struct stat st;
    unsigned added = 0;

    if (guard->mode == 0 || fstat(guard->seen.top, &st) < 0)
        return;
    added = st.st_mode & ~guard->mode & (S_IWGRP | S_IWOTH);
    if (added == 0)
        return;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", guard->seen.top);
    if (chmod(proc, st.st_mode & 07777 & ~added) == 0)
        guard->report->opened = true;
    else
        guard->report->failed = true;
}

/* A program may close the project itself to hide from us what lies in it. */
void top_open(const struct guard *guard)
{
    const mode_t wanted = S_IRUSR | S_IXUSR;
    char proc[64];
    struct stat st;

    if (guard->seen.top < 0 || fstat(guard->seen.top, &st) < 0 || (st.st_mode & wanted) == wanted ||
        (guard->mode & wanted) != wanted || !guard_is_new(guard, &st))
        return;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", guard->seen.top);
    if (chmod(proc, (st.st_mode & 07777) | wanted) < 0)
        guard->report->incomplete = true;
}
