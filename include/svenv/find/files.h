/* The files of a venv at one moment, and those that came since and run without being asked
 * (docs/SECURITY.md, C32). */
#ifndef SVENV_FIND_FILES_H
#define SVENV_FIND_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

struct err;
struct plan_obeyed;

struct venv_file {
    const char *path; /* below the venv; entry points are "bin/NAME" as seen inside */
    uint64_t ino;
    int64_t ctime_ns; /* no program can set it */
    uint64_t size;
    uint32_t mode;
};

struct venv_files {
    struct arena arena;
    struct venv_file *items; /* sorted by path */
    size_t count;
    bool incomplete; /* there was more than can be looked at, or something could not be read */
};

void venv_files_finish(struct venv_files *files);
#define auto_venv_files __attribute__((cleanup(venv_files_finish)))

/* Lists regular files and symlinks of a wrapped venv, without its homes, caches and our own. The
 * files are hostile: nothing is followed. At most 262144 files, 64 levels.
 * Return: 0 or negative errno with *err. */
int venv_files_list(const char *venv_path, struct venv_files *out, struct err *err);

/* A list as bytes, and back. *out is empty before. Return: 0 or -EINVAL with *err. */
void venv_files_encode(const struct venv_files *files, struct buf *out);
int venv_files_decode(const char *data, size_t len, struct venv_files *out, struct err *err);

/* The same in a file. may_be_cut: bytes that are no list count as an empty one.
 * Return: 0 or negative errno with *err. */
int venv_files_write(const struct venv_files *files, int fd, struct err *err);
int venv_files_read(int fd, bool may_be_cut, struct venv_files *out, struct err *err);

/* Files that are there now and were not there, or were different, before. Paths below the venv. */
struct venv_left {
    struct strv start_up; /* .pth files with import lines, sitecustomize, usercustomize */
    struct strv unknown;  /* those of start_up that were not there, or had another size */
    struct strv entries;
    struct strv elf; /* outside of bin */
    struct strv setuid;
    struct strv obeyed; /* repositories, and obeyed names where people work: see left.c */
    bool incomplete;
};

void venv_left_finish(struct venv_left *left);
#define auto_venv_left __attribute__((cleanup(venv_left_finish)))

/* obeyed: the names that tools of the host obey. Return: 0 or negative errno with *err. */
int venv_left_since(const char *venv_path, const struct venv_files *before,
                    const struct plan_obeyed *obeyed, size_t obeyed_count, struct venv_left *out,
                    struct err *err);

#endif
