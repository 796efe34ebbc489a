#include "fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/wrap/wrap.h"

#define STUB_BYTES 13000

static char *at(const struct fixture *f, const char *path)
{
    return path_join(f->root, path);
}

void make_dirs(const struct fixture *f, const char *path)
{
    auto_fd int root = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd int fd = fd_mkdir_beneath(root, path, 0755);

    cr_assert(fd >= 0, "%s", path);
}

void put_file(const struct fixture *f, const char *path, const char *text, mode_t mode)
{
    auto_free char *whole = at(f, path);
    auto_fd int fd = -1;

    unlink(whole);
    fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert(fd >= 0, "%s", whole);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
    cr_assert_eq(fchmod(fd, mode), 0);
}

void put_link(const struct fixture *f, const char *path, const char *target)
{
    auto_free char *whole = at(f, path);

    unlink(whole);
    cr_assert_eq(symlink(target, whole), 0, "%s", whole);
}

void drop_file(const struct fixture *f, const char *path)
{
    auto_free char *whole = at(f, path);

    cr_assert_eq(unlink(whole), 0, "%s", whole);
}

bool is_there(const struct fixture *f, const char *path)
{
    auto_free char *whole = at(f, path);
    struct stat st;

    return lstat(whole, &st) == 0;
}

char *read_path(const struct fixture *f, const char *path)
{
    auto_free char *whole = at(f, path);
    struct buf text = {0};
    char target[PATH_MAX] = "";

    if (readlink(whole, target, sizeof(target) - 1) >= 0)
        return xasprintf("-> %s", target);
    buf_add_str(&text, "");
    if (file_read(AT_FDCWD, whole, 1 << 20, &text, NULL) < 0) {
        buf_finish(&text);
        return NULL;
    }
    return text.data;
}

bool is_stub(const struct fixture *f, const char *path)
{
    auto_free char *whole = at(f, path);
    auto_free char *have = read_path(f, path);
    auto_free char *want = read_path(f, "stub");
    struct stat st;

    return have != NULL && str_eq(have, want) && lstat(whole, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & 07777) == 0755 && st.st_nlink == 1;
}

static void put_stub(const struct fixture *f)
{
    auto_free char *text = xcalloc(STUB_BYTES + 1, 1);

    for (size_t i = 0; i < STUB_BYTES; i++)
        text[i] = (char)('a' + (char)(i * 7 % 26));
    put_file(f, "stub", text, 0755);
}

static void put_config(const struct fixture *f)
{
    auto_free char *text = xasprintf(
        "home = %s/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n", f->base);

    put_file(f, "proj/.venv/pyvenv.cfg", text, 0644);
}

static void put_bin(const struct fixture *f)
{
    static const char bin[] = "proj/.venv/bin/";
    static const struct {
        const char *name;
        const char *text;
        mode_t mode;
    } files[] = {
        {"pip", "#!python\nimport pip\n", 0755},
        {"pip3", "#!python\nimport pip\n", 0755},
        {"tool", "\177ELF tool", 0700},
        {"empty", "", 0755},
        {"with space and \"quotes\" 'too'", "q", 0755},
        {"new\nline", "n", 0755},
        {"not-utf8-\377\376", "u", 0711},
        {"git", "#!/bin/sh\n", 0755},
        {"data.txt", "data", 0644},
        {"activate", "export VIRTUAL_ENV", 0644},
        {"activate.fish", "set", 0755},
        {"Activate.ps1", "ps1", 0644},
        {"activate_this.py", "py", 0644},
    };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        auto_free char *path = xasprintf("%s%s", bin, files[i].name);

        put_file(f, path, files[i].text, files[i].mode);
    }
    put_link(f, "proj/.venv/bin/python3", "python");
    put_link(f, "proj/.venv/bin/dangling", "nowhere");
    put_link(f, "proj/.venv/bin/dirlink", "..");
}

static void age(const struct fixture *f, const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds, .tv_nsec = 1234567}};
    auto_free char *whole = at(f, path);

    cr_assert_eq(utimensat(AT_FDCWD, whole, times, AT_SYMLINK_NOFOLLOW), 0);
}

struct fixture fixture_new(const char *where)
{
    struct fixture f;
    char long_name[256];
    auto_free char *path = NULL;
    auto_free char *target = NULL;

