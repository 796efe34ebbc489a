/* Landlock: the rights of every ABI, as landlock(7) lists them, and the answers under rules of
 * those ABIs that this kernel can play. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../child.h"
#include "landlock-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/syscalls.h"

#define BIT(n) (1ULL << (n))
#define EXECUTE BIT(0)
#define WRITE_FILE BIT(1)
#define READ_FILE BIT(2)
#define READ_DIR BIT(3)
#define MAKE_CHAR BIT(6)
#define MAKE_BLOCK BIT(11)
#define REFER BIT(13)
#define TRUNCATE BIT(14)
#define IOCTL_DEV BIT(15)
#define RESOLVE_UNIX BIT(16)
#define NEWEST 10u

/* The numbers are the kernel's, not our table's. */
static const struct {
    unsigned since;
    unsigned right;
} rights[] = {
    {1, 0}, {1, 1},  {1, 2},  {1, 3},  {1, 4},  {1, 5},  {1, 6},  {1, 7},  {1, 8},
    {1, 9}, {1, 10}, {1, 11}, {1, 12}, {2, 13}, {3, 14}, {5, 15}, {9, 16},
};

static uint64_t rights_of(unsigned abi)
{
    uint64_t all = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
        if (rights[i].since <= abi)
            all |= BIT(rights[i].right);
    }
    return all;
}

Test(landlock, every_right_of_every_abi_is_handled)
{
    for (unsigned abi = 1; abi <= NEWEST; abi++) {
        struct landlock_ruleset_v6 attr;
        size_t size = landlock_attr(abi, &attr);

        cr_expect_eq(landlock_handled(abi), rights_of(abi), "ABI %u", abi);
        cr_expect_eq(attr.handled_access_fs, rights_of(abi), "ABI %u", abi);
        /* Older kernels refuse a structure with more in it than they know. */
        cr_expect_eq(size, abi < 6 ? 8u : 24u, "ABI %u", abi);
        cr_expect_eq(attr.scoped, abi < 6 ? 0u : 3u, "ABI %u", abi);
    }
}

Test(landlock, rules_give_what_they_say)
{
    for (unsigned abi = 1; abi <= NEWEST; abi++) {
        uint64_t all = rights_of(abi);
        uint64_t read = EXECUTE | READ_FILE | READ_DIR;
        uint64_t write = all & ~(MAKE_CHAR | MAKE_BLOCK | RESOLVE_UNIX);
        uint64_t file = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX;

        cr_expect_eq(landlock_rights(abi, 0, true), read, "ABI %u", abi);
        cr_expect_eq(landlock_rights(abi, LANDLOCK_WRITE, true), write, "ABI %u", abi);
        cr_expect_eq(landlock_rights(abi, LANDLOCK_WRITE, false), write & file, "ABI %u", abi);
        cr_expect_eq(landlock_rights(abi, LANDLOCK_CONNECT, true), read | (all & RESOLVE_UNIX));
        cr_expect_eq(landlock_rights(abi, LANDLOCK_CONNECT, false),
                     (read & file) | (all & RESOLVE_UNIX));
    }
}

/* --- on this kernel, which can play every ABI up to its own ------------------------------------
 */

struct place {
    char dir[64];
    unsigned abi;
    int (*act)(const struct place *place);
};

static char *in(const struct place *place, const char *name)
{
    return xasprintf("%s/%s", place->dir, name);
}

