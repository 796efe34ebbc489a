/* The launcher's allocator: memory is handed out from the front of large blocks and never taken
 * back, because the process allocates little and briefly. A general allocator asks the kernel for
 * and gives back a page for nearly every short-lived string, which is a tenth of a start's time.
 * The C library takes these in place of its own in a static program. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "svenv/sys/syscalls.h"

#define BLOCK ((size_t)1 << 20)
/* What a usual start touches: taken at once instead of by page faults. */
#define FIRST ((size_t)96 << 10)
#define ALIGN ((size_t)16)

/* Stands before every object, for realloc(). */
struct header {
    _Alignas(16) size_t size;
};

static char *block_at;
static size_t block_left;

static bool new_block(size_t need)
{
    size_t size = need > BLOCK ? need : BLOCK;
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (block == MAP_FAILED)
        return false;
    /* Linux 5.14. It only saves page faults, so a refusal does not matter. */
    (void)madvise(block, size < FIRST ? size : FIRST, MADV_POPULATE_WRITE);
    block_at = block;
    block_left = size;
    return true;
}

void *malloc(size_t size)
{
    size_t need;
    struct header *header;

    if (size > PTRDIFF_MAX - BLOCK) {
        errno = ENOMEM;
        return NULL;
    }
    need = (size + sizeof(*header) + ALIGN - 1) / ALIGN * ALIGN;
    if (need > block_left && !new_block(need)) {
        errno = ENOMEM;
        return NULL;
    }
    header = (struct header *)(void *)block_at;
    header->size = need - sizeof(*header);
    block_at += need;
    block_left -= need;
    return header + 1;
}

void free(void *ptr)
{
    (void)ptr;
}

/* Fresh pages are zero, and none is handed out twice. */
void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return malloc(bytes);
}

void *realloc(void *ptr, size_t size)
{
    const struct header *header = (const struct header *)ptr - 1;
    void *grown;

    if (ptr && size <= header->size)
        return ptr;
    grown = malloc(size);
    if (grown && ptr)
        memcpy(grown, ptr, header->size);
    return grown;
}
