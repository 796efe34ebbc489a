/* Compares our reading of git's configuration with the rows, and with this machine's git. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/git/config.h"

struct row {
    const char *text;
    const char *want; /* "section.sub.name=value;", "section.name;" without '=' */
    bool refused;     /* git refuses the file; we read what is whole in it */
};

static const struct row rows[] = {
    {"", "", false},
    {"# only\n; comments\n\n  \t\n", "", false},
    {"[core]\nhooksPath = .githooks\n", "core.hookspath=.githooks;", false},
    {"[CORE]\n\tHooksPath=.githooks", "core.hookspath=.githooks;", false},
    {"[core] hooksPath = a\n", "core.hookspath=a;", false},
    {"[core]\n bare\n x =\n", "core.bare;core.x=;", false},
    {"\xef\xbb\xbf[core]\na = b\n", "core.a=b;", false},
    {"[core]\r\na = b\r\nc = d\r\n", "core.a=b;core.c=d;", false},
    {"[includeIf \"gitdir:~/x/\"]\npath = ../Y\n", "includeif.gitdir:~/x/.path=../Y;", false},
    {"[a \"S \\\"q\\\" \\\\ \\x\"]\nk = v\n", "a.S \"q\" \\ x.k=v;", false},
    {"[a.SUB]\nk = v\n", "a.sub.k=v;", false},
    {"[a \"\"]\nk = v\n", "a..k=v;", false},
    {"[a.b \"C.d\"]\nk = v\n", "a.b.C.d.k=v;", false},
    {"[a]\nk = \"x y\"  \n", "a.k=x y;", false},
    {"[a]\nk = x # comment\nl = y ; other\n", "a.k=x;a.l=y;", false},
    {"[a]\nk = \"x # y\" ; z\n", "a.k=x # y;", false},
    {"[a]\nk = x\\\ny\n", "a.k=xy;", false},
    {"[a]\nk = \"x\\\n y\"\n", "a.k=x y;", false},
    {"[a]\nk = x\\\r\ny\n", "a.k=xy;", false},
    {"[a]\nk = \\\"x\\\" \\\\ \\t\\n\\b.\n", "a.k=\"x\" \\ \t\n\b.;", false},
    {"[a]\nk = a\"b c\"d\n", "a.k=ab cd;", false},
    {"[a]\nk = \"x \"\n", "a.k=x ;", false},
    {"[a]\nk = \"x \"   # y\n", "a.k=x ;", false},
    {"[a]\nk = one\nk = two\n", "a.k=one;a.k=two;", false},
    {"[a]\n[b]\nk = v\n", "b.k=v;", false},
    {"[filter \"f\"]\nclean = sh -c 'tools/x \"%f\"'\n", "filter.f.clean=sh -c 'tools/x %f';",
     false},
    {"[a]\nk = v\\", "a.k=v;", false},
    {"[a]\nk = \"open\nl = v\n", "a.l=v;", true},
    {"[a]\nk = \\x\nl = v\n", "a.l=v;", true},
    {"[a\nk = v\n[b]\nl = v\n", "b.l=v;", true},
    {"[a]\nk v\nl = v\n", "a.l=v;", true},
    {"[a]\n_k = v\nl = v\n", "a.l=v;", true},
    {"[a \"x]\nk = v\n[b]\nl = v\n", "b.l=v;", true},
};

static bool add_entry(void *context, const struct git_config_entry *entry)
{
    struct buf *out = context;

    buf_printf(out, "%s.", entry->section);
    if (entry->sub != NULL)
        buf_printf(out, "%s.", entry->sub);
    buf_add_str(out, entry->name);
    if (entry->value != NULL)
        buf_printf(out, "=%s", entry->value);
    buf_add_char(out, ';');
    return true;
}

static int read_row(const char *text, size_t len, struct buf *out)
{
    auto_free char *room = xcalloc(len + GIT_CONFIG_ROOM, 1);
    int rc = git_config_read(text, len, room, len + GIT_CONFIG_ROOM, add_entry, out);

    buf_add_str(out, "");
    cr_expect(rc == 0 || rc == -EINVAL);
    return rc;
}