static int act_confined(void *arg)
{
    const struct place *place = arg;
    char *open_dir = in(place, "open");
    char *other = in(place, "other");
    struct err err = {0};
    int ruleset = landlock_open(place->abi, &err);

    if (ruleset < 0 || landlock_allow(ruleset, place->abi, -1, "/", 0, &err) < 0 ||
        landlock_allow(ruleset, place->abi, -1, open_dir, LANDLOCK_WRITE, &err) < 0 ||
        landlock_allow(ruleset, place->abi, -1, other, LANDLOCK_WRITE, &err) < 0 ||
        landlock_allow_inherited(ruleset, place->abi, &err) < 0 || no_new_privs(&err) < 0 ||
        landlock_enforce(ruleset, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 200;
    }
    return place->act(place);
}

static int act_free(void *arg)
{
    const struct place *place = arg;

    return place->act(place);
}

/* The answer of `act` inside under the given ABI (0: outside). -1: this kernel does not have it. */
static int result_of(unsigned abi, int (*act)(const struct place *))
{
    struct place place = {.dir = "/tmp/svenv-landlock-XXXXXX", .abi = abi, .act = act};
    char *command = NULL;
    int result;

    if (abi > landlock_abi())
        return -1;
    cr_assert_not_null(mkdtemp(place.dir));
    command = xasprintf("cd %s && mkdir open other closed && echo old > closed/file && "
                        "echo old > open/file",
                        place.dir);
    cr_assert_eq(system(command), 0);
    free(command);
    result = in_child(abi ? act_confined : act_free, &place);
    command = xasprintf("rm -r %s", place.dir);
    cr_assert_eq(system(command), 0);
    free(command);
    return result;
}

static int code_of(int result)
{
    return result < 0 ? errno : 0;
}

static int write_closed(const struct place *place)
{
    return code_of(open(in(place, "closed/file"), O_WRONLY));
}

static int write_open(const struct place *place)
{
    return code_of(open(in(place, "open/new"), O_WRONLY | O_CREAT, 0600));
}

static int truncate_closed(const struct place *place)
{
    return code_of(truncate(in(place, "closed/file"), 0));
}

static int rename_across(const struct place *place)
{
    return code_of(rename(in(place, "open/file"), in(place, "other/file")));
}

static int make_device(const struct place *place)
{
    return code_of(mknod(in(place, "open/null"), S_IFCHR | 0600, 0x103));
}

static int make_fifo(const struct place *place)
{
    return code_of(mknod(in(place, "open/fifo"), S_IFIFO | 0600, 0));
}

static int remove_closed(const struct place *place)
{
    return code_of(unlink(in(place, "closed/file")));
}

static int signal_outside(const struct place *place)
{
    (void)place;
    return code_of(kill(getppid(), 0));
}

static int connect_abstract(const struct place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    /* The parent's, bound before by the test under this name. */
    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "svenv-test-%d", (int)getppid());
    (void)place;
    return code_of(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static const struct {
    const char *name;
    int (*act)(const struct place *);
    unsigned from; /* the first ABI that holds it; 0: none should */
    int code;      /* how it is refused */
    int before;    /* what older ABIs say */
} rows[] = {
    {"write_closed", write_closed, 1, EACCES, 0},
    {"remove_closed", remove_closed, 1, EACCES, 0},
    {"write_open", write_open, 0, 0, 0},
    {"make_fifo", make_fifo, 0, 0, 0},
    {"truncate_closed", truncate_closed, 3, EACCES, 0},
    {"signal_outside", signal_outside, 6, EPERM, 0},
    {"connect_abstract", connect_abstract, 6, EPERM, 0},
};

static int bind_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "svenv-test-%d", (int)getpid());
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 64), 0);
    return fd;
}

Test(landlock, holds_what_each_abi_can)
{
    auto_fd int listener = bind_abstract();

    cr_assert_geq(listener, 0);
    if (landlock_abi() == 0)
        cr_skip_test("this kernel has no Landlock");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect_eq(result_of(0, rows[i].act), 0, "%s outside", rows[i].name);
        for (unsigned abi = 1; abi <= NEWEST; abi++) {
            bool held = rows[i].from && abi >= rows[i].from;
            int result = result_of(abi, rows[i].act);

            if (result >= 0)
                cr_expect_eq(result, held ? rows[i].code : rows[i].before, "%s, ABI %u: %d",
                             rows[i].name, abi, result);
        }
    }
}

