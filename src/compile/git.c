/* Reads what the repositories of a project say to git: which files it obeys besides its own. The
 * configuration is a person's word, because programs inside cannot write it; of includes with a
 * condition each counts. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "git-internal.h"
#include "leads-internal.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/sizes.h"

enum {
    REPOSITORIES_MAX = 4096,
    MODULES_DEPTH_MAX = 16, /* a submodule's name has slashes */
    ABOVE_MAX = 64,
    ALTERNATES_BYTES_MAX = 64 << 10
};

struct gits {
    struct leads *leads;
    struct strv known; /* directories of repositories, each with the top of its files */
    struct git global;
};

static void facts_of(struct leads *leads, int rc, const char *path)
{
    if (rc < 0)
        facts_failed(leads->host, rc, path);
}

static int git_open(struct leads *leads, const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        facts_unread(leads->host, -errno, path);
    return fd;
}

/* The path in a file like commondir, made absolute; NULL: there is none. Caller frees. */
static char *git_link(struct leads *leads, const char *dir, const char *name, const char *prefix)
{
    auto_fd int fd = git_open(leads, dir);

    return fd < 0 ? NULL : worktree_path_in(leads->host, fd, name, prefix, dir);
}

/* Parts of which git runs nothing, with many files each, or whole repositories. */
static bool is_data(const char *part)
{
    static const char *const names[] = {"objects", "refs", "worktrees", "modules"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_eq(names[i], part))
            return true;
    }
    return false;
}

/* A part that is a link, and the hooks, of which each may be one. */
static void git_parts(struct git *git, const char *dir)
{
    for (size_t i = 0; repository_part(i) != NULL; i++) {
        auto_free char *path = path_join(dir, repository_part(i));
        struct lead_source source = git_source(git, LEAD_LINKED, path);
        struct stat st;
        int rc = look_at(AT_FDCWD, path, false, &st);

        facts_of(git->leads, rc, path);
        if (rc > 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
            leads_note_twin(git->leads, path, git->of);
        if (rc > 0 && S_ISLNK(st.st_mode)) {
            source.shallow = is_data(repository_part(i));
            leads_add(git->leads, path, &source);
        } else if (rc > 0 && S_ISDIR(st.st_mode) &&
                   (str_eq(repository_part(i), "hooks") || str_eq(repository_part(i), "info"))) {
            source.once = str_eq(repository_part(i), "info");
            leads_walk(git->leads, path, &source);
        }
    }
}

/* git reads objects of the directories that objects/info/alternates lists. */
static void git_alternates(struct git *git, const char *dir)
{
    auto_free char *objects = path_join(dir, "objects");
    auto_free char *path = path_join(objects, "info/alternates");
    struct lead_source source = git_source(git, LEAD_NAMED, path);
    auto_buf struct buf text = {0};
    int rc = file_read(AT_FDCWD, path, ALTERNATES_BYTES_MAX, &text, NULL);

    source.shallow = true;
    facts_unread(git->leads->host, rc, path);
    if (rc == -EFBIG)
        git->leads->cut = true;
    for (char *line = text.data; rc == 0 && line != NULL && *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';

        *end = '\0';
        if (*line != '\0' && *line != '#') {
            auto_free char *target = path_normalise(objects, line);

            leads_add(git->leads, target, &source);
        }
        line = last ? NULL : end + 1;
    }
}

/* Each linked worktree has its own top, at which relative paths begin. */
static void git_worktrees(struct git *git, const char *common)
{
    auto_free char *path = path_join(common, "worktrees");
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, path, 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *dir = path_join(path, entry->d_name);
        auto_free char *back = git_link(git->leads, dir, "gitdir", "");
        auto_free char *top = back != NULL ? path_dirname(back) : NULL;

        if (top != NULL && path_is_beneath(top, git->leads->project))
            git_add_base(git, top);
        git_read_config(git, dir, "config.worktree");
    }
    facts_of(git->leads, rc, path);
}

/* `top`: where the files of the repository lie, as far as is known. */
static void git_read(struct gits *gits, const char *dir, const char *top, const char *of);

