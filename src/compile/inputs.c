/* Records the inputs of a plan: the files and directories whose change makes it stale. */
#include "inputs-internal.h"

#include <fcntl.h>
#include <string.h>

#include "facts-internal.h"
#include "settle-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"

enum {
    STUBS_WATCHED = 64
};

static bool has_input(const struct plan_file *file, const char *path, bool follow, bool directory)
{
    for (size_t i = 0; i < file->input_count; i++) {
        const struct plan_input *input = &file->inputs[i];

        if (input->follow == follow && input->directory == directory && str_eq(input->path, path))
            return true;
    }
    return false;
}

/* Every input is a look-up at every start, so none is listed twice. */
static void add_input(struct plan_file *file, const char *path, bool follow, bool directory,
                      const struct file_id *id)
{
    struct plan_input *input;

    if (has_input(file, path, follow, directory))
        return;
    input = arena_push(&file->arena, &file->inputs, &file->input_count, sizeof(*input));
    *input = (struct plan_input){.path = arena_strdup(&file->arena, path),
                                 .follow = follow,
                                 .directory = directory,
                                 .id = id ? *id : file_id_known(AT_FDCWD, path, follow)};
}

/* Directories of the system whose files packages replace by renaming: the directories' own times
 * tell of every name in them, in one look-up for dozens. */
static bool is_told_by_directory(const char *path)
{
    static const char *const dirs[] = {"/", "/etc", SVENV_TEMPLATES};
    auto_free char *dir = path_dirname(path);

    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        if (str_eq(dir, dirs[i]))
            return true;
    }
    return false;
}

static void add_system_input(struct plan_file *file, const char *path, bool follow, bool directory,
                             const struct file_id *id)
{
    auto_free char *dir = path_dirname(path);

    if (is_told_by_directory(path))
        add_input(file, dir, false, false, NULL);
    else
        add_input(file, path, follow, directory, id);
}

void inputs_note_etc(void *context, const char *host_path, bool edited)
{
    if (edited)
        add_input(context, host_path, true, false, NULL);
    else
        add_system_input(context, host_path, true, false, NULL);
}

void inputs_add_files(struct plan_file *file, const char *venv_path, const struct user *user,
                      const struct layers *layers)
{
    auto_free char *venv_policy = layers_venv_file(venv_path);

    add_input(file, layers->venv_file ? layers->venv_file : venv_policy, true, false, NULL);
    add_input(file, user->policy, true, false, NULL);
    add_input(file, SVENV_CLI, true, false, NULL);
    add_input(file, SVENV_STUB, true, false, NULL);
}

/* Profiles may build on one another, so all of them count. */
int inputs_add_templates(struct plan_file *file, struct err *err)
{
    auto_dir DIR *dir = NULL;
    const struct dirent *entry;
    int r = look_open_dir(AT_FDCWD, SVENV_TEMPLATES, 0, &dir);

    while (r > 0 && (r = look_next(dir, &entry)) > 0) {
        auto_free char *path = path_join(SVENV_TEMPLATES, entry->d_name);

        if (str_ends(entry->d_name, ".yaml"))
            add_system_input(file, path, true, false, NULL);
    }
    return r < 0 ? err_set(err, r, "cannot list '%s'", SVENV_TEMPLATES) : 0;
}

void inputs_add_project(struct plan_file *file, const struct venv *venv)
{
    if (venv->project)
        add_input(file, venv->project, false, true, NULL);
}

void inputs_add_manifest(struct plan_file *file, const char *venv_path)
{
    auto_free char *manifest = path_join(venv_path, IN_SANDBOX(SANDBOX_MANIFEST));

    add_input(file, manifest, true, false, NULL);
}

/* A tool that writes over a stub in place leaves no trace in the directory's times. A look at each
 * stub is cheap while they are few; the interpreters are looked at always. */
