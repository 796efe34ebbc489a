/* Waits for events, and gives back what a process does not need while it waits. */
#include "svenv/sys/rest.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* The kernel maps up to 64 KiB around a page of a file that is used (fault_around_bytes): code that
 * runs during the wait stands in a block of that size by itself, and calls no other. */
#define STAYS __attribute__((noinline, section("svenv_stays"), aligned(65536)))

enum {
    MOMENT_MS = 100,
    PAGE_BYTES = 4096,
    /* As deep as anything here goes; the kernel keeps more apart (1 MiB). */
    STACK_BYTES = 256 * 1024,
    SPANS_MAX = 8
};

/* Whole pages, to be given back. */
struct spans {
    struct {
        void *start;
        size_t size;
    } span[SPANS_MAX];
    size_t count;
};

/* A page of which only a part is meant stays. */
static void rest_add_span(struct spans *spans, uintptr_t start, uintptr_t end)
{
    union {
        uintptr_t in;
        void *out;
    } at = {.in = (start + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1)};

    end &= ~(uintptr_t)(PAGE_BYTES - 1);
    if (at.in >= end || spans->count == SPANS_MAX)
        return;
    spans->span[spans->count].start = at.out;
    spans->span[spans->count++].size = end - at.in;
}

/* Code and constants: what was written to stays, of course. Return: 1, the program itself is the
 * first object. */
static int rest_add_file(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            rest_add_span(context, start & ~(uintptr_t)(PAGE_BYTES - 1),
                          (start + part->p_memsz + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1));
    }
    return 1;
}

/* System calls without the C library, whose code stands elsewhere; see syscall(2) for the
 * registers. Return: what the kernel returns, a negative errno for an error. */
#if defined(__x86_64__)
static inline __attribute__((always_inline)) long rest_call(long number, const void *a, size_t b,
                                                            uintptr_t c)
{
    register long mask __asm__("r10") = 0;
    register long mask_size __asm__("r8") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(mask), "r"(mask_size)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline __attribute__((always_inline)) long rest_call(long number, const void *a, size_t b,
                                                            uintptr_t c)
{
    register long call __asm__("x8") = number;
    register uintptr_t x0 __asm__("x0") = (uintptr_t)a;
    register size_t x1 __asm__("x1") = b;
    register uintptr_t x2 __asm__("x2") = c;
    register long mask __asm__("x3") = 0;
    register long mask_size __asm__("x4") = 0;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(call), "r"(x1), "r"(x2), "r"(mask), "r"(mask_size)
                     : "memory");
    return (long)x0;
}
#else
#include <unistd.h>

static long rest_call(long number, const void *a, size_t b, uintptr_t c)
{
    long result = syscall(number, a, b, c, 0L, 0L);

    return result < 0 ? -errno : result;
}
#endif

/* left: NULL for no end. */
STAYS static long rest_wait(const struct spans *spans, struct pollfd *fds, size_t count,
                            const struct timespec *left)
{
    for (size_t i = 0; i < spans->count; i++)
        (void)rest_call(SYS_madvise, spans->span[i].start, spans->span[i].size, MADV_DONTNEED);
    return rest_call(SYS_ppoll, fds, count, (uintptr_t)left);
}

int rest_poll(struct pollfd *fds, size_t count, int wait_ms)
{
    int ready = poll(fds, count, wait_ms < 0 || wait_ms > MOMENT_MS ? MOMENT_MS : wait_ms);
    int left_ms = wait_ms - MOMENT_MS;
    const struct timespec left = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000L};
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    struct spans spans = {.count = 0};

    if (ready < 0)
        return -errno;
    if (ready > 0 || (wait_ms >= 0 && wait_ms <= MOMENT_MS))
        return ready;
    (void)dl_iterate_phdr(rest_add_file, &spans);
    rest_add_span(&spans, here - STACK_BYTES, here - PAGE_BYTES);
    return (int)rest_wait(&spans, fds, count, wait_ms < 0 ? NULL : &left);
}
