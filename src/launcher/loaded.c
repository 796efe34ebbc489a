/* Finds dotenv files of the project that name a variable of the caller's. */
#include "loaded-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/dotenv_names.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"
#include "svenv/start/start.h"

enum {
    LOADED_BYTES_MAX = 1 << 20 /* of one file; a longer one counts as naming everything */
};

struct search {
    struct arena *arena;
    const char *variable;
    const char *found; /* NULL: not yet */
};

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Every tool has rules of its own for quotes and references in values. So the name decides. */
static bool text_names(const struct buf *text, const char *variable)
{
    size_t len = strlen(variable);

    for (size_t i = 0; i + len <= text->len; i++) {
        if (memcmp(text->data + i, variable, len) == 0 &&
            (i == 0 || !is_name_byte(text->data[i - 1])) &&
            (i + len == text->len || !is_name_byte(text->data[i + len])))
            return true;
    }
    return false;
}

/* Links are followed, as the caller's tools follow them: nothing but a yes or no comes of it. A
 * file that could not be looked at may name the variable. */
static void search_file(struct search *s, const char *path)
{
    auto_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    auto_buf struct buf text = {0};
    struct stat st;

    if (fd < 0 && look_is_answer(errno))
        return;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        fd_read_all(fd, LOADED_BYTES_MAX, &text) < 0 || text_names(&text, s->variable))
        s->found = arena_strdup(s->arena, path);
}

static void search_directory(struct search *s, const char *path)
{
    auto_dir DIR *dir = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, path, 0, &dir);

    while (rc > 0 && s->found == NULL && (rc = look_next(dir, &entry)) > 0) {
        if (dotenv_name_is_loaded(entry->d_name))
            search_file(s, arena_printf(s->arena, "%s/%s", path, entry->d_name));
    }
    if (rc < 0 && s->found == NULL)
        s->found = arena_strdup(s->arena, path);
}

/* From the working directory up to the project, as tools look for the file. */
static void search_upwards(struct search *s, const char *project)
{
    char path[PATH_MAX];
    char *slash = NULL;

    if (!getcwd(path, sizeof(path)) || !path_is_beneath(path, project))
        return;
    while (s->found == NULL && strlen(path) > strlen(project)) {
        search_directory(s, path);
        slash = strrchr(path, '/');
        *slash = '\0';
    }
}

/* The names that the plan knows are those that are protected below the top. */
static void search_present(struct search *s, const struct plan_file *file)
{
    for (size_t i = 0; i < file->present_count && s->found == NULL; i++) {
        const char *rel = file->present[i].rel;

        if (dotenv_name_is_loaded(path_basename(rel)))
            search_file(s, arena_printf(s->arena, "%s/%s", file->project, rel));
    }
}

static void search_variants(struct search *s, const struct plan_file *file)
{
    for (size_t i = 0; i < file->variant_count && s->found == NULL; i++) {
        if (file->variants[i].plan.dotenv != NULL)
            search_file(s, file->variants[i].plan.dotenv);
    }
}

const char *loaded_from(struct arena *arena, const struct plan_file *file, const char *variable)
{
    struct search s = {.arena = arena, .variable = variable};
    auto_free char *beside = path_dirname(file->venv);

    search_directory(&s, beside);
    if (file->project != NULL) {
        if (s.found == NULL && !str_eq(beside, file->project))
            search_directory(&s, file->project);
        search_upwards(&s, file->project);
        search_present(&s, file);
    }
    search_variants(&s, file);
    return s.found;
}

static const char *ask_loaded(void *context, struct arena *arena, const char *variable)
{
    return loaded_from(arena, context, variable);
}

void loaded_watch(const struct plan_file *file, struct start *start)
{
    union {
        const struct plan_file *in;
        void *out;
    } context = {.in = file};

    start->host.context = context.out;
    start->host.loaded = ask_loaded;
}
