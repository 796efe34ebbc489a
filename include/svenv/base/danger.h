/* The one table of what is dangerous to show in a sandbox: policies, plans and starts ask it. */
#ifndef SVENV_BASE_DANGER_H
#define SVENV_BASE_DANGER_H

/* How something of the host would be shown. A person writes grants; a path that a command line, a
 * variable or the working directory names is shown without a question. */
enum danger_use {
    DANGER_READ = 1u << 0,      /* filesystem.read */
    DANGER_WRITE = 1u << 1,     /* filesystem.write */
    DANGER_MOUNT = 1u << 2,     /* filesystem.mounts: ro-bind */
    DANGER_MOUNT_RW = 1u << 3,  /* bind */
    DANGER_DEVICE = 1u << 4,    /* dev-bind */
    DANGER_NAMED = 1u << 5,     /* named: a file or a directory */
    DANGER_NAMED_DIR = 1u << 6, /* the directory with everything below, beside DANGER_NAMED */
    DANGER_NAMED_RW = 1u << 7,  /* to be written, beside DANGER_NAMED */
};

/* Why showing the host's `path` (absolute, normalised) would give the sandbox away, or NULL when
 * nothing speaks against it. uses: bits of enum danger_use; one that is refused is enough. Asked
 * again once symlinks are resolved. */
const char *danger_reason(const char *path, const char *home, unsigned uses);

#endif