Test(git_config, rows)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf out = {0};

        cr_expect_eq(read_row(rows[i].text, strlen(rows[i].text), &out),
                     rows[i].refused ? -EINVAL : 0, "row %zu", i);
        cr_expect_str_eq(out.data, rows[i].want, "row %zu: '%s'", i, out.data);
    }
}

/* git's list has a newline for our '=', and a NUL for our ';'.
 * Return: git's exit status; 127: there is no git. */
static int ask_git(const char *file, struct buf *out)
{
    int ends[2];
    int status = 0;
    pid_t pid;

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execlp("git", "git", "config", "-f", file, "-z", "--list", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    buf_add_str(out, "");
    cr_assert_eq(fd_read_all(ends[0], GIT_CONFIG_BYTES_MAX, out), 0);
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void as_ours(struct buf *list)
{
    bool in_name = true;

    for (size_t i = 0; i < list->len; i++) {
        char *c = &list->data[i];

        if (*c == '\0') {
            *c = ';';
            in_name = true;
        } else if (in_name && *c == '\n') {
            *c = '=';
            in_name = false;
        }
    }
}

Test(git_config, rows_by_git)
{
    char file[] = "/tmp/svenv-gitconfig-XXXXXX";
    int fd = mkostemp(file, O_CLOEXEC);
    bool asked = true;

    cr_assert(fd >= 0);
    for (size_t i = 0; asked && i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf list = {0};
        int status = 0;

        cr_assert_eq(ftruncate(fd, 0), 0);
        cr_assert_eq(pwrite(fd, rows[i].text, strlen(rows[i].text), 0),
                     (ssize_t)strlen(rows[i].text));
        status = ask_git(file, &list);
        asked = status != 127;
        if (!asked)
            break;
        as_ours(&list);
        cr_expect_eq(status != 0, rows[i].refused, "row %zu: git says %d", i, status);
        if (status == 0)
            cr_expect_str_eq(list.data, rows[i].want, "row %zu: '%s'", i, list.data);
    }
    close(fd);
    unlink(file);
    if (!asked) {
        cr_assert(getenv("SVENV_MUST_WORK") == NULL, "there is no git to compare with");
        cr_skip_test("there is no git to compare with");
    }
}

/* git reads a key before the first section, and has no use for it. */
Test(git_config, a_key_without_section_is_none)
{
    static const char text[] = "k = v\n[a]\nl = v\n";
    auto_buf struct buf out = {0};

    read_row(text, strlen(text), &out);
    cr_expect_str_eq(out.data, "a.l=v;");
}

Test(git_config, any_bytes_end)
{
    static const char bytes[] = {'[', 'a', ']', '\n', 'k', '=', '\0', 'x', '\\', '\n', '"', '['};

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        auto_buf struct buf out = {0};

        read_row(bytes, len, &out);
    }
}

static bool want_one(void *context, const struct git_config_entry *entry)
{
    size_t *count = context;

    cr_expect_str_eq(entry->section, "a");
    return ++*count < 1;
}

Test(git_config, who_wants_no_more_gets_no_more)
{
    static const char text[] = "[a]\nk\nl\n";
    char room[64];
    size_t count = 0;

    cr_expect_eq(git_config_read(text, strlen(text), room, sizeof(room), want_one, &count),
                 -ECANCELED);
    cr_expect_eq(count, 1);
}

/* With each size of the room: an entry comes whole or not at all, and never in silence. */
Test(git_config, no_room)
{
    static const char text[] = "[section \"sub\"]\nlong-name = long value\nk = v\n[a.b \"c\"]\nl\n";
    auto_buf struct buf whole = {0};

    cr_expect_eq(read_row(text, strlen(text), &whole), 0);
    for (size_t size = 0; size < sizeof(text) + GIT_CONFIG_ROOM; size++) {
        auto_buf struct buf out = {0};
        auto_free char *room = xcalloc(size + 1, 1);
        int rc = git_config_read(text, strlen(text), room, size, add_entry, &out);

        buf_add_str(&out, "");
        cr_expect(rc == 0 || rc == -ENOBUFS, "%zu: %d", size, rc);
        cr_expect_eq(rc == 0, str_eq(out.data, whole.data), "%zu: %s", size, out.data);
    }
}
