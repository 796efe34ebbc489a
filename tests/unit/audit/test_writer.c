#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/scratch.h"
#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

static struct scratch scratch;
static char *path;
static struct err err;

static void begin(void)
{
    scratch = scratch_new();
    path = path_join(scratch.path, "state/sandbox-venv/" AUDIT_LOG_NAME);
}

static void end(void)
{
    scratch_drop(&scratch);
    free(path);
}

TestSuite(writer, .init = begin, .fini = end);

static int append(const char *text)
{
    return audit_append(path, text, strlen(text), &err);
}

static void expect_text(const char *name, const char *want)
{
    auto_buf struct buf text = {0};

    cr_assert_eq(file_read(scratch.fd, name, 4 * AUDIT_LOG_BYTES, &text, &err), 0, "%s", err.msg);
    cr_expect_str_eq(text.data, want);
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    cr_assert_eq(fstatat(scratch.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", name);
    return st.st_mode & 07777;
}

#define LOG "state/sandbox-venv/audit.jsonl"

Test(writer, makes_and_appends)
{
    umask(0);
    cr_assert_eq(append("one\n"), 0, "%s", err.msg);
    cr_assert_eq(append("two\n"), 0, "%s", err.msg);
    expect_text(LOG, "one\ntwo\n");
    cr_expect_eq(mode_of(LOG), 0600);
    cr_expect_eq(mode_of("state/sandbox-venv"), 0700);
}

Test(writer, closes_what_others_can_read)
{
    cr_assert_eq(append("one\n"), 0);
    cr_assert_eq(fchmodat(scratch.fd, LOG, 0644, 0), 0);
    cr_assert_eq(fchmodat(scratch.fd, "state/sandbox-venv", 0755, 0), 0);
    cr_assert_eq(append("two\n"), 0, "%s", err.msg);
    cr_expect_eq(mode_of(LOG), 0600);
    cr_expect_eq(mode_of("state/sandbox-venv"), 0700);
}

Test(writer, refuses_what_others_could_write)
{
    cr_assert_eq(append("one\n"), 0);
    cr_assert_eq(fchmodat(scratch.fd, LOG, 0620, 0), 0);
    cr_expect_eq(append("two\n"), -EPERM);
    cr_assert_eq(fchmodat(scratch.fd, LOG, 0600, 0), 0);
    cr_assert_eq(fchmodat(scratch.fd, "state/sandbox-venv", 0777, 0), 0);
    cr_expect_eq(append("two\n"), -EPERM);
    expect_text(LOG, "one\n");
}

/* LOG-02 */
Test(writer, refuses_a_symlink)
{
    scratch_write(&scratch, "victim", "old");
    cr_assert_eq(append("one\n"), 0);
    unlinkat(scratch.fd, LOG, 0);
    cr_assert_eq(symlinkat("../../victim", scratch.fd, LOG), 0);
    cr_expect_eq(append("two\n"), -EPERM);
    cr_expect_not_null(strstr(err.msg, "symbolic link"));
    expect_text("victim", "old");
}

Test(writer, refuses_a_symlink_in_the_way)
{
    cr_assert_eq(mkdirat(scratch.fd, "elsewhere", 0700), 0);
    cr_assert_eq(symlinkat("elsewhere", scratch.fd, "state"), 0);
    cr_expect_lt(append("one\n"), 0);
    cr_expect_not(scratch_has(&scratch, "elsewhere/sandbox-venv"));
}

Test(writer, refuses_a_hard_link)
{
    cr_assert_eq(append("one\n"), 0);
    cr_assert_eq(linkat(scratch.fd, LOG, scratch.fd, "second", 0), 0);
    cr_expect_eq(append("two\n"), -EPERM);
    expect_text(LOG, "one\n");
}

Test(writer, refuses_a_fifo_without_waiting, .timeout = 10)
{
    cr_assert_eq(append("one\n"), 0);
    unlinkat(scratch.fd, LOG, 0);
    cr_assert_eq(mkfifoat(scratch.fd, LOG, 0600), 0);
    cr_expect_lt(append("two\n"), 0);
}

Test(writer, refuses_a_directory_and_another_users_file)
{
    cr_assert_eq(append("one\n"), 0);
    unlinkat(scratch.fd, LOG, 0);
    cr_assert_eq(mkdirat(scratch.fd, LOG, 0700), 0);
    cr_expect_lt(append("two\n"), 0);
    unlinkat(scratch.fd, LOG, AT_REMOVEDIR);
    if (geteuid() != 0) {
        end(); /* a skipped test does not come to its own */
        cr_skip_test("only root can give a file away");
    }
    scratch_write(&scratch, LOG, "theirs\n");
    cr_assert_eq(fchownat(scratch.fd, LOG, 4242, 4242, 0), 0);
    cr_expect_eq(append("two\n"), -EPERM);
    expect_text(LOG, "theirs\n");
}

/* A full disk cut the last line in two. */
Test(writer, begins_on_a_line_of_its_own)
{
    cr_assert_eq(append("one\n"), 0);
    scratch_write(&scratch, LOG, "one\ntw");
    cr_assert_eq(append("three\n"), 0);
    expect_text(LOG, "one\ntw\nthree\n");
}

static void fill_log(char byte)
{
    auto_buf struct buf text = {0};

    for (size_t i = 0; i + 2 < AUDIT_LOG_BYTES; i++)
        buf_add_char(&text, byte);
    buf_add_char(&text, '\n');
    cr_assert_eq(audit_append(path, text.data, text.len, &err), 0, "%s", err.msg);
}

Test(writer, rotates_and_drops_the_oldest)
{
    for (char c = 'a'; c <= 'g'; c++)
        fill_log(c);
    cr_assert_eq(append("last\n"), 0);
    expect_text(LOG, "last\n");
    for (int i = 1; i <= AUDIT_LOG_OLD; i++) {
        auto_free char *name = xasprintf(LOG ".%d", i);
        auto_buf struct buf text = {0};

        cr_assert_eq(file_read(scratch.fd, name, AUDIT_LOG_BYTES, &text, &err), 0);
        cr_expect_eq(text.data[0], (char)('h' - i));
    }
    cr_expect_not(scratch_has(&scratch, LOG ".5"));
}

Test(writer, rotation_follows_no_link)
{
    scratch_write(&scratch, "victim", "old");
    cr_assert_eq(append("one\n"), 0);
    cr_assert_eq(symlinkat("../../victim", scratch.fd, LOG ".1"), 0);
    fill_log('a');
    fill_log('b');
    expect_text("victim", "old");
}

/* Every line of every process arrives whole, and at most the rotation's limit is lost: nothing. */
Test(writer, many_writers_at_once, .timeout = 60)
{
    enum {
        WRITERS = 8,
        LINES = 200,
        LINE = 2000
    };
    auto_buf struct buf line = {0};
    size_t lines = 0;

    for (int w = 0; w < WRITERS; w++) {
        if (fork() != 0)
            continue;
        for (int i = 0; i < LINE; i++)
            buf_add_char(&line, (char)('a' + w));
        buf_add_char(&line, '\n');
        for (int i = 0; i < LINES; i++) {
            if (audit_append(path, line.data, line.len, &err) < 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 0;

        cr_assert(wait(&status) > 0);
        cr_expect_eq(status, 0);
    }
    for (int i = 0; i <= AUDIT_LOG_OLD; i++) {
        auto_free char *name = i > 0 ? xasprintf(LOG ".%d", i) : xstrdup(LOG);
        auto_buf struct buf text = {0};

        /* All of them, when the writer that renames the file stands still meanwhile. */
        int rc = file_read(scratch.fd, name, (size_t)WRITERS * LINES * (LINE + 2), &text, &err);

        cr_assert(rc == 0 || rc == -ENOENT, "%s: %s", name, err.msg);
        if (rc < 0)
            continue;
        for (const char *at = text.data; at && *at; at += LINE + 1, lines++) {
            /* A writer that looked while another was writing made sure of a line of its own. */
            at += strspn(at, "\n");
            if (*at == '\0')
                break;
            cr_assert_eq(at[LINE], '\n');
            cr_assert_null(memchr(at, '\n', LINE));
            cr_assert_eq(at[0], at[LINE - 1]);
        }
    }
    cr_expect_eq(lines, (size_t)WRITERS * LINES);
}
