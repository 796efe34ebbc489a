#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#include "loaded-internal.h"

enum made {
    MADE_TEXT,
    MADE_LINK,
    MADE_FIFO,
    MADE_DIR,
    MADE_LARGE
};

static void loaded_make(const char *path, enum made kind, const char *text)
{
    auto_free char *large = NULL;

    if (kind == MADE_LINK)
        cr_assert_eq(symlink(text, path), 0);
    else if (kind == MADE_FIFO)
        cr_assert_eq(mkfifo(path, 0600), 0);
    else if (kind == MADE_DIR)
        cr_assert_eq(mkdir(path, 0700), 0);
    else {
        auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
        if (kind == MADE_LARGE)
            cr_assert_eq(ftruncate(fd, (1 << 20) + 1), 0);
    }
}

/* The whole name counts, wherever it stands. A file that cannot be looked through names everything.
 */
Test(loaded, files)
{
    static const struct {
        const char *name;
        enum made kind;
        const char *text;
        bool found;
    } rows[] = {
        {".env", MADE_TEXT, "A=1\nBWRAP_ARGS=--bind / /\n", true},
        {".env.local", MADE_TEXT, "export 'BWRAP_ARGS' = x", true},
        {"sub/.env", MADE_TEXT, "BWRAP_ARGS=", true},
        {"deep/er/.env", MADE_TEXT, "BWRAP_ARGS=", true},
        {".env", MADE_TEXT, "MY_BWRAP_ARGS=1\nBWRAP_ARGS2=1\n", false},
        {".env", MADE_TEXT, "", false},
        {".env.example", MADE_TEXT, "BWRAP_ARGS=x", false},
        {"other/.env", MADE_TEXT, "BWRAP_ARGS=x", false}, /* neither on the way nor known */
        {".envrc", MADE_TEXT, "BWRAP_ARGS=x", false},     /* protected, and asked about */
        {".env", MADE_LINK, "target", true},
        {".env", MADE_LINK, "nowhere", false},
        {".env", MADE_FIFO, "", true},
        {".env", MADE_DIR, "", false},
        {".env", MADE_LARGE, "", true},
    };
    static const char *const directories[] = {"venv", "sub", "deep", "deep/er", "other"};
    char project[] = "/tmp/svenv-unit-XXXXXX";
    struct arena arena = {NULL};
    struct plan_present present = {.rel = "deep/er/.env"};
    struct plan_file file = {.project = project, .present = &present, .present_count = 1};
    auto_free char *venv = NULL;
    auto_free char *sub = NULL;
    auto_free char *target = NULL;
    auto_fd int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    cr_assert_not_null(mkdtemp(project));
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
        auto_free char *path = path_join(project, directories[i]);

        cr_assert_eq(mkdir(path, 0700), 0);
    }
    file.venv = venv = path_join(project, "venv");
    sub = path_join(project, "sub");
    target = path_join(project, "target");
    loaded_make(target, MADE_TEXT, "BWRAP_ARGS=x");
    cr_assert_eq(chdir(sub), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *path = path_join(project, rows[i].name);
        const char *from = NULL;

        loaded_make(path, rows[i].kind, rows[i].text);
        from = loaded_from(&arena, &file, "BWRAP_ARGS");
        cr_expect(str_eq(from ? from : "", rows[i].found ? path : ""), "row %zu: %s", i, from);
        cr_assert_eq(rows[i].kind == MADE_DIR ? rmdir(path) : unlink(path), 0);
    }
    cr_assert_eq(chdir("/"), 0);
    cr_expect_eq(tree_remove(tmp, path_basename(project)), 0);
    arena_finish(&arena);
}
