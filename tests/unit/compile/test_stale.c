/* Tests that a plan is made anew when something that it is made from changes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "installed.h"

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"

#define VENV "proj/.venv/"
#define POLICY VENV "sandbox/policy.yaml"
#define POLICY_TEXT                                                                                \
    "version: 1\n"                                                                                 \
    "filesystem:\n"                                                                                \
    "  read: [~/data, ~/link]\n"                                                                   \
    "  protect: [inherit, none/deep/file, absent/file]\n"                                          \
    "  hide: [\"keys/*.key\"]\n"

char installed_stub[PATH_MAX], installed_cli[PATH_MAX], installed_templates[PATH_MAX];

/* A wrapped venv with a policy, and a program that is installed beside it. */
struct made {
    struct fixture f;
    char home[128], name[8], shell[8], policy[160];
    struct user user;
    struct plan_file file;
};

static void install(const struct fixture *f)
{
    snprintf(installed_stub, sizeof(installed_stub), "%s/lib/stub", f->root);
    snprintf(installed_cli, sizeof(installed_cli), "%s/lib/cli", f->root);
    snprintf(installed_templates, sizeof(installed_templates), "%s/templates", f->root);
    make_dirs(f, "lib");
    make_dirs(f, "templates");
    put_file(f, "lib/stub", "\177ELF stub", 0755);
    put_file(f, "lib/cli", "\177ELF cli", 0755);
    put_file(f, "templates/site.yaml", "version: 1\n", 0644);
}

static int make(struct made *m, struct err *err)
{
    auto_free char *policy = path_join(m->f.root, POLICY);
    const struct layers layers = {.venv_file = policy};

    return compile_plan(m->f.venv, &m->user, &layers, &m->file, err);
}

static void prepare(struct made *m)
{
    memset(m, 0, sizeof(*m));
    m->f = fixture_new(NULL);
    install(&m->f);
    do_wrap(&m->f);
    make_dirs(&m->f, "home/data");
    make_dirs(&m->f, "home/.config");
    put_file(&m->f, "home/data/file", "text", 0644);
    put_file(&m->f, "home/target", "text", 0644);
    put_link(&m->f, "home/link", "target");
    put_file(&m->f, POLICY, POLICY_TEXT, 0644);
    make_dirs(&m->f, "proj/sub");
    make_dirs(&m->f, "proj/keys");
    put_file(&m->f, "proj/keys/old.key", "", 0644);
    strcpy(m->home, m->f.home);
    strcpy(m->name, "tester");
    strcpy(m->shell, "/bin/sh");
    snprintf(m->policy, sizeof(m->policy), "%s/.config/policy.yaml", m->home);
    m->user = (struct user){.uid = getuid(),
                            .gid = getgid(),
                            .name = m->name,
                            .home = m->home,
                            .home_real = m->home,
                            .shell = m->shell,
                            .policy = m->policy};
    unsetenv("XDG_STATE_HOME");
    plan_file_init(&m->file);
}

static void make_anew(struct made *m)
{
    struct err err = {0};

    plan_file_finish(&m->file);
    cr_assert_eq(make(m, &err), 0, "%s", err.msg);
}

static void made_new(struct made *m)
{
    prepare(m);
    make_anew(m);
}

static void made_drop(struct made *m)
{
    plan_file_finish(&m->file);
    fixture_drop(&m->f);
}

/* Return: the first input that has changed, below the fixture's root; "": none has. */
static const char *changed(const struct made *m)
{
    struct plan_change change = compile_first_change(m->f.venv, &m->file);

    if (change.kind == PLAN_CHANGE_NONE)
        return "";
    if (change.kind != PLAN_CHANGE_INPUT)
        return "no input";
    return str_starts(change.path, m->f.root) ? change.path + strlen(m->f.root) + 1 : change.path;
}

static const struct plan_input *input_of(const struct made *m, const char *path)
{
    auto_free char *whole = *path == '/' ? xstrdup(path) : path_join(m->f.root, path);

    for (size_t i = 0; i < m->file.input_count; i++) {
        if (str_eq(m->file.inputs[i].path, whole))
            return &m->file.inputs[i];
    }
    return NULL;
}

/* --- changes ------------------------------------------------------------------------------------
 */

static void write_over(const struct fixture *f, const char *path, const char *text)
{
    auto_free char *whole = path_join(f->root, path);
    auto_fd int fd = open(whole, O_WRONLY | O_CLOEXEC);

    cr_assert(fd >= 0, "%s", whole);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
}

