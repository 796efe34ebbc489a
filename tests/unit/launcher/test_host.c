/* The facts about the host, as a command of the installed program would ask for them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "../child.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"
#include "svenv/launcher/host.h"
#include "svenv/plan/plan.h"
#include "svenv/start/start.h"

struct scene {
    char dir[64];
    struct arena arena;
};

static void scene_file(const struct scene *s, const char *name, const char *text)
{
    auto_free char *path = path_join(s->dir, name);
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
}

static void scene_new(struct scene *s)
{
    auto_free char *link = NULL;

    *s = (struct scene){.dir = "/tmp/svenv-unit-XXXXXX"};
    cr_assert_not_null(mkdtemp(s->dir));
    link = path_join(s->dir, "link");
    cr_assert_eq(symlink(".env", link), 0);
    scene_file(s, ".env", "A=1\n");
    scene_file(s, "wrong", "A='\n");
}

static void scene_drop(struct scene *s)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    cr_expect_eq(tree_remove(tmp, path_basename(s->dir)), 0);
    close(tmp);
    arena_finish(&s->arena);
}

/* Return: a number that says what was wrong; 0: nothing. */
static int collect(void *context)
{
    static const char *const argv[] = {"pip", "install", "x", NULL};
    const struct scene *s = context;
    struct arena arena = {0};
    struct start start = {.entry = "pip", .called_as = "/v/bin/pip", .argv = argv, .argc = 3};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (chdir(s->dir) < 0 || setenv("SVENV_UNIT", "yes", 1) < 0)
        return 1;
    if (host_collect(&arena, &start, NULL) < 0)
        return 2;
    if (!str_eq(start.entry, "pip") || !str_eq(start.called_as, "/v/bin/pip") ||
        start.argv != argv || start.argc != 3)
        return 3;
    if (!str_eq(start.cwd, s->dir) || start.terminal || start.dotenv)
        return 4;
    for (size_t i = 0; start.env[i]; i++) {
        if (str_eq(start.env[i], "SVENV_UNIT=yes"))
            return 0;
    }
    return 5;
}

static int collect_nowhere(void *context)
{
    const struct scene *s = context;
    auto_free char *gone = path_join(s->dir, "gone");
    struct arena arena = {0};
    struct start start = {.entry = "pip"};

    if (mkdir(gone, 0700) < 0 || chdir(gone) < 0 || rmdir(gone) < 0)
        return 1;
    return host_collect(&arena, &start, NULL) == -ENOENT ? 0 : 2;
}

Test(host, the_command_line_stays)
{
    struct scene s;

    scene_new(&s);
    cr_expect_eq(in_child(collect, &s), 0);
    cr_expect_eq(in_child(collect_nowhere, &s), 0);
    scene_drop(&s);
}

Test(host, paths_are_looked_up)
{
    static const struct {
        const char *name;
        enum path_kind kind;
        const char *link;
        const char *text;
    } cases[] = {
        {".env", PATH_FILE, NULL, "A=1\n"},
        {"link", PATH_FILE, ".env", NULL}, /* read without following a link */
        {"missing", PATH_ABSENT, NULL, NULL},
        {".", PATH_DIR, NULL, NULL},
    };
    struct scene s;
    struct start start = {.entry = NULL};

    scene_new(&s);
    cr_assert_eq(host_collect(&s.arena, &start, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *path = path_join(s.dir, cases[i].name);
        const struct host_view *host = &start.host;
        const char *link = NULL;
        const char *text = host->text(host->context, &s.arena, path);

        (void)host->link(host->context, &s.arena, path, &link);
        cr_expect_eq(host->kind(host->context, path), cases[i].kind, "%s", path);
        cr_expect(str_eq(link ? link : "", cases[i].link ? cases[i].link : ""), "%s", path);
        cr_expect(str_eq(text ? text : "", cases[i].text ? cases[i].text : ""), "%s", path);
    }
    scene_drop(&s);
}

/* In the project, so that code in the sandbox can have put anything there. */
Test(host, dotenv_of_a_project)
{
    static const struct {
        const char *name;
        bool read;
        size_t count;
        const char *why;
    } cases[] = {
        {".env", true, 1, NULL},
        {"missing", false, 0, NULL},
        {"link", false, 0, "it is a symbolic link, or lies behind one"},
        {"wrong", true, 0, NULL},
        {"fifo", false, 0, "it is not a regular file"},
        {"directory", false, 0, "it is a directory"},
        {".", false, 0, NULL},
    };
    struct scene s;

    scene_new(&s);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *path =
            str_eq(cases[i].name, ".") ? xstrdup(s.dir) : path_join(s.dir, cases[i].name);
        const struct plan plan = {.dotenv = path};
        const struct plan_file file = {.project = s.dir};
        struct dotenv vars = {.count = 0};
        const char *why = NULL;

        if (str_eq(cases[i].name, "fifo"))
            cr_assert_eq(mkfifo(path, 0600), 0);
        if (str_eq(cases[i].name, "directory"))
            cr_assert_eq(mkdir(path, 0700), 0);
        cr_expect_eq(host_dotenv(&s.arena, &plan, &file, &vars, &why), cases[i].read, "%s", path);
        cr_expect(str_eq(why ? why : "", cases[i].why ? cases[i].why : ""), "%s: %s", path, why);
        cr_expect_eq(vars.count, cases[i].count, "%s", path);
        if (str_eq(cases[i].name, "fifo") || str_eq(cases[i].name, "directory"))
            cr_assert_eq(remove(path), 0);
    }
    scene_drop(&s);
}
