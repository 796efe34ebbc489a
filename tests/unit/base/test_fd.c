#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"

#include "scratch.h"

static struct scratch furnished(void)
{
    struct scratch s = scratch_new();

    cr_assert_eq(mkdirat(s.fd, "d", 0755), 0);
    scratch_write(&s, "f", "text");
    scratch_write(&s, "d/g", "deep");
    cr_assert_eq(symlinkat("f", s.fd, "link"), 0);
    cr_assert_eq(symlinkat("d", s.fd, "dlink"), 0);
    cr_assert_eq(symlinkat("/etc", s.fd, "abs"), 0);
    cr_assert_eq(symlinkat("/proc/self/cwd", s.fd, "magic"), 0);
    cr_assert_eq(mkfifoat(s.fd, "fifo", 0644), 0);
    return s;
}

static const struct {
    const char *path;
    int flags, want; /* want 0: a descriptor */
} opens[] = {
    {"f", O_RDONLY, 0},
    {"d/g", O_RDONLY, 0},
    {"./d//g", O_RDONLY, 0},
    {"d", O_PATH | O_DIRECTORY, 0},
    {"f", O_PATH | O_DIRECTORY, -ENOTDIR},
    {".", O_PATH | O_DIRECTORY, 0},
    {"fifo", O_RDONLY, 0},
    {"fifo", O_WRONLY, -ENXIO},
    {"", O_RDONLY, -ENOENT},
    {"none", O_RDONLY, -ENOENT},
    {"link", O_RDONLY, -ELOOP},
    {"link", O_PATH, -ELOOP},
    {"dlink/g", O_RDONLY, -ELOOP},
    {"abs/passwd", O_RDONLY, -ELOOP},
    {"magic/f", O_RDONLY, -ELOOP},
    {"..", O_RDONLY, -EXDEV},
    {"d/../f", O_RDONLY, -EXDEV},
    {"/etc/passwd", O_RDONLY, -EXDEV},
    {"new", O_WRONLY | O_CREAT, 0},
    {"link", O_WRONLY | O_CREAT, -ELOOP},
    {"..d", O_RDONLY, -ENOENT},
};

Test(fd, open_beneath, .timeout = 10)
{
    struct scratch s = furnished();

    for (size_t i = 0; i < ARRAY_SIZE(opens); i++) {
        int fd = fd_open_beneath(s.fd, opens[i].path, opens[i].flags, 0640);

        cr_expect_eq(fd < 0 ? fd : 0, opens[i].want, "'%s': %d", opens[i].path, fd);
        if (fd < 0)
            continue;
        cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    scratch_drop(&s);
}

#define LETTERS_15 "abcdefghijklmno"
#define LETTERS_60 LETTERS_15 LETTERS_15 LETTERS_15 LETTERS_15
#define LETTERS_255 LETTERS_60 LETTERS_60 LETTERS_60 LETTERS_60 LETTERS_15

static const struct {
    const char *path;
    int want;
} mkdirs[] = {
    {"", 0},
    {".", 0},
    {"a/b/c", 0},
    {"a/b/c", 0},
    {"a//x/", 0},
    {"f", -ENOTDIR},
    {"f/x", -ENOTDIR},
    {"dlink/x", -ENOTDIR},
    {"abs/x", -ENOTDIR},
    {"a/../b", -EXDEV},
    {"/tmp/x", -EXDEV},
    {"a/" LETTERS_255 "/b", 0},
    {"a/" LETTERS_255 "x/b", -ENAMETOOLONG},
};

Test(fd, mkdir_beneath)
{
    struct scratch s = furnished();

    for (size_t i = 0; i < ARRAY_SIZE(mkdirs); i++) {
        auto_fd int fd = fd_mkdir_beneath(s.fd, mkdirs[i].path, 0700);

        cr_expect_eq(fd < 0 ? fd : 0, mkdirs[i].want, "'%s': %d", mkdirs[i].path, fd);
    }
    cr_expect(scratch_has(&s, "a/b/c"));
    cr_expect(scratch_has(&s, "a/x"));
    cr_expect_not(scratch_has(&s, "d/x"));
    scratch_drop(&s);
}

static const struct {
    const char *path;
    size_t max;
    int want;
    const char *text;
} reads[] = {
    {"f", 4, 0, "<text"},      {"f", 3, -EFBIG, "<"},     {"d", 9, -EINVAL, "<"},
    {"fifo", 9, -EINVAL, "<"}, {"none", 9, -ENOENT, "<"}, {"link", 9, -ELOOP, "<"},
    {"d/g", 9, 0, "<deep"},
};

Test(fd, file_read_appends_or_leaves_alone, .timeout = 10)
{
    struct scratch s = furnished();

    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        auto_buf struct buf out = {0};
        struct err err = {0};

        buf_add_str(&out, "<");
        cr_expect_eq(file_read(s.fd, reads[i].path, reads[i].max, &out, &err), reads[i].want);
        cr_expect_str_eq(out.data, reads[i].text, "'%s'", reads[i].path);
        cr_expect_eq(err.code, -reads[i].want);
    }
    scratch_drop(&s);
}

