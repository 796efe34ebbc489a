/* Memory: allocation that does not fail, and arenas. */
#include "svenv/base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/status.h"

/* Small: a start need not touch memory that it does not use. With the header before it, a page. */
#define ARENA_CHUNK (4 * 1024 - 64)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

_Noreturn static void out_of_memory(void)
{
    static const char text[] = "sandbox-venv: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    _exit(STATUS_OURS);
}

void *xcalloc(size_t count, size_t size)
{
    void *ptr = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);

    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes = 0;
    void *grown = NULL;

    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory();
    grown = realloc(ptr, bytes > 0 ? bytes : 1);
    if (grown == NULL)
        out_of_memory();
    return grown;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
    size_t used = strnlen(text, len);
    char *copy = xcalloc(used + 1, 1);

    memcpy(copy, text, used);
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    int len = 0;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0 || text == NULL)
        out_of_memory();
    return text;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;
    struct arena_chunk *chunk = xcalloc(1, sizeof(*chunk) + room);
    struct arena_chunk *head = arena->chunks;

    chunk->size = room;
    /* A big object gets a chunk of its own behind the head, which may still have room. */
    if (size > ARENA_CHUNK / 4 && head != NULL) {
        chunk->next = head->next;
        head->next = chunk;
    } else {
        chunk->next = head;
        arena->chunks = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = _Alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    char *slot = NULL;

    if (size > SIZE_MAX / 2)
        out_of_memory();
    size = (size + align - 1) / align * align;
    if (chunk == NULL || chunk->size - chunk->used < size)
        chunk = add_chunk(arena, size);
    slot = (char *)chunk->data + chunk->used;
    chunk->used += size;
    return slot;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    size_t used = strnlen(text, len);
    char *copy = arena_alloc(arena, used + 1);

    memcpy(copy, text, used);
    return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    char *copy = NULL;
    va_list args;
    va_list again;
    int len = 0;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    copy = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(copy, (size_t)len + 1, fmt, again);
    va_end(again);
    return copy;
}

void arena_finish(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;

    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t capacity = 4;
    size_t bytes = 0;

    while (capacity < count)
        capacity *= 2;
    if (__builtin_mul_overflow(capacity, size, &bytes))
        out_of_memory();
    return arena_alloc(arena, bytes);
}

void *arena_push(struct arena *arena, void *items_slot, size_t *count, size_t size)
{
    size_t used = *count;
    char *items = *(char **)items_slot;
    size_t bytes = 0;

    /* Full exactly at 0, 4, 8, 16, ...: see the capacity rule in the header. */
    if (used == 0 || (used >= 4 && (used & (used - 1)) == 0)) {
        if (__builtin_mul_overflow(used > 0 ? used * 2 : 4, size, &bytes))
            out_of_memory();
        char *grown = arena_alloc(arena, bytes);

        if (used > 0)
            memcpy(grown, items, used * size);
        items = grown;
        *(char **)items_slot = grown;
    }
    *count = used + 1;
    return items + used * size;
}
