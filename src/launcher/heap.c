/* The launcher's heap: small and plain, because it runs between the stub and the program. */
#include "heap-internal.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define IN_USE UINT32_C(0x75736564)
#define GIVEN_BACK UINT32_C(0x66726565)

/* Stands before what is handed out. */
struct heap_object {
    _Alignas(16) uint32_t state;
    uint32_t order;           /* its size is 1 << (HEAP_SMALLEST + order) */
    struct heap_object *next; /* that was given back, too */
};

static_assert(sizeof(struct heap_object) == 16, "the header keeps objects aligned");

static size_t heap_bytes(uint32_t order)
{
    return (size_t)1 << (HEAP_SMALLEST + order);
}

void heap_init(struct heap *heap, void *base, size_t size)
{
    *heap = (struct heap){.base = base, .size = size};
}

static struct heap_object *heap_take_fresh(struct heap *heap, uint32_t order)
{
    struct heap_object *object = (struct heap_object *)(void *)(heap->base + heap->used);

    if (heap_bytes(order) > heap->size - heap->used)
        return NULL;
    heap->used += heap_bytes(order);
    object->order = order;
    return object;
}

static struct heap_object *heap_take_again(struct heap *heap, uint32_t order)
{
    struct heap_object *object = heap->free[order];

    assert(object->state == GIVEN_BACK && object->order == order);
    heap->free[order] = object->next;
    object->next = NULL;
    memset(object + 1, 0, heap_bytes(order) - sizeof(*object));
    return object;
}

void *heap_alloc(struct heap *heap, size_t size)
{
    struct heap_object *object = NULL;
    uint32_t order = 0;

    if (size > heap->size)
        return NULL;
    while (order < HEAP_SIZES && heap_bytes(order) < size + sizeof(*object))
        order++;
    if (order == HEAP_SIZES)
        return NULL;
    object = heap->free[order] ? heap_take_again(heap, order) : heap_take_fresh(heap, order);
    if (!object)
        return NULL;
    object->state = IN_USE;
    return object + 1;
}

void heap_free(struct heap *heap, void *ptr)
{
    struct heap_object *object = (struct heap_object *)ptr - 1;

    assert(object->state == IN_USE && object->order < HEAP_SIZES);
    object->state = GIVEN_BACK;
    object->next = heap->free[object->order];
    heap->free[object->order] = object;
}

bool heap_owns(const struct heap *heap, const void *ptr)
{
    const char *at = ptr;

    return heap->base && at >= heap->base && at < heap->base + heap->size;
}

size_t heap_room(const void *ptr)
{
    const struct heap_object *object = (const struct heap_object *)ptr - 1;

    return heap_bytes(object->order) - sizeof(*object);
}