static void move(const struct fixture *f, const char *from, const char *to)
{
    auto_free char *old = path_join(f->root, from);
    auto_free char *new = path_join(f->root, to);

    cr_assert_eq(rename(old, new), 0, "%s", old);
}

static void close_dir(const struct fixture *f, const char *path)
{
    auto_free char *whole = path_join(f->root, path);

    cr_assert_eq(chmod(whole, 0500), 0);
}

enum act {
    PUT,    /* a new file in the name's place */
    WRITE,  /* the same file, other bytes */
    DROP,   /* the file goes */
    LINK,   /* a link to elsewhere */
    MKDIR,  /* a directory appears */
    REMAKE, /* the directory is another, with the same name */
    CHMOD
};

/* The content goes with the old directory, but for the venv. */
static void remake(const struct fixture *f, const char *path)
{
    static unsigned count = 0;
    auto_free char *old = xasprintf("old%u", count++);
    auto_free char *venv = path_join(old, ".venv");

    move(f, path, old);
    make_dirs(f, path);
    if (is_there(f, venv))
        move(f, venv, "proj/.venv");
}

static void act(const struct made *m, enum act act, const char *path)
{
    const struct fixture *f = &m->f;

    switch (act) {
    case PUT: /* beside the old one, whose number would come again */
        put_file(f, "put", "version: 1\n", 0644);
        move(f, "put", path);
        break;
    case WRITE:
        write_over(f, path, "version: 1 # \n");
        break;
    case DROP:
        drop_file(f, path);
        break;
    case LINK:
        put_link(f, path, "data");
        break;
    case REMAKE:
        remake(f, path);
        break;
    case MKDIR:
        make_dirs(f, path);
        break;
    case CHMOD:
        close_dir(f, path);
        break;
    }
}

struct change_row {
    enum act act;
    const char *path;
    const char *input; /* that tells of it; "": none has to */
};

static const struct change_row changes[] = {
    /* the policy and the program */
    {PUT, POLICY, POLICY},
    {WRITE, POLICY, POLICY},
    {DROP, POLICY, POLICY},
    {PUT, "home/.config/policy.yaml", "home/.config/policy.yaml"},
    {PUT, "lib/cli", "lib/cli"},
    {PUT, "lib/stub", "lib/stub"},
    {WRITE, "lib/stub", "lib/stub"},
    {PUT, "templates/other.yaml", "templates"},
    {PUT, "templates/site.yaml", "templates"},
    /* the venv: both sides, each stub, and what is made in it */
    {PUT, VENV "bin/new", VENV "bin"},
    {WRITE, VENV "bin/pip", VENV "bin/pip"},
    {WRITE, VENV "bin/python", VENV "bin/python"},
    {DROP, VENV "bin/pip", VENV "bin"},
    {PUT, VENV "sandbox/bin/other", VENV "sandbox/bin"},
    {CHMOD, VENV "sandbox/manifest.json", VENV "sandbox/manifest.json"},
    {REMAKE, VENV "sandbox/etc", VENV "sandbox/etc"},
    /* what the policy names */
    {REMAKE, "home/data", "home/data"},
    {CHMOD, "home/data", "home/data"},
    {LINK, "home/link", "home/link"},
    {PUT, "home/target", "home/target"},
    {PUT, "proj/none", "proj/none"},
    {DROP, "proj/none", "proj/none"},
    {MKDIR, "proj/absent", "proj/absent"},
    {PUT, "proj/keys/new.key", "proj/keys"},
    {DROP, "proj/keys/old.key", "proj/keys"},
    {REMAKE, "proj", "proj"},
    /* what a file holds is not in the plan */
    {WRITE, "home/target", ""},
    {PUT, "proj/main.py", ""},
    {WRITE, "proj/main.py", ""},
    {MKDIR, "proj/sub", ""},
    {PUT, "proj/sub/new.py", ""},
    {PUT, "home/other", ""},
    {PUT, VENV "lib/new.py", ""},
    {PUT, VENV "sandbox/plan", ""},
    {PUT, VENV "sandbox/seen", ""},
    /* and what appears in a watched directory is seen there */
    {PUT, "proj/.envrc", ""},
    {MKDIR, "proj/.git", ""},
};

/* Return: what `act` replaced, for put_back(); NULL: there was no file. */
static char *act_on_file(const struct made *m, const struct change_row *row, mode_t *mode_out)
{
    auto_free char *whole = path_join(m->f.root, row->path);
    char *before = NULL;
    struct stat st;

    if (lstat(whole, &st) == 0 && !S_ISDIR(st.st_mode))
        before = read_path(&m->f, row->path);
    *mode_out = before ? st.st_mode & 07777 : 0;
    act(m, row->act, row->path);
    return before;
}