void inputs_add_stubs(struct plan_file *file, const struct venv *venv)
{
    for (size_t i = 0; i < venv->entry_count; i++) {
        const char *name = venv->entries[i].name;
        auto_free char *path = xasprintf("%s/bin/%s", venv->path, name);

        if (venv->entry_count <= STUBS_WATCHED || interpreter_is_name(name))
            add_input(file, path, false, false, NULL);
    }
}

void inputs_add_etc(struct plan_file *file, const char *venv_path)
{
    auto_free char *etc = path_join(venv_path, IN_SANDBOX(SANDBOX_ETC));

    add_input(file, etc, false, true, NULL);
}

void inputs_add_temporary(struct plan_file *file)
{
    auto_free char *shm = path_join(TEMPORARY_SHM, path_basename(file->temp_base));

    add_input(file, file->temp_base, false, true, NULL);
    add_input(file, shm, false, true, NULL);
}

void inputs_add_sides(struct plan_file *file, const char *venv_path, const struct venv_sides *sides)
{
    auto_free char *bin = path_join(venv_path, "bin");
    auto_free char *real = path_join(venv_path, IN_SANDBOX(SANDBOX_BIN));

    add_input(file, bin, false, false, &sides->bin);
    add_input(file, real, false, false, &sides->sandbox_bin);
}

/* The name stands for everything that it shows. */
static bool is_told_by_kernel(const char *path)
{
    static const char *const trees[] = {"/proc", "/sys"};

    for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
        if (path_is_beneath(path, trees[i]))
            return true;
    }
    return false;
}

/* A directory that was listed is compared with its times, which tell of every name in it. */
static bool is_in_listed(const struct host_facts *host, const char *path)
{
    auto_free char *dir = path_dirname(path);

    for (size_t i = 0; i < host->listed_count; i++) {
        if (str_eq(host->listed[i].path, dir))
            return true;
    }
    return false;
}

/* The launcher sees by itself when a missing name appears in a directory that it watches. */
static bool is_in_watched(const struct plan_file *file, const struct asked_path *asked)
{
    const char *rel = file->project ? path_relative_to(asked->path, file->project) : NULL;
    const char *name = path_basename(asked->path);
    auto_free char *dir = rel && strchr(rel, '/') ? path_dirname(rel) : xstrdup("");
    const struct plan_seen *seen = NULL;

    if (!rel || asked->answer.kind != FACT_ABSENT)
        return false;
    seen = plan_find_seen(file, dir);
    if (!seen || !plan_seen_is_watched(seen))
        return false;
    return plan_obeyed_find(file->obeyed, file->obeyed_count, rel, name) != NULL;
}

/* A name that is missing because its directory is missing needs no input: the directory is one. */
static void add_asked_input(struct plan_file *file, const char *path, bool directory,
                            const struct file_id *id)
{
    auto_free char *dir = path_dirname(path);
    struct file_id dir_id = file_id_known(AT_FDCWD, dir, false);

    if (id->mode == 0 && dir_id.mode == 0 && !str_eq(dir, "/"))
        add_asked_input(file, dir, true, &dir_id);
    else
        add_system_input(file, path, false, directory, id);
}

void inputs_add_asked(struct plan_file *file, const struct host_facts *host)
{
    for (size_t i = 0; i < host->asked_count; i++) {
        const struct asked_path *asked = &host->asked[i];
        bool is_exact = asked->exact || asked->answer.kind == FACT_SYMLINK;

        if (!is_told_by_kernel(asked->path) && !is_in_listed(host, asked->path) &&
            !is_in_watched(file, asked))
            add_asked_input(file, asked->path, !is_exact, &asked->id);
    }
    /* A name that fits a pattern may come or go: only the directory's own times tell. */
    for (size_t i = 0; i < host->listed_count; i++)
        add_input(file, host->listed[i].path, false, false, &host->listed[i].id);
    for (size_t i = 0; i < host->read_count; i++)
        add_input(file, host->read[i].path, true, false, &host->read[i].id);
}
