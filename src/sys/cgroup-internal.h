#ifndef SVENV_SYS_CGROUP_INTERNAL_H
#define SVENV_SYS_CGROUP_INTERNAL_H

#include <stdbool.h>

#include "svenv/sys/cgroup.h"

enum {
    CGROUP_TEXT_MAX = 4096
};

/* The root of the unified hierarchy as it is mounted here. Return: descriptor or negative errno. */
int cgroup_open_hierarchy(void);
/* The path of a process, 0 for the caller. */
int cgroup_path_of(pid_t pid, char *path, size_t size, struct err *err);
/* Reads a file of a group whole, NUL-terminated. Return: 0 or negative errno. */
int cgroup_read(int dir, const char *name, char *text, size_t size);
/* Cuts off the last component. Return: is anything left that could be looked at? */
bool cgroup_go_up(char *path);
/* Return: 0 or negative errno. */
int cgroup_write(int dir, const char *name, const char *text);
/* The first controller that the limits need and the list does not name; NULL: all are there. */
const char *cgroup_missing(const char *list, const struct cgroup_limits *limits);
/* Writes the limits into the files of a group of our own. */
int cgroup_apply(int dir, const struct cgroup_limits *limits, struct err *err);
/* Reads the limits back as the kernel took them. */
int cgroup_verify(int dir, const struct cgroup_limits *limits, struct err *err);
/* A process that gets another group leaves the caller's own group and its limits; but nobody gets
 * more by the limits of a policy. So each of `limits` that is set becomes that of the caller's
 * group where that is less. root: the hierarchy's; own: path of the caller's group. */
void cgroup_lower(int root, const char *own, struct cgroup_limits *limits);
/* Refuses where the caller was given less of anything than the new group, all the same. from, to:
 * paths of the groups. */
int cgroup_check_left(int root, const char *from, const char *to, struct err *err);

#endif