static void put_back(const struct made *m, const char *path, const char *before, mode_t mode)
{
    if (before == NULL)
        return;
    if (str_starts(before, "-> "))
        put_link(&m->f, path, before + 3);
    else
        put_file(&m->f, path, before, mode);
}

Test(stale, a_change_is_told)
{
    struct made m;

    made_new(&m);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        const struct change_row *row = &changes[i];
        auto_free char *before = NULL;
        mode_t mode = 0;

        cr_expect_str_eq(changed(&m), "", "before %s: %s", row->path, changed(&m));
        before = act_on_file(&m, row, &mode);
        cr_expect_str_eq(changed(&m), row->input, "%s: %s", row->path, changed(&m));
        put_back(&m, row->path, before, mode);
        make_anew(&m);
    }
    made_drop(&m);
}

Test(stale, none_is_listed_twice)
{
    struct made m;

    made_new(&m);
    for (size_t i = 0; i < m.file.input_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct plan_input *a = &m.file.inputs[i], *b = &m.file.inputs[j];

            cr_expect(!str_eq(a->path, b->path) || a->follow != b->follow ||
                          a->directory != b->directory,
                      "%s", a->path);
        }
    }
    made_drop(&m);
}

/* One look-up for dozens of files, and for all that is missing in a missing directory. */
Test(stale, what_another_tells_is_not_listed)
{
    static const struct {
        const char *path;
        bool listed;
    } rows[] = {
        {"/etc", true},
        {"/etc/passwd", false},
        {"templates", true},
        {"templates/site.yaml", false},
        {"proj/none", true},
        {"proj/none/deep", false},
        {"proj/none/deep/file", false},
        {"home/data", true},
        {"proj/.envrc", false},
    };
    struct made m;

    made_new(&m);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(input_of(&m, rows[i].path) != NULL, rows[i].listed, "%s", rows[i].path);
    for (size_t i = 0; i < m.file.input_count; i++) {
        cr_expect_not(path_is_beneath(m.file.inputs[i].path, "/proc"));
        cr_expect_not(path_is_beneath(m.file.inputs[i].path, "/sys"));
    }
    made_drop(&m);
}

/* A look at each stub is cheap while they are few; an interpreter is looked at always. */
Test(stale, of_many_stubs_the_interpreters_are_looked_at)
{
    struct made m;
    char path[64];

    made_new(&m);
    cr_expect_not_null(input_of(&m, VENV "bin/pip"));
    for (int i = 0; i < 65; i++) {
        snprintf(path, sizeof(path), VENV "bin/tool%d", i);
        put_file(&m.f, path, "#!python\n", 0755);
    }
    make_anew(&m);
    cr_expect_null(input_of(&m, VENV "bin/pip"));
    cr_expect_not_null(input_of(&m, VENV "bin/python"));
    cr_expect_not_null(input_of(&m, VENV "bin/python3"));
    write_over(&m.f, VENV "bin/python", "over");
    cr_expect_str_eq(changed(&m), VENV "bin/python");
    made_drop(&m);
}

/* A plan that lies in the venv says the same as the one that was made. */
Test(stale, are_stored_with_the_plan)
{
    auto_plan_file struct plan_file stored;
    auto_buf struct buf bytes = {0};
    struct err err = {0};
    struct made m;

    made_new(&m);
    cr_assert_eq(compile_store(m.f.venv, &m.user, &err), 0, "%s", err.msg);
    cr_assert_eq(compile_read(m.f.venv, &stored, &bytes, &err), 0, "%s", err.msg);
    /* The private directories in /tmp and /dev/shm are made with it. */
    cr_expect_eq(stored.input_count, m.file.input_count + 2);
    cr_expect_eq(compile_first_change(m.f.venv, &stored).kind, PLAN_CHANGE_NONE);
    put_file(&m.f, POLICY, "version: 1\n", 0644);
    cr_expect_eq(compile_first_change(m.f.venv, &stored).kind, PLAN_CHANGE_INPUT);
    made_drop(&m);
}

Test(stale, a_venv_that_was_moved_is_another)
{
    struct err err = {0};
    struct made m;

    made_new(&m);
    cr_expect_eq(compile_first_change("/elsewhere", &m.file).kind, PLAN_CHANGE_VENV);
    move(&m.f, "proj", "other");
    snprintf(m.f.venv, sizeof(m.f.venv), "%s/other/.venv", m.f.root);
    plan_file_finish(&m.file);
    cr_expect_eq(make(&m, &err), -ESTALE);
    cr_expect_not_null(strstr(err.msg, "has moved"), "%s", err.msg);
    made_drop(&m);
}

