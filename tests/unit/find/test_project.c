#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discover-internal.h"
#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

/* The rule's answer for a venv that the user names `path` (below the fixture's root). */
static char *rule(const struct fixture *f, const char *path, const char *project)
{
    auto_free char *named = path_join(f->root, path);
    auto_free char *parent = path_dirname(path);
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(f, str_eq(parent, ".") ? "home" : parent);
    venv_init(&venv);
    venv.path = named;
    venv.named = named;
    if (project_find(&venv, project, f->home, &err) < 0)
        return xasprintf("error: %s", err.msg);
    if (venv.project == NULL)
        return xasprintf("none: %s", venv.project_reason);
    return xstrdup(venv.project + strlen(f->root) + 1);
}

static void expect_rule(const struct fixture *f, const char *path, const char *project,
                        const char *want)
{
    auto_free char *have = rule(f, path, project);

    cr_expect(strstr(have, want) == have, "%s: %s, not %s", path, have, want);
}

Test(project, holds_the_venv)
{
    struct fixture f = fixture_new(NULL);

    expect_rule(&f, "home/src/app/.venv", NULL, "home/src/app");
    expect_rule(&f, "other/venv", NULL, "other");
    expect_rule(&f, "home/envs/one", NULL, "home/envs");
    fixture_drop(&f);
}

Test(project, none_in_the_home_or_above)
{
    struct fixture f = fixture_new(NULL);

    expect_rule(&f, "home/.venv", NULL, "none: ");
    expect_rule(&f, ".venv", NULL, "none: ");
    fixture_drop(&f);
}

Test(project, none_where_tools_keep_many)
{
    static const char *const paths[] = {
        "home/.virtualenvs/a",
        "home/.local/share/virtualenvs/app-Xy12",
        "home/.cache/pypoetry/virtualenvs/app-1-py3.11",
        "home/.local/share/pipx/venvs/black",
        "home/.local/share/hatch/env/virtual/app/hash/app",
        "proj/.tox/py311",
        "proj/.nox/tests",
        "home/.cache/pre-commit/repo123/py_env-python3",
        "home/.local/share/uv/tools/ruff",
        "home/.pyenv/versions/myenv",
        "home/.pyenv/versions/3.11.2/envs/myenv",
    };
    struct fixture f = fixture_new(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        expect_rule(&f, paths[i], NULL, "none: ");
    fixture_drop(&f);
}

static void add_venv(const struct fixture *f, const char *path)
{
    auto_free char *config = xasprintf("%s/pyvenv.cfg", path);

    make_dirs(f, path);
    put_file(f, config, "home = /usr/bin\n", 0644);
}

Test(project, none_among_nothing_but_venvs)
{
    struct fixture f = fixture_new(NULL);

    add_venv(&f, "many/a");
    expect_rule(&f, "many/a", NULL, "many");
    add_venv(&f, "many/b");
    expect_rule(&f, "many/a", NULL, "none: ");
    make_dirs(&f, "many/.git");
    expect_rule(&f, "many/a", NULL, "many");
    add_venv(&f, "fresh/.venv");
    add_venv(&f, "fresh/.venv-3.13");
    expect_rule(&f, "fresh/.venv", NULL, "fresh");
    fixture_drop(&f);
}

Test(project, none_where_everybody_writes)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *open_dir = path_join(f.root, "open");

    make_dirs(&f, "open");
    cr_assert_eq(chmod(open_dir, 01777), 0);
    expect_rule(&f, "open/.venv", NULL, "none: ");
    fixture_drop(&f);
}

Test(project, by_the_users_word)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *project = path_join(f.root, "proj");

    expect_rule(&f, "home/.virtualenvs/a", project, "proj");
    expect_rule(&f, "proj/.venv", f.home, "error: ");
    expect_rule(&f, "proj/.venv", f.root, "error: ");
    expect_rule(&f, "proj/.venv", "/", "error: ");
    expect_rule(&f, "proj/.venv", "/nowhere", "error: ");
    expect_rule(&f, "proj/.venv", f.stub, "error: ");
    fixture_drop(&f);
}

/* proj/.venv -> ~/.virtualenvs/x: the project is where the user looks at it from. */
Test(project, goes_by_the_name_given)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *moved = path_join(f.root, "home/.virtualenvs/x");
    auto_free char *project = path_join(f.root, "proj");
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, "home/.virtualenvs");
    cr_assert_eq(rename(f.venv, moved), 0);
    put_link(&f, "proj/.venv", moved);
    venv_init(&venv);
    cr_assert_eq(venv_inspect(&venv, f.venv, NULL, f.home, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.path, moved);
    cr_expect_str_eq(venv.named, f.venv);
    cr_expect_str_eq(venv.project, project);
    venv_finish(&venv);
    cr_assert_eq(venv_inspect(&venv, moved, NULL, f.home, &err), 0, "%s", err.msg);
    cr_expect_null(venv.project);
    cr_expect_not_null(venv.project_reason);
    fixture_drop(&f);
}