/* The repositories of submodules lie below modules, at any depth. */
static void git_modules(struct gits *gits, const char *path, const char *of, int depth)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, path, O_NOFOLLOW, &stream);

    if (rc > 0)
        facts_read(gits->leads->host, path);
    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *dir = path_join(path, entry->d_name);
        auto_fd int fd = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN
                             ? git_open(gits->leads, dir)
                             : -1;
        int found = fd >= 0 ? repository_at(fd) : 0;

        facts_of(gits->leads, found, dir);
        if (found > 0)
            git_read(gits, dir, dir, of);
        else if (fd >= 0 && depth < MODULES_DEPTH_MAX)
            git_modules(gits, dir, of, depth + 1);
        else if (fd >= 0)
            gits->leads->cut = true;
    }
    facts_of(gits->leads, rc, path);
}

static bool git_is_known(struct gits *gits, const char *dir, const char *top)
{
    auto_free char *text = xasprintf("%s\n%s", dir, top);

    if (strv_has(&gits->known, text))
        return true;
    if (gits->known.count == REPOSITORIES_MAX)
        gits->leads->cut = true;
    else
        strv_take(&gits->known, steal_ptr(text));
    return gits->leads->cut;
}

static void git_read(struct gits *gits, const char *dir, const char *top, const char *of)
{
    struct leads *leads = gits->leads;
    struct git git = {.leads = leads, .dir = dir, .of = of, .global = &gits->global};
    auto_free char *linked = NULL;
    const char *common = dir;

    if (git_is_known(gits, dir, top))
        return;
    linked = git_link(leads, dir, "commondir", "");
    git_add_base(&git, top);
    git_add_base(&git, dir);
    git_parts(&git, dir);
    if (linked != NULL) {
        auto_free char *path = path_join(dir, "commondir");
        struct lead_source source = git_source(&git, LEAD_NAMED, path);

        source.shallow = true;
        common = linked;
        leads_add(leads, common, &source);
        git_parts(&git, common);
    }
    git_alternates(&git, common);
    git_read_config(&git, common, "config");
    git_read_config(&git, dir, "config.worktree");
    git_worktrees(&git, common);
    git_apply(&git);
    if (path_is_beneath(common, of)) {
        auto_free char *modules = path_join(common, "modules");

        git_modules(gits, modules, of, 0);
    }
    git_finish(&git);
}

/* A .git of any kind. */
static void git_read_dot(struct gits *gits, const char *path, int kind)
{
    auto_free char *top = path_dirname(path);
    auto_free char *named =
        kind == FACT_FILE ? git_link(gits->leads, top, path_basename(path), "gitdir: ") : NULL;
    auto_free char *real = NULL;

    if (kind == FACT_FILE && named == NULL)
        return;
    facts_of(gits->leads, look_real(named != NULL ? named : path, &real), path);
    if (real != NULL)
        git_read(gits, real, top, path);
}

/* The project may lie in a larger repository. */
static void git_read_above(struct gits *gits)
{
    struct leads *leads = gits->leads;
    auto_free char *at = xstrdup(leads->project);

    for (int i = 0; i < ABOVE_MAX && !str_eq(at, "/"); i++) {
        auto_free char *above = path_dirname(at);
        auto_free char *path = path_join(above, REPOSITORY_DOT_GIT);
        struct fact_path fact;

        leads->host->facts.lookup(leads->host, arena_strdup(&leads->host->arena, path), &fact);
        if (fact.kind != FACT_ABSENT) {
            git_read_dot(gits, path, fact.kind);
            return;
        }
        free(at);
        at = steal_ptr(above);
    }
}

void leads_of_git(struct leads *leads)
{
    struct facts *facts = &leads->host->facts;
    struct gits gits = {.leads = leads, .global = {.leads = leads, .of = REPOSITORY_DOT_GIT}};

    git_read_global(&gits.global);
    for (size_t i = 0; i < facts->path_count; i++) {
        const struct fact_path fact = facts->paths[i];

        if (fact.kind != FACT_ABSENT && path_is_beneath(fact.path, leads->project) &&
            str_glob_any_case(REPOSITORY_DOT_GIT, path_basename(fact.path)))
            git_read_dot(&gits, fact.path, fact.kind);
    }
    for (size_t i = 0; i < facts->tree_count; i++) {
        if (facts->trees[i].kind == FACT_REPOSITORY)
            git_read(&gits, facts->trees[i].path, facts->trees[i].path, facts->trees[i].path);
    }
    git_read_above(&gits);
    strv_finish(&gits.known);
}