/* --- looks that fail ---------------------------------------------------------------------------
 */

static struct {
    const char *path; /* what cannot be looked at, by its end; NULL: all can */
    int code;
    unsigned count;
} fault;

/* The C library's name of fstatat(2) for files of any size. */
int __real_fstatat64(int dir, const char *path, struct stat *out, int flags);
int __wrap_fstatat64(int dir, const char *path, struct stat *out, int flags);

int __wrap_fstatat64(int dir, const char *path, struct stat *out, int flags)
{
    if (fault.path == NULL || !str_ends(path, fault.path))
        return __real_fstatat64(dir, path, out, flags);
    fault.count++;
    errno = fault.code;
    return -1;
}

/* It may be there or not, and it may be what has to be hidden. */
Test(stale, what_cannot_be_looked_at_is_not_missing)
{
    static const char *const paths[] = {"/home/data", "/home/link", "/proj/.git",
                                        "/none/deep/file"};

    struct made m;

    prepare(&m);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct err err = {0};

        fault.path = paths[i];
        fault.code = EIO;
        fault.count = 0;
        cr_expect_eq(make(&m, &err), -EIO, "%s", paths[i]);
        cr_expect_not_null(strstr(err.msg, paths[i]), "%s", err.msg);
        fault.path = NULL;
        cr_expect_neq(fault.count, 0, "%s", paths[i]);
        plan_file_finish(&m.file);
    }
    made_drop(&m);
}

/* The control: permissions say something about the file. */
Test(stale, what_may_not_be_seen_is_missing)
{
    struct err err = {0};
    struct made m;

    prepare(&m);
    fault.path = "/none/deep/file";
    fault.code = EACCES;
    cr_expect_eq(make(&m, &err), 0, "%s", err.msg);
    fault.path = NULL;
    made_drop(&m);
}

/* A plan that was made from it holds no longer than until the next start. */
Test(stale, what_was_not_seen_is_never_the_same)
{
    static const char *const paths[] = {"sandbox/policy.yaml", ".config/policy.yaml", "lib/stub",
                                        "sandbox/manifest.json", ".venv/bin/python"};

    struct made m;

    prepare(&m);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct err err = {0};
        int rc = 0;

        fault.path = paths[i];
        fault.code = EIO;
        rc = make(&m, &err);
        if (rc == 0)
            cr_expect(str_ends(changed(&m), paths[i]), "%s: %s", paths[i], changed(&m));
        fault.path = NULL;
        if (rc == 0)
            cr_expect(str_ends(changed(&m), paths[i]), "%s: %s", paths[i], changed(&m));
        cr_expect(rc == 0 || rc == -EIO, "%s", paths[i]);
        plan_file_finish(&m.file);
    }
    made_drop(&m);
}

Test(stale, what_can_no_longer_be_seen_has_changed)
{
    struct made m;

    made_new(&m);
    fault.code = EIO;
    for (size_t i = 0; i < m.file.input_count; i++) {
        struct plan_change change;

        fault.path = m.file.inputs[i].path;
        change = compile_first_change(m.f.venv, &m.file);
        fault.path = NULL;
        cr_expect_eq(change.kind, PLAN_CHANGE_INPUT, "%s", m.file.inputs[i].path);
    }
    cr_expect_str_eq(changed(&m), "");
    made_drop(&m);
}

static struct made *few;
static rlim_t descriptors;

static int make_with_few(const struct fixture *f)
{
    const struct rlimit limit = {descriptors, descriptors};
    size_t before = few->file.input_count;
    struct plan_file old = few->file;
    struct err err = {0};
    int rc = setrlimit(RLIMIT_NOFILE, &limit) < 0 ? 3 : make(few, &err) < 0;

    (void)f;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < before; i++)
        rc |= few->file.input_count != before ||
              !str_eq(few->file.inputs[i].path, old.inputs[i].path) ||
              !file_id_eq(&few->file.inputs[i].id, &old.inputs[i].id);
    return rc ? 2 : 0;
}

/* The plan is made from the same, or not at all. */
Test(stale, any_number_of_descriptors)
{
    unsigned counts[2] = {0};
    struct made m;

    made_new(&m);
    few = &m;
    for (descriptors = 0; descriptors < 28; descriptors += 3) {
        int status = in_child(make_with_few, &m.f);

        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2, "%d descriptors: %x",
                  (int)descriptors, (unsigned)status);
        counts[WEXITSTATUS(status)]++;
    }
    cr_expect(counts[0] > 1 && counts[1] > 1, "%u done, %u refused", counts[0], counts[1]);
    made_drop(&m);
}
