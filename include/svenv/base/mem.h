/* Memory: allocation that aborts rather than fails, cleanup attributes, and arenas. */
#ifndef SVENV_BASE_MEM_H
#define SVENV_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* Out of memory ends the program with STATUS_OURS: nothing has been started by then. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

static inline void auto_free_cleanup(void *slot)
{
    free(*(void **)slot);
}
#define auto_free __attribute__((cleanup(auto_free_cleanup)))

static inline void *steal_ptr_at(void *slot)
{
    void *ptr = *(void **)slot;

    *(void **)slot = NULL;
    return ptr;
}
/* Takes the pointer out of an auto_free variable: the caller owns it now. */
#define steal_ptr(var) ((__typeof__(var))steal_ptr_at(&(var)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* An arena owns every object of a long-lived model; one call frees them all. */
struct arena {
    struct arena_chunk *chunks;
};

/* Zeroed and aligned for everything. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t len)
    __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
void arena_finish(struct arena *arena);

/* Makes room for one more element at the end of an arena array and gives back its zeroed slot.
 * *items has *count elements of `size` bytes; capacity is the next power of two, so no extra field
 * is kept: only for arrays that began empty (NULL, 0) and grew by this function. The old array
 * stays in the arena. */
void *arena_push(struct arena *arena, void *items_slot, size_t *count, size_t size)
    __attribute__((returns_nonnull));
/* A zeroed array with the capacity that an array has after `count` pushes: for a copy that may
 * grow. */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));

#endif
