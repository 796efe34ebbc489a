#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include "calls.h"

enum {
    NR_IO_URING_SETUP = 425,
    NR_IO_URING_ENTER = 426,
    NR_IO_URING_REGISTER = 427,
    NR_MEMFD_SECRET = 447
};

static int call_io_uring_setup(char **words)
{
    unsigned char params[120] = {0};

    (void)words;
    return result_of(syscall(NR_IO_URING_SETUP, 1, params));
}

static int call_io_uring_enter(char **words)
{
    (void)words;
    return result_of(syscall(NR_IO_URING_ENTER, -1, 0, 0, 0, NULL, 0));
}

static int call_io_uring_register(char **words)
{
    (void)words;
    return result_of(syscall(NR_IO_URING_REGISTER, -1, 0, NULL, 0));
}

static int call_memfd_secret(char **words)
{
    (void)words;
    return result_of(syscall(NR_MEMFD_SECRET, 0));
}

static int call_add_key(char **words)
{
    (void)words;
    return result_of(syscall(SYS_add_key, "user", "svenv-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int call_keyctl(char **words)
{
    (void)words;
    return result_of(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

/* Not found, where the call is there. */
static int call_request_key(char **words)
{
    (void)words;
    return result_of(syscall(SYS_request_key, "user", "svenv-probe-none", NULL, 0));
}

/* A map of its own that goes with the process; unprivileged bpf may be off outside as well. */
static int call_bpf(char **words)
{
    (void)words;
    return result_of(syscall(SYS_bpf, -1, NULL, 0));
}

static int call_perf(char **words)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof(attr),
                                   .config = PERF_COUNT_SW_TASK_CLOCK,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};

    (void)words;
    return result_of(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int call_userfaultfd(char **words)
{
    (void)words;
    return result_of(syscall(SYS_userfaultfd, 1 /* user faults only */));
}

static int call_fanotify(char **words)
{
    (void)words;
    return result_of(syscall(SYS_fanotify_init, 0x200 /* report file handles */, O_RDONLY));
}

static int call_syslog(char **words)
{
    (void)words;
    return result_of(syscall(SYS_syslog, 10, NULL, 0));
}

/* With a wrong magic number: a kernel that gets as far answers EINVAL. */
static int call_reboot(char **words)
{
    (void)words;
    return result_of(syscall(SYS_reboot, 0, 0, RB_DISABLE_CAD, NULL));
}

static int call_adjtimex(char **words)
{
    struct timex read_only = {.modes = 0};

    (void)words;
    return result_of(adjtimex(&read_only));
}

static int call_remap_file_pages(char **words)
{
    (void)words;
    return result_of(syscall(SYS_remap_file_pages, 0, 0, 0, 0, 0));
}

static int call_migrate_pages(char **words)
{
    (void)words;
    return result_of(syscall(SYS_migrate_pages, 0, 0, NULL, NULL));
}

static int call_get_mempolicy(char **words)
{
    int mode = 0;

    (void)words;
    return result_of(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0));
}

static int call_name_to_handle(char **words)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char data[128];
    } handle = {.bytes = sizeof(handle.data)};
    int mount = 0;

    (void)words;
    return result_of(syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &mount, 0));
}

static int call_open_by_handle(char **words)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char data[128];
    } handle = {.bytes = sizeof(handle.data)};

    (void)words;
    return result_of(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
}

static int call_sysfs(char **words)
{
    (void)words;
    return result_of(syscall(SYS_sysfs, 3));
}

static int call_vhangup(char **words)
{
    (void)words;
    return setsid() < 0 ? -errno : result_of(syscall(SYS_vhangup));
}

const struct call kernel_calls[] = {
    {"io_uring_setup", call_io_uring_setup, false},
    {"io_uring_enter", call_io_uring_enter, false},
    {"io_uring_register", call_io_uring_register, false},
    {"memfd_secret", call_memfd_secret, false},
    {"add_key", call_add_key, false},
    {"keyctl", call_keyctl, false},
    {"request_key", call_request_key, false},
    {"bpf", call_bpf, false},
    {"perf_event_open", call_perf, false},
    {"userfaultfd", call_userfaultfd, false},
    {"fanotify_init", call_fanotify, false},
    {"syslog", call_syslog, false},
    {"reboot", call_reboot, true},
    {"adjtimex", call_adjtimex, false},
    {"remap_file_pages", call_remap_file_pages, false},
    {"migrate_pages", call_migrate_pages, false},
    {"get_mempolicy", call_get_mempolicy, false},
    {"name_to_handle_at", call_name_to_handle, false},
    {"open_by_handle_at", call_open_by_handle, false},
    {"sysfs", call_sysfs, false},
    {"vhangup", call_vhangup, true},
    {NULL, NULL, false},
};
