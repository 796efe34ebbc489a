/* git's index: the contents that a repository's own user gave its files. Only the user writes it,
 * and it is read with limits all the same. */
#ifndef SVENV_GIT_INDEX_H
#define SVENV_GIT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "svenv/git/sha1.h"

enum {
    GIT_INDEX_BYTES_MAX = 256 << 20 /* two million files */
};

struct git_index {
    const unsigned char *bytes;
    size_t len;
};

/* As git writes them. */
enum git_mode {
    GIT_MODE_FILE = 0100644,
    GIT_MODE_PROGRAM = 0100755,
    GIT_MODE_LINK = 0120000
};
struct git_entry {
    uint32_t mode;
    unsigned char hash[SHA1_BYTES];
};

/* Reads the index of the repository's directory `dir` into memory of its own, for
 * git_index_close(). Return: 0, -ENOENT, or negative errno. */
int git_index_open(int dir, struct git_index *out);
void git_index_close(struct git_index *index);

/* The file at `path`, from the top of the worktree. Each of the entries is read, whatever was
 * found. Return: 1 with *out; 0: it is not there, or has several contents that are to be merged;
 * -EBADMSG: that is no index of version 2, 3 or 4 with SHA-1, or one in several files. */
int git_index_find(const struct git_index *index, const char *path, struct git_entry *out);

#endif
