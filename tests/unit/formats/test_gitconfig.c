/* Compares our reading of git's configuration with the rows, and with this machine's git. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/formats/gitconfig.h"

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

static void add_entry(struct buf *out, const struct gitconfig_entry *entry)
{
    buf_printf(out, "%s.", entry->section);
    if (entry->sub != NULL)
        buf_printf(out, "%s.", entry->sub);
    buf_add_str(out, entry->name);
    if (entry->value != NULL)
        buf_printf(out, "=%s", entry->value);
    buf_add_char(out, ';');
}

static void read_row(const char *text, size_t len, struct buf *out)
{
    struct arena arena = {0};
    struct gitconfig config;

    gitconfig_parse(&arena, text, len, &config);
    buf_add_str(out, "");
    cr_expect_not(config.cut);
    for (size_t i = 0; i < config.count; i++)
        add_entry(out, &config.entries[i]);
    arena_finish(&arena);
}

Test(gitconfig, rows)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf out = {0};

        read_row(rows[i].text, strlen(rows[i].text), &out);
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

Test(gitconfig, rows_by_git)
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
Test(gitconfig, a_key_without_section_is_none)
{
    static const char text[] = "k = v\n[a]\nl = v\n";
    auto_buf struct buf out = {0};

    read_row(text, strlen(text), &out);
    cr_expect_str_eq(out.data, "a.l=v;");
}

Test(gitconfig, any_bytes_end)
{
    static const char bytes[] = {'[', 'a', ']', '\n', 'k', '=', '\0', 'x', '\\', '\n', '"', '['};

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        auto_buf struct buf out = {0};

        read_row(bytes, len, &out);
    }
}

Test(gitconfig, entries_are_limited)
{
    auto_buf struct buf text = {0};
    struct arena arena = {0};
    struct gitconfig config;

    buf_add_str(&text, "[a]\n");
    for (int i = 0; i < 16385; i++)
        buf_add_str(&text, "k\n");
    gitconfig_parse(&arena, text.data, text.len, &config);
    cr_expect(config.cut);
    cr_expect_eq(config.count, 16384);
    arena_finish(&arena);
}