/* The other way about: before ABI 2 a kernel lets nobody move files between directories. */
Test(landlock, moves_between_directories_from_abi_2_on)
{
    if (landlock_abi() < 2)
        cr_skip_test("this kernel has no REFER");
    cr_expect_eq(result_of(0, rename_across), 0);
    cr_expect_eq(result_of(1, rename_across), EXDEV);
    for (unsigned abi = 2; abi <= landlock_abi(); abi++)
        cr_expect_eq(result_of(abi, rename_across), 0, "ABI %u", abi);
}

Test(landlock, makes_no_devices)
{
    if (landlock_abi() == 0)
        cr_skip_test("this kernel has no Landlock");
    if (geteuid() != 0)
        cr_skip_test("only root can make a device at all");
    cr_expect_eq(result_of(0, make_device), 0);
    for (unsigned abi = 1; abi <= landlock_abi(); abi++)
        cr_expect_eq(result_of(abi, make_device), EACCES, "ABI %u", abi);
}

/* --- redirected files --------------------------------------------------------------------------
 */

/* The file is opened outside, `flags` again inside through the descriptor's name. */
static int again(const struct place *place, int first, int second)
{
    char name[32];
    char *path = in(place, "closed/file");
    int fd = open(path, first);
    struct place confined = *place;
    struct err err = {0};
    int ruleset;

    if (fd < 0 || dup2(fd, 3) < 0)
        return 201;
    ruleset = landlock_open(confined.abi, &err);
    if (ruleset < 0 ||
        landlock_allow(ruleset, confined.abi, -1, "/proc", LANDLOCK_WRITE, &err) < 0 ||
        landlock_allow_inherited(ruleset, confined.abi, &err) < 0 || no_new_privs(&err) < 0 ||
        landlock_enforce(ruleset, &err) < 0)
        return 202;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", 3);
    fd = open(name, second);
    return fd < 0 ? errno : 0;
}

static const struct {
    int first;
    int second;
    int code;
} reopens[] = {
    {O_WRONLY, O_WRONLY, 0},
    {O_WRONLY, O_WRONLY | O_TRUNC, 0},
    {O_WRONLY | O_APPEND, O_WRONLY | O_APPEND, 0},
    {O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC, EACCES},
    {O_WRONLY, O_RDONLY, EACCES},
    {O_WRONLY, O_RDWR, EACCES},
    {O_RDONLY, O_RDONLY, 0},
    {O_RDONLY, O_WRONLY, EACCES},
    {O_RDONLY, O_RDONLY | O_TRUNC, EACCES},
    {O_RDONLY, O_RDWR, EACCES},
    {O_RDWR, O_RDWR, 0},
};

static size_t reopen_row;

static int reopen_now(const struct place *place)
{
    struct place confined = *place;

    confined.abi = landlock_abi();
    return again(&confined, reopens[reopen_row].first, reopens[reopen_row].second);
}

Test(landlock, redirected_files_open_again_for_what_they_are_open)
{
    if (landlock_abi() < 3)
        cr_skip_test("this kernel's Landlock does not know TRUNCATE");
    for (reopen_row = 0; reopen_row < ARRAY_SIZE(reopens); reopen_row++)
        cr_expect_eq(result_of(0, reopen_now), reopens[reopen_row].code, "row %zu: %d", reopen_row,
                     result_of(0, reopen_now));
}

static int not_inherited(const struct place *place)
{
    int fd = open(in(place, "closed/file"), O_RDONLY | O_CLOEXEC);
    struct err err = {0};
    int ruleset = landlock_open(landlock_abi(), &err);
    char name[32];

    if (fd < 0 || fd > 9 || ruleset < 0 ||
        landlock_allow_inherited(ruleset, landlock_abi(), &err) < 0 || no_new_privs(&err) < 0 ||
        landlock_enforce(ruleset, &err) < 0)
        return 202;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    return code_of(open(name, O_RDONLY));
}

Test(landlock, files_that_the_program_does_not_get_give_nothing)
{
    if (landlock_abi() == 0)
        cr_skip_test("this kernel has no Landlock");
    cr_expect_eq(result_of(0, not_inherited), EACCES);
}
