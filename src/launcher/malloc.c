/* The launcher's allocator: memory is handed out from the front of one large mapping and never
 * taken back, because the process allocates little and briefly. A general allocator asks the kernel
 * for and gives back a page for nearly every short-lived string, which is a tenth of a start's
 * time. The mapping is shared with the children: the plan is completed while they exist already.
 * Only the launcher itself allocates; a child that did would overwrite what it hands out. The C
 * library takes these in place of its own in a static program. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "svenv/sys/syscalls.h"

#include "supervise-internal.h"

/* Reserved, not used: more than any bounded input of a start can make of it. */
#define SPACE ((size_t)64 << 20)
/* What a usual start touches, taken at once instead of by page faults: until the opener is forked,
 * and after that, when there is time. */
#define FIRST ((size_t)24 << 10)
#define USUAL ((size_t)72 << 10)
#define ALIGN ((size_t)16)

/* Stands before every object, for realloc(). */
struct header {
    _Alignas(16) size_t size;
};

static char *space;
static size_t used;

static bool map_space(void)
{
    void *block = mmap(NULL, SPACE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (block == MAP_FAILED)
        return false;
    /* Linux 5.14. It only saves page faults, so a refusal does not matter. */
    (void)madvise(block, FIRST, MADV_POPULATE_WRITE);
    space = block;
    return true;
}

void memory_warm(void)
{
    if (space)
        (void)madvise(space + FIRST, USUAL - FIRST, MADV_POPULATE_WRITE);
}

void *memory_space(size_t *size_out)
{
    *size_out = space ? SPACE : 0;
    return space;
}

void *malloc(size_t size)
{
    struct header *header;
    size_t need;

    if ((!space && !map_space()) || size > SPACE) {
        errno = ENOMEM;
        return NULL;
    }
    need = (size + sizeof(*header) + ALIGN - 1) / ALIGN * ALIGN;
    if (need > SPACE - used) {
        errno = ENOMEM;
        return NULL;
    }
    header = (struct header *)(void *)(space + used);
    header->size = need - sizeof(*header);
    used += need;
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
