#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

static int look(const struct fixture *f, struct venv *venv, struct err *err)
{
    venv_init(venv);
    return venv_inspect(venv, f->venv, NULL, f->home, err);
}

static const struct venv_need *find_need(const struct venv *venv, const char *path)
{
    for (size_t i = 0; i < venv->need_count; i++) {
        if (str_eq(venv->needs[i].path, path))
            return &venv->needs[i];
    }
    return NULL;
}

Test(discover, plain_venv)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *python = path_join(f.base, "bin/python3.11");
    auto_free char *project = path_join(f.root, "proj");
    auto_venv struct venv venv;
    struct err err = {0};

    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.path, f.venv);
    cr_expect_str_eq(venv.named, f.venv);
    cr_expect_str_eq(venv.project, project);
    cr_expect_str_eq(venv.python, "python");
    cr_expect_str_eq(venv.version, "3.11.2");
    cr_expect_str_eq(venv.base_python, python);
    cr_expect_str_eq(venv.base_prefix, f.base);
    cr_expect_eq(venv.need_count, 1);
    cr_expect_eq(venv.needs[0].kind, VENV_NEED_DIR);
    cr_expect_str_eq(venv.needs[0].path, f.base);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"), "nothing may be made");
    fixture_drop(&f);
}

Test(discover, links_on_the_way_are_needs)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *alias = path_join(f.root, "alias");
    auto_free char *through = path_join(f.root, "alias/bin/py");
    auto_free char *py = path_join(f.root, "base/bin/py");
    auto_free char *local = path_join(f.root, "local");
    auto_free char *config =
        xasprintf("home = %s/alias/bin\nversion_info = 3.11.2.final.0\n", f.root);
    const struct venv_need *need = NULL;
    auto_venv struct venv venv;
    struct err err = {0};

    put_link(&f, "alias", "base");
    put_link(&f, "local", through);
    put_link(&f, "base/bin/py", "python3.11");
    put_link(&f, "proj/.venv/bin/python", local);
    put_file(&f, "proj/.venv/pyvenv.cfg", config, 0644);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    need = find_need(&venv, alias);
    cr_assert_not_null(need);
    cr_expect_eq(need->kind, VENV_NEED_SYMLINK);
    cr_expect_str_eq(need->target, "base");
    need = find_need(&venv, local);
    cr_assert_not_null(need);
    cr_expect_str_eq(need->target, through);
    cr_expect_null(find_need(&venv, py), "the prefix brings it along");
    cr_expect_str_eq(venv.version, "3.11.2");
    fixture_drop(&f);
}

Test(discover, copied_interpreter_goes_by_home)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv venv;
    struct err err = {0};

    put_file(&f, "proj/.venv/bin/python", "\177ELF copy", 0755);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.base_prefix, f.base);
    fixture_drop(&f);
}

Test(discover, prefix_shared_with_everything_else_is_shown_in_parts)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *config = xasprintf("home = %s/home/.local/bin\nversion = 3.11\n", f.root);
    auto_free char *python = path_join(f.root, "home/.local/bin/python3.11");
    auto_free char *prefix = path_join(f.root, "home/.local");
    auto_free char *stdlib = path_join(f.root, "home/.local/lib/python3.11");
    auto_free char *library = path_join(f.root, "home/.local/lib/libpython3.11.so.1.0");
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, "home/.local/bin");
    make_dirs(&f, "home/.local/lib/python3.11");
    make_dirs(&f, "home/.local/share/keyrings");
    put_file(&f, "home/.local/bin/python3.11", "\177ELF", 0755);
    put_file(&f, "home/.local/lib/python3.11/os.py", "", 0644);
    put_file(&f, "home/.local/lib/libpython3.11.so.1.0", "", 0644);
    put_link(&f, "proj/.venv/bin/python", python);
    put_file(&f, "proj/.venv/pyvenv.cfg", config, 0644);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect_null(find_need(&venv, prefix));
    cr_expect_not_null(find_need(&venv, python));
    cr_expect_not_null(find_need(&venv, stdlib));
    cr_expect_not_null(find_need(&venv, library));
    fixture_drop(&f);
}

Test(discover, prefix_that_holds_the_home_is_refused)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *python = path_join(f.root, "home/bin/python3.11");
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, "home/bin");
    make_dirs(&f, "home/lib/python3.11");
    put_file(&f, "home/bin/python3.11", "\177ELF", 0755);
    put_file(&f, "home/lib/python3.11/os.py", "", 0644);
    put_link(&f, "proj/.venv/bin/python", python);
    cr_expect_eq(look(&f, &venv, &err), -EPERM);
    cr_expect(strstr(err.msg, "home directory") != NULL, "%s", err.msg);
    fixture_drop(&f);
}