    snprintf(f.root, sizeof(f.root), "%s/svenv-venv-XXXXXX", where != NULL ? where : "/tmp");
    cr_assert_not_null(mkdtemp(f.root));
    snprintf(f.venv, sizeof(f.venv), "%s/proj/.venv", f.root);
    snprintf(f.home, sizeof(f.home), "%s/home", f.root);
    snprintf(f.base, sizeof(f.base), "%s/base", f.root);
    snprintf(f.stub, sizeof(f.stub), "%s/stub", f.root);
    make_dirs(&f, "home");
    make_dirs(&f, "base/bin");
    make_dirs(&f, "base/lib/python3.11");
    make_dirs(&f, "proj/.venv/bin/__pycache__");
    make_dirs(&f, "proj/.venv/lib/python3.11/site-packages");
    put_file(&f, "base/bin/python3.11", "\177ELF", 0755);
    put_file(&f, "base/lib/python3.11/os.py", "", 0644);
    put_file(&f, "proj/main.py", "", 0644);
    put_stub(&f);
    put_config(&f);
    put_bin(&f);
    target = xasprintf("%s/bin/python3.11", f.base);
    put_link(&f, "proj/.venv/bin/python", target);
    memset(long_name, 'L', 255);
    long_name[255] = '\0';
    path = xasprintf("proj/.venv/bin/%s", long_name);
    put_file(&f, path, "long", 0755);
    free(path);
    path = xasprintf("%s/bin/fifo", f.venv);
    cr_assert_eq(mkfifo(path, 0755), 0);
    age(&f, "proj/.venv/bin/pip", 1000000000);
    age(&f, "proj/.venv/bin/python", 1000000001);
    age(&f, "proj/.venv/bin", 1000000002);
    age(&f, "proj/.venv", 1000000003);
    return f;
}

void fixture_drop(struct fixture *f)
{
    auto_free char *parent = path_dirname(f->root);
    auto_fd int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    cr_assert_eq(tree_remove(dir, path_basename(f->root)), 0);
}

int try_wrap(const struct fixture *f, struct err *err)
{
    const struct wrap_options options = {.stub = f->stub};
    auto_venv struct venv venv;
    int rc = 0;

    venv_init(&venv);
    rc = venv_inspect(&venv, f->venv, NULL, f->home, err);
    return rc == 0 ? venv_wrap(&venv, &options, NULL, err) : rc;
}

int try_sync(const struct fixture *f, struct err *err)
{
    const struct wrap_options options = {.stub = f->stub};
    auto_venv struct venv venv;

    venv_init(&venv);
    venv.path = f->venv;
    return venv_sync(&venv, &options, NULL, err);
}

struct sync_result do_wrap(const struct fixture *f)
{
    const struct wrap_options options = {.stub = f->stub};
    struct sync_result result = {0};
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    cr_assert_eq(venv_inspect(&venv, f->venv, NULL, f->home, &err), 0, "%s", err.msg);
    cr_assert_eq(venv_wrap(&venv, &options, &result, &err), 0, "%s", err.msg);
    return result;
}

struct sync_result do_sync(const struct fixture *f)
{
    const struct wrap_options options = {.stub = f->stub};
    struct sync_result result = {0};
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    venv.path = f->venv;
    cr_assert_eq(venv_sync(&venv, &options, &result, &err), 0, "%s", err.msg);
    return result;
}

void do_unwrap(const struct fixture *f)
{
    struct err err = {0};

    cr_assert_eq(venv_unwrap(f->venv, false, &err), 0, "%s", err.msg);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_line(struct strv *lines, const struct fixture *f, const char *path)
{
    auto_free char *whole = at(f, path);
    auto_free char *text = NULL;
    struct stat st;

    cr_assert_eq(lstat(whole, &st), 0);
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        text = read_path(f, path);
    strv_take(lines, xasprintf("%s %o %lld.%ld %s\n", path, (unsigned)st.st_mode,
                               (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                               text != NULL ? text : "-"));
}

char *snapshot(const struct fixture *f)
{
    auto_free char *bin = path_join(f->venv, "bin");
    auto_strv struct strv lines = {0};
    struct buf out = {0};
    DIR *stream = opendir(bin);
    const struct dirent *entry = NULL;

    cr_assert_not_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        auto_free char *path = xasprintf("proj/.venv/bin/%s", entry->d_name);

        if (!str_eq(entry->d_name, "."))
            add_line(&lines, f, str_eq(entry->d_name, "..") ? "proj/.venv/bin" : path);
    }
    closedir(stream);
    qsort(lines.items, lines.count, sizeof(*lines.items), compare_text);
    for (size_t i = 0; i < lines.count; i++)
        buf_add_str(&out, lines.items[i]);
    return out.data;
}

int in_child(int (*body)(const struct fixture *f), const struct fixture *f)
{
    pid_t pid = fork();
    int status = 0;

    cr_assert(pid >= 0);
    if (pid == 0)
        _exit(body(f));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}
