/* Stands before the C library's functions, by the linker's --wrap. */
#include "faults.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "guard-internal.h"

struct faults faults;

void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __real_scan_names(int dir, scan_fn *fn, void *context);

void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_scan_names(int dir, scan_fn *fn, void *context);

void *__wrap_calloc(size_t count, size_t size)
{
    return faults.calloc ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return faults.strdup ? NULL : __real_strdup(text);
}

int __wrap_inotify_init1(int flags)
{
    errno = EMFILE;
    return faults.inotify_init ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    errno = ENOSPC;
    return faults.add_to_watch ? -1 : __real_inotify_add_watch(fd, path, mask);
}

int __wrap_scan_names(int dir, scan_fn *fn, void *context)
{
    return faults.names ? -EOVERFLOW : __real_scan_names(dir, fn, context);
}
