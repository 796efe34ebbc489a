/* Gives back pages that a waiting process does not need. */
#include "svenv/sys/pages.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    PAGE_BYTES = 4096,
    STACK_BYTES =
        256 * 1024 /* as deep as anything here goes; the kernel keeps more apart (1 MiB) */
};

/* From `start` to before `end`; a page of which only a part is meant stays. */
PAGES_STAY static void let_go(uintptr_t start, uintptr_t end)
{
    union {
        uintptr_t in;
        void *out;
    } at = {.in = (start + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1)};

    end &= ~(uintptr_t)(PAGE_BYTES - 1);
    if (at.in < end)
        (void)madvise(at.out, end - at.in, MADV_DONTNEED);
}

/* Code and constants: what was written to stays, of course. Return: 1, the program itself is the
 * first object. */
PAGES_STAY static int let_go_of_file(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            let_go(start & ~(uintptr_t)(PAGE_BYTES - 1),
                   (start + part->p_memsz + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1));
    }
    return 1;
}

PAGES_STAY void pages_let_go(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    (void)dl_iterate_phdr(let_go_of_file, NULL);
    let_go(here - STACK_BYTES, here - PAGE_BYTES);
}