Test(discover, store_of_a_package_manager_is_needed_whole)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *python = path_join(f.root, "brew/Cellar/python@3.11/3.11.2/bin/python3.11");
    auto_free char *brew = path_join(f.root, "brew");
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, "brew/Cellar/python@3.11/3.11.2/bin");
    make_dirs(&f, "brew/Cellar/python@3.11/3.11.2/lib/python3.11");
    put_file(&f, "brew/Cellar/python@3.11/3.11.2/bin/python3.11", "\177ELF", 0755);
    put_file(&f, "brew/Cellar/python@3.11/3.11.2/lib/python3.11/os.py", "", 0644);
    put_link(&f, "proj/.venv/bin/python", python);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect_not_null(find_need(&venv, brew));
    fixture_drop(&f);
}

/* A program inside may have put something in the place of the interpreter's link: that must not
 * steer what is shown. */
Test(discover, wrapped_venv_believes_only_what_was_recorded)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *evil = path_join(f.root, "evil/bin/python3.11");
    auto_venv struct venv venv;
    struct err err = {0};

    do_wrap(&f);
    make_dirs(&f, "evil/bin");
    make_dirs(&f, "evil/lib/python3.11");
    put_file(&f, "evil/bin/python3.11", "\177ELF", 0755);
    put_file(&f, "evil/lib/python3.11/os.py", "", 0644);
    put_link(&f, "proj/.venv/sandbox/bin/python", evil);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.base_prefix, f.base);
    cr_expect_eq(venv.need_count, 1);
    venv_finish(&venv);
    put_link(&f, "proj/.venv/bin/python", evil);
    cr_assert_eq(look(&f, &venv, &err), 0, "%s", err.msg);
    cr_expect(str_ends(venv.base_prefix, "/evil"), "the host's own tool is believed");
    fixture_drop(&f);
}

Test(discover, clear_words_for_what_is_wrong)
{
    static const struct {
        const char *file; /* replaced by text, or removed when NULL */
        const char *text;
        const char *want;
    } cases[] = {
        {"pyvenv.cfg", NULL, "no pyvenv.cfg"},
        {"pyvenv.cfg", "version = 3.11\n", "no value for 'home'"},
        {"pyvenv.cfg", "home =\n", "no value for 'home'"},
        {"pyvenv.cfg", "home = relative/bin\n", "not an absolute path"},
        {"bin/python", NULL, "make it again"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f = fixture_new(NULL);
        auto_free char *path = xasprintf("proj/.venv/%s", cases[i].file);
        auto_venv struct venv venv;
        struct err err = {0};

        if (cases[i].text != NULL)
            put_file(&f, path, cases[i].text, 0644);
        else if (str_eq(cases[i].file, "bin/python"))
            drop_file(&f, "base/bin/python3.11");
        else
            drop_file(&f, path);
        cr_expect_lt(look(&f, &venv, &err), 0);
        cr_expect(strstr(err.msg, cases[i].want) != NULL, "%s", err.msg);
        cr_expect(strchr(err.msg, '\n') == NULL);
        fixture_drop(&f);
    }
}

Test(discover, home_too_long_or_with_nul)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *line = xasprintf("include = x\nhome = /%0400d\n", 0);
    auto_venv struct venv venv;
    struct err err = {0};

    put_file(&f, "proj/.venv/pyvenv.cfg", line, 0644);
    cr_expect_lt(look(&f, &venv, &err), 0);
    cr_expect_eq(err.pos.line, 2);
    cr_expect(str_ends(err.pos.file, "pyvenv.cfg"));
    fixture_drop(&f);
}

Test(discover, names_nothing_that_is_there)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    cr_expect_eq(venv_inspect(&venv, "/nowhere/.venv", NULL, f.home, &err), -ENOENT);
    cr_expect_lt(venv_inspect(&venv, f.root, NULL, f.home, &err), 0);
    cr_expect_lt(venv_inspect(&venv, f.stub, NULL, f.home, &err), 0);
    cr_expect_null(venv.path, "results only on success");
    fixture_drop(&f);
}

Test(discover, launcher_script_without_a_library)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv venv;
    struct err err = {0};

    drop_file(&f, "base/lib/python3.11/os.py");
    cr_expect_eq(look(&f, &venv, &err), -ENOENT);
    cr_expect(strstr(err.msg, "standard library") != NULL, "%s", err.msg);
    fixture_drop(&f);
}

static int inspect_relative(const struct fixture *f)
{
    auto_venv struct venv venv;
    auto_free char *project = path_join(f->root, "proj");

    venv_init(&venv);
    if (chdir(project) < 0 || venv_inspect(&venv, "./.venv/", NULL, f->home, NULL) < 0)
        return 1;
    if (!str_eq(venv.named, f->venv) || !str_eq(venv.path, f->venv))
        return 2;
    venv_finish(&venv);
    if (chdir(".venv") < 0 || venv_inspect(&venv, ".", NULL, f->home, NULL) < 0)
        return 3;
    return str_eq(venv.project, project) ? 0 : 4;
}

Test(discover, relative_names)
{
    struct fixture f = fixture_new(NULL);

    cr_expect_eq(in_child(inspect_relative, &f), 0);
    fixture_drop(&f);
}
