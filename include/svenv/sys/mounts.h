/* Mounts by descriptor: a tree is cloned or made detached, gets its attributes, and is attached, so
 * it is never visible without them and no path is resolved twice. */
#ifndef SVENV_SYS_MOUNTS_H
#define SVENV_SYS_MOUNTS_H

#include <stdint.h>

/* A detached copy of the mount tree at `path` and of the mounts below it ("": at `dir` itself, an
 * O_PATH descriptor of the caller's mount namespace). attrs: MOUNT_ATTR_* to set on every mount of
 * it. Return: descriptor or negative. */
int mount_clone(int dir, const char *path, uint64_t attrs);

/* The same, mounted on `dest` at once, with half the system calls. Both paths may lead through
 * links: for places that nobody else can change. Return: 0, 1 when nothing was mounted, or negative
 * errno when it is mounted without its attributes. */
int mount_bind(const char *source, const char *dest, uint64_t attrs);

/* A detached new file system. options: pairs key, value ending in NULL; a NULL value is a flag.
 * Return: descriptor of its root, or negative errno. */
int mount_make(const char *type, const char *const *options, uint64_t attrs);

/* Attaches a detached tree on what `path` names below the directory `dir`; "": on what `dir` itself
 * (O_PATH) refers to. A symlink at the end of the path is not followed. */
int mount_attach(int tree, int dir, const char *path);

/* Makes the tree behind `root` the root directory of every process in the mount namespace. It must
 * be attached somewhere in it. The old root is left on top, reachable by "/..", until
 * root_detach(), which takes it away with all its mounts. The caller's current directory becomes
 * "/". */
int root_pivot(int root);
int root_detach(void);

#endif
