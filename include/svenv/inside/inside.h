/* Looks and mounts in a sandbox that runs. */
#ifndef SVENV_INSIDE_INSIDE_H
#define SVENV_INSIDE_INSIDE_H

struct stat;

/* The running sandbox, to mount in it. -1: not known. */
struct inside {
    int user_ns;
    int mount_ns;
    int coverer; /* socket to the process that mounts there; -1: none */
    int pid;     /* its number */
};

enum {
    COVER_HIDE = 1 << 0, /* empty, else read-only */
    COVER_PIN = 1 << 1,  /* each directory between it and the project becomes a mount point, too */
    COVER_SEARCH = 1 << 2, /* mounts nothing, see held.c */
    COVER_LOOK = 1 << 3    /* likewise, see inside_look() */
};

/* How does the directory at the absolute path look inside? */
enum inside_view {
    INSIDE_UNKNOWN,
    INSIDE_OTHER, /* it is not the one of `st`, or not there */
    INSIDE_READ_ONLY,
    INSIDE_WRITABLE
};
enum inside_view inside_look(struct inside *inside, const char *path, const struct stat *st);

/* Return: 0, or negative errno: -ENOENT, -ESRCH: the process has ended. */
int inside_open(struct inside *inside, int pid);
void inside_close(struct inside *inside);
#define auto_inside __attribute__((cleanup(inside_close)))
/* Has a process wait in the sandbox for names to be covered. Return: 0, or negative errno. */
int inside_begin(struct inside *inside);

/* Protects (read-only), or hides, what is at the absolute path `dest` inside, as a mount. top: the
 * project's path, which it begins with. how: COVER_* bits. Return: 0 when it is so, also when there
 * is nothing at dest; else negative errno. With COVER_SEARCH as held_inside(). */
int inside_cover(struct inside *inside, const char *top, const char *dest, unsigned how);

#endif
