/* A heap in one region of memory: objects of sizes that are powers of two, and for each size a list
 * of those that were given back. Nothing is merged: what a launcher asks for beside a running
 * program repeats itself. Bounded by the region. */
#ifndef SVENV_LAUNCHER_HEAP_INTERNAL_H
#define SVENV_LAUNCHER_HEAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HEAP_SMALLEST = 5, /* 32 bytes, of which 16 are the header */
    HEAP_SIZES = 24    /* the largest object has 256 MiB */
};

struct heap_object;

struct heap {
    char *base;
    size_t size;
    size_t used; /* bytes from the front that were objects once: the rest was never touched */
    struct heap_object *free[HEAP_SIZES];
};

/* base: aligned to 16 bytes, and zero. */
void heap_init(struct heap *heap, void *base, size_t size);
/* Return: zeroed memory, aligned to 16 bytes; NULL: there is no room. */
void *heap_alloc(struct heap *heap, size_t size);
/* ptr: of heap_alloc(), given back once. */
void heap_free(struct heap *heap, void *ptr);
bool heap_owns(const struct heap *heap, const void *ptr);
/* How much an object of heap_alloc() has room for, at least as much as was asked for. */
size_t heap_room(const void *ptr);

#endif
