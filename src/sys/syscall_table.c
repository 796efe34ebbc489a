/* System calls that are newer than libseccomp's tables. */
#include "syscall_table-internal.h"

#include "svenv/base/mem.h"

/* Since 424 every architecture gives a new call the same number; the two below it are entered from
 * trampolines that the x86 kernel writes into a probed program. */
const struct syscall_row syscall_table[] = {
    {"uretprobe", 335, true},         /* 6.11 */
    {"uprobe", 336, true},            /* 6.18 */
    {"cachestat", 451, false},        /* 6.5 */
    {"fchmodat2", 452, false},        /* 6.6 */
    {"map_shadow_stack", 453, false}, /* 6.6 */
    {"futex_wake", 454, false},       /* 6.7 */
    {"futex_wait", 455, false},
    {"futex_requeue", 456, false},
    {"statmount", 457, false}, /* 6.8 */
    {"listmount", 458, false},
    {"lsm_get_self_attr", 459, false},
    {"lsm_set_self_attr", 460, false},
    {"lsm_list_modules", 461, false},
    {"mseal", 462, false},      /* 6.10 */
    {"setxattrat", 463, false}, /* 6.13 */
    {"getxattrat", 464, false},
    {"listxattrat", 465, false},
    {"removexattrat", 466, false},
    {"open_tree_attr", 467, false}, /* 6.15 */
    {"file_getattr", 468, false},   /* 6.17 */
    {"file_setattr", 469, false},
};
const size_t syscall_table_count = ARRAY_SIZE(syscall_table);
