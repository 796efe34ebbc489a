/* The interpreters of a venv as wrapping found them. An installer can put another one in the place
 * of each, which runs inside; the host must not be given that one when the venv is unwrapped. */
#include "interpreters-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/sha256.h"
#include "svenv/base/str.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/find/venv.h"

#define UNWRAPPED "unwrapped"

enum {
    INTERPRETER_BYTES_MAX = 256 << 20
};

/* Return: 1 with *out, its text in the arena; 0 for another kind of file or none; or negative
 * errno. */
static int describe(struct arena *arena, int dir, const char *name, struct venv_interpreter *out)
{
    char text[PATH_MAX], hex[SHA256_HEX_SIZE];
    auto_buf struct buf bytes = {0};
    struct stat st;
    int rc = look_at(dir, name, false, &st);

    if (rc <= 0 || !(S_ISLNK(st.st_mode) || S_ISREG(st.st_mode)))
        return rc < 0 ? rc : 0;
    *out = (struct venv_interpreter){.name = arena_strdup(arena, name)};
    if (S_ISLNK(st.st_mode)) {
        ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);

        if (len < 0)
            return -errno;
        text[len] = '\0';
        out->target = arena_strdup(arena, text);
        return 1;
    }
    rc = file_read(dir, name, INTERPRETER_BYTES_MAX, &bytes, NULL);
    if (rc < 0)
        return rc;
    sha256_hex(bytes.data ? bytes.data : "", bytes.len, hex);
    out->sum = arena_strdup(arena, hex);
    return 1;
}

static bool is_same_interpreter(const struct venv_interpreter *a, const struct venv_interpreter *b)
{
    return (a->target != NULL) == (b->target != NULL) &&
           str_eq(a->target ? a->target : a->sum, b->target ? b->target : b->sum);
}

int interpreters_find(const struct site *site, const struct stubs *stubs, struct found *found,
                      struct err *err)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(site->bin, ".", 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        struct venv_interpreter one;
        struct stat st;
        int is =
            interpreter_is_name(entry->d_name) ? look_at(site->bin, entry->d_name, false, &st) : 0;

        if (is > 0 && S_ISREG(st.st_mode) &&
            (is = stubs_match(stubs, site->bin, entry->d_name, &st)) >= 0)
            is = is == STUB_NONE;
        if (is > 0)
            is = describe(&found->arena, site->bin, entry->d_name, &one);
        if (is > 0)
            *(struct venv_interpreter *)arena_push(&found->arena, &found->items, &found->count,
                                                   sizeof(one)) = one;
        if (is < 0)
            return err_set(err, is, "cannot look at '%s/bin/%s'", site->path, entry->d_name);
    }
    return rc < 0 ? err_set(err, rc, "cannot list '%s/bin'", site->path) : 0;
}

static struct venv_interpreter *recorded(const struct venv *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->interpreter_count; i++) {
        if (str_eq(manifest->interpreters[i].name, name))
            return &manifest->interpreters[i];
    }
    return NULL;
}

void interpreters_record(struct venv *manifest, const struct venv_interpreter *one)
{
    struct venv_interpreter *slot = recorded(manifest, one->name);

    if (slot == NULL)
        slot = arena_push(&manifest->arena, &manifest->interpreters, &manifest->interpreter_count,
                          sizeof(*slot));
    *slot = (struct venv_interpreter){
        .name = arena_strdup(&manifest->arena, one->name),
        .target = one->target ? arena_strdup(&manifest->arena, one->target) : NULL,
        .sum = one->sum ? arena_strdup(&manifest->arena, one->sum) : NULL};
}

int interpreters_keep(const struct site *site, struct venv *manifest, struct found *found,
                      bool *changed_out, struct err *err)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct venv_interpreter *one = &found->items[i];
        const struct venv_interpreter *known = recorded(manifest, one->name);
        struct venv_interpreter real;
        int rc = describe(&found->arena, site->real, one->name, &real);

        if (rc < 0)
            return err_set(err, rc, "cannot look at '%s/sandbox/bin/%s'", site->path, one->name);
        if (rc == 0 || !is_same_interpreter(one, &real) ||
            (known != NULL && is_same_interpreter(known, one)))
            continue;
        interpreters_record(manifest, one);
        *changed_out = true;
    }
    return 0;
}

/* The other one stays to be looked at; a link is made again. */
static int put_aside(const struct site *site, const struct venv_interpreter *one)
{
    auto_fd int base = fd_mkdir_beneath(site->sandbox, SANDBOX_QUARANTINE, 0700);
    auto_fd int dir = base < 0 ? base : fd_mkdir_beneath(base, UNWRAPPED, 0700);

    if (dir < 0)
        return dir;
    (void)tree_remove(dir, one->name);
    if (renameat(site->real, one->name, dir, one->name) < 0 ||
        (one->target != NULL && symlinkat(one->target, site->real, one->name) < 0))
        return -errno;
    return 0;
}

int interpreters_settle(const struct site *site, const struct venv *manifest, struct strv *told,
                        struct err *err)
{
    struct arena arena = {0};
    int rc = 0;

    for (size_t i = 0; rc >= 0 && site->real >= 0 && i < manifest->interpreter_count; i++) {
        const struct venv_interpreter *one = &manifest->interpreters[i];
        struct venv_interpreter now;
        struct stat st;

        rc = look_at(site->real, one->name, false, &st);
        if (rc <= 0)
            continue;
        rc = describe(&arena, site->real, one->name, &now);
        if (rc > 0 && is_same_interpreter(one, &now))
            continue;
        if (rc >= 0)
            rc = put_aside(site, one);
        if (rc >= 0 && told != NULL)
            strv_add(told, one->name);
        if (rc < 0)
            (void)err_set(err, rc, "cannot put '%s/sandbox/bin/%s' aside", site->path, one->name);
    }
    arena_finish(&arena);
    return rc < 0 ? rc : 0;
}
