/* The launcher's allocator, which the C library takes in place of its own in a static program; see
 * memory-internal.h.
 *
 * During the set-up memory is handed out from the front of one large mapping and not taken back: a
 * general allocator asks the kernel for and gives back a page for nearly every short-lived string,
 * which is a tenth of a start's time. Only the launcher itself may allocate then, because a child
 * that did would overwrite what the launcher hands out. The kernel sees to that: the page that
 * marks the arena's owner is empty in a child. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "svenv/base/status.h"
#include "svenv/launch/launch.h"
#include "svenv/sys/syscalls.h"

#include "heap-internal.h"
#include "memory-internal.h"

/* Reserved, not used: more than any bounded input of a start can make of it. */
#define ARENA_BYTES ((size_t)64 << 20)
/* The same for all that is kept beside a running program: at most 1024 names of watched directories
 * (8 MiB when all are as long as a path can be) and the last lines for the audit log. */
#define HEAP_BYTES ((size_t)32 << 20)
/* Memory of the arena that a usual start touches, taken at once instead of by page faults: one part
 * until the opener is forked, the rest after that, when there is time. */
#define FIRST ((size_t)24 << 10)
#define USUAL ((size_t)72 << 10)
#define PAGE ((size_t)4096)
#define STAYS_BYTES (64 * PAGE)
#define ALIGN ((size_t)16)

/* At the front of the arena. */
struct arena_head {
    _Alignas(
        16) struct launch_failure *failure; /* where a child says what failed; NULL: on stderr */
};

/* Stands before every object of the arena, for realloc(). */
struct arena_object {
    _Alignas(16) size_t room;
};

static struct {
    struct arena_head *arena;
    size_t used; /* of the arena */
    struct heap heap;
    bool settled;
} memory;

/* Whole pages of the program's own data: a mapping for each would be a part of every start. */
static _Alignas(PAGE) union {
    bool is_launcher; /* false in every child, where the kernel empties the page */
    unsigned char page[PAGE];
} owner;
static _Alignas(PAGE) unsigned char stays[STAYS_BYTES];

static void *map_memory(size_t size, int flags)
{
    void *block =
        mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return block == MAP_FAILED ? NULL : block;
}

static bool memory_is_mapped(void)
{
    if (memory.arena || memory.settled)
        return true;
    if (madvise(&owner, sizeof(owner), MADV_WIPEONFORK) < 0)
        return false;
    memory.arena = map_memory(ARENA_BYTES, MAP_SHARED);
    if (!memory.arena)
        return false;
    /* This needs Linux 5.14 and only saves page faults: a refusal does not matter. */
    (void)madvise(memory.arena, FIRST, MADV_POPULATE_WRITE);
    owner.is_launcher = true;
    memory.used = sizeof(*memory.arena);
    return true;
}

static bool heap_is_mapped(void)
{
    void *heap = NULL;

    if (memory.heap.base)
        return true;
    heap = map_memory(HEAP_BYTES, MAP_PRIVATE);
    if (!heap)
        return false;
    (void)madvise(heap, HEAP_BYTES, MADV_NOHUGEPAGE); /* it stays small */
    heap_init(&memory.heap, heap, HEAP_BYTES);
    return true;
}

/* A mistake in this program, which no start may survive. */
static _Noreturn void refuse_child(void)
{
    static const char text[] = "a child of the launcher asked for memory that is the launcher's";
    struct launch_failure *failure = memory.arena->failure;

    if (failure) {
        failure->status = STATUS_OURS;
        failure->err.code = EDEADLK;
        memcpy(failure->err.msg, text, sizeof(text));
    } else {
        (void)!write(STDERR_FILENO, "sandbox-venv: ", 14);
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
        (void)!write(STDERR_FILENO, "\n", 1);
    }
    _exit(STATUS_OURS);
}

static void *take_of_arena(size_t size)
{
    struct arena_object *object = NULL;
    size_t need = 0;

    if (!owner.is_launcher)
        refuse_child();
    if (size > ARENA_BYTES)
        return NULL;
    need = (size + sizeof(*object) + ALIGN - 1) / ALIGN * ALIGN;
    if (need > ARENA_BYTES - memory.used)
        return NULL;
    object = (struct arena_object *)(void *)((char *)memory.arena + memory.used);
    object->room = need - sizeof(*object);
    memory.used += need;
    return object + 1;
}

static size_t memory_room(const void *ptr)
{
    const struct arena_object *object = (const struct arena_object *)ptr - 1;

    return heap_owns(&memory.heap, ptr) ? heap_room(ptr) : object->room;
}

/* Zeroed: fresh pages are, and the arena hands out none of them twice. */
void *malloc(size_t size)
{
    void *found = NULL;

    if (memory_is_mapped())
        found = memory.settled ? heap_alloc(&memory.heap, size) : take_of_arena(size);
    if (!found)
        errno = ENOMEM;
    return found;
}

void free(void *ptr)
{
    if (ptr && heap_owns(&memory.heap, ptr))
        heap_free(&memory.heap, ptr);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return malloc(bytes);
}

void *realloc(void *ptr, size_t size)
{
    void *grown = NULL;

    if (ptr && size <= memory_room(ptr))
        return ptr;
    grown = malloc(size);
    if (grown && ptr) {
        memcpy(grown, ptr, memory_room(ptr));
        free(ptr);
    }
    return grown;
}

bool memory_warm(void)
{
    if (memory.arena)
        (void)madvise((char *)memory.arena + FIRST, USUAL - FIRST, MADV_POPULATE_WRITE);
    return heap_is_mapped();
}

bool memory_is_scarce(void)
{
    return memory.used > ARENA_BYTES / 2;
}

void *memory_that_stays(size_t size)
{
    return size <= sizeof(stays) ? stays : NULL;
}

void memory_failure(struct launch_failure *failure)
{
    if (memory.arena)
        memory.arena->failure = failure;
}

void memory_of_launcher(struct launch_program *out)
{
    out->memory[LAUNCH_ARENA] = (struct launch_memory){memory.arena, ARENA_BYTES};
    out->memory[LAUNCH_STAYS] = (struct launch_memory){stays, sizeof(stays)};
}

void memory_settle(void)
{
    memory.settled = heap_is_mapped();
}

/* Only the mapping of this process goes: a child that has not executed yet still reads its own.
 * free() later ignores objects of the arena. */
void memory_give_back(void)
{
    if (!memory.settled || !memory.arena)
        return;
    munmap(memory.arena, ARENA_BYTES);
    memory.arena = NULL;
}