Test(fd, file_read_by_path_follows_links)
{
    struct scratch s = furnished();
    auto_buf struct buf out = {0};
    auto_free char *path = xasprintf("%s/link", s.path);

    cr_expect_eq(file_read(AT_FDCWD, path, 100, &out, NULL), 0);
    cr_expect_str_eq(out.data, "text");
    cr_expect_eq(file_read(AT_FDCWD, "/dev/null", 100, &out, NULL), -EINVAL);
    scratch_drop(&s);
}

static const char *const bad_names[] = {"", ".", "..", "a/b", "/tmp/x"};

Test(fd, write_atomic)
{
    struct scratch s = furnished();
    struct err err = {0};
    struct stat st;
    auto_buf struct buf out = {0};

    umask(077);
    cr_expect_eq(file_write_atomic(s.fd, "f", "new\0er", 6, 0754, &err), 0);
    cr_expect_eq(file_read(s.fd, "f", 100, &out, NULL), 0);
    cr_expect_eq(out.len, 6);
    cr_assert_eq(fstatat(s.fd, "f", &st, 0), 0);
    cr_expect_eq(st.st_mode & 07777, 0754);
    /* A link is replaced, never written through. */
    cr_expect_eq(file_write_atomic(s.fd, "link", "", 0, 0600, &err), 0);
    cr_assert_eq(fstatat(s.fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
    cr_expect(S_ISREG(st.st_mode));
    cr_expect_eq(file_write_atomic(s.fd, "d", "x", 1, 0600, &err), -EISDIR);
    for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++)
        cr_expect_eq(file_write_atomic(s.fd, bad_names[i], "x", 1, 0600, &err), -EINVAL);
    scratch_drop(&s);
}

static int count_entries(const struct scratch *s)
{
    auto_free char *command = xasprintf("test \"$(ls -A %s | wc -l)\" = 7", s->path);

    return system(command);
}

Test(fd, write_atomic_leaves_nothing_behind)
{
    struct scratch s = furnished();

    cr_expect_eq(file_write_atomic(s.fd, "d", "x", 1, 0600, NULL), -EISDIR);
    cr_expect_eq(count_entries(&s), 0);
    scratch_drop(&s);
}

Test(fd, old_temporaries_are_forgotten)
{
    static const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    struct scratch s = scratch_new();

    scratch_write(&s, ".sandbox-venv-tmp-0000000000000001", "old");
    scratch_write(&s, ".sandbox-venv-tmp-0000000000000002", "new");
    scratch_write(&s, "tmp", "another's");
    cr_assert_eq(mkdirat(s.fd, ".sandbox-venv-tmp-dir", 0700), 0);
    cr_assert_eq(utimensat(s.fd, ".sandbox-venv-tmp-0000000000000001", old, 0), 0);
    cr_assert_eq(utimensat(s.fd, ".sandbox-venv-tmp-dir", old, 0), 0);
    cr_assert_eq(utimensat(s.fd, "tmp", old, 0), 0);
    file_forget_temporaries(s.fd);
    cr_expect(faccessat(s.fd, ".sandbox-venv-tmp-0000000000000001", F_OK, 0) < 0);
    cr_expect_eq(faccessat(s.fd, ".sandbox-venv-tmp-0000000000000002", F_OK, 0), 0);
    cr_expect_eq(faccessat(s.fd, ".sandbox-venv-tmp-dir", F_OK, 0), 0);
    cr_expect_eq(faccessat(s.fd, "tmp", F_OK, 0), 0);
    scratch_drop(&s);
}

Test(fd, write_atomic_through_an_o_path_directory)
{
    struct scratch s = scratch_new();
    auto_fd int dir = open(s.path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    cr_expect_eq(file_write_atomic(dir, "x", "1", 1, 0600, NULL), 0);
    cr_expect(scratch_has(&s, "x"));
    scratch_drop(&s);
}

static const size_t copy_sizes[] = {0, 1, 65536, 65537, 300001};

Test(fd, copy_is_whole_whatever_the_offset)
{
    struct scratch s = scratch_new();

    for (size_t i = 0; i < ARRAY_SIZE(copy_sizes); i++) {
        auto_free char *data = xcalloc(copy_sizes[i] + 1, 1);
        auto_buf struct buf out = {0};

        memset(data, 'x', copy_sizes[i]);
        cr_assert_eq(file_write_atomic(s.fd, "from", data, copy_sizes[i], 0600, NULL), 0);
        auto_fd int from = openat(s.fd, "from", O_RDONLY | O_CLOEXEC);
        auto_fd int to = openat(s.fd, "to", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        lseek(from, 1, SEEK_SET);
        cr_expect_eq(fd_copy(from, to), 0);
        cr_expect_eq(file_read(s.fd, "to", 1 << 20, &out, NULL), 0);
        cr_expect_eq(out.len, copy_sizes[i]);
        cr_expect_eq(memcmp(out.data, data, out.len), 0);
    }
    scratch_drop(&s);
}

/* A gigabyte of nothing takes no room, in the copy neither. */
Test(fd, copy_keeps_holes)
{
    static const off_t places[][2] = {{0, 1}, {1 << 20, 2}, {(off_t)1 << 30, 0}, {5, 1 << 22}};
    struct scratch s = scratch_new();

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        auto_fd int from = openat(s.fd, "from", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        auto_fd int to = openat(s.fd, "to", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct stat a, b;
        char text[3] = "";

        cr_assert_eq(pwrite(from, "xy", 2, places[i][0]), 2);
        cr_assert_eq(ftruncate(from, places[i][0] + 2 + places[i][1]), 0);
        cr_expect_eq(fd_copy(from, to), 0);
        cr_assert_eq(fstat(from, &a), 0);
        cr_assert_eq(fstat(to, &b), 0);
        cr_expect_eq(a.st_size, b.st_size, "row %zu", i);
        cr_expect_leq(b.st_blocks, a.st_blocks + 64, "row %zu", i);
        cr_expect_eq(pread(to, text, 2, places[i][0]), 2);
        cr_expect_str_eq(text, "xy", "row %zu", i);
    }
    scratch_drop(&s);
}

Test(fd, copy_of_what_has_no_size)
{
    struct scratch s = scratch_new();
    auto_fd int from = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    auto_fd int to = openat(s.fd, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    cr_expect_eq(fd_copy(from, to), 0);
    cr_assert_eq(fstat(to, &st), 0);
    cr_expect_gt(st.st_size, 100);
    cr_expect_eq(fd_copy(s.fd, to), -EINVAL);
    scratch_drop(&s);
}

Test(fd, identity)
{
    struct scratch s = furnished();
    struct file_id link = file_id_of(s.fd, "link", false);
    struct file_id target = file_id_of(s.fd, "link", true);
    struct file_id file = file_id_of(s.fd, "f", false);
    struct file_id none = file_id_of(s.fd, "none", false);

    cr_expect(file_id_eq(&target, &file));
    cr_expect_not(file_id_eq(&link, &file));
    cr_expect_eq(none.mode, 0);
    scratch_write(&s, "f", "longer text");
    struct file_id later = file_id_of(s.fd, "f", false);
    cr_expect_not(file_id_eq(&later, &file));
    scratch_drop(&s);
}
