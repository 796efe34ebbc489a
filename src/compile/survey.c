/* A look through the project. The names found in it decide what is protected below its top, and the
 * guard watches the directories themselves. Programs inside write the project, so everything is
 * bounded, and no link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "facts-internal.h"
#include "svenv/base/clock.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/look.h"
#include "svenv/base/made_inside.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"

#define BYTECODE "__pycache__"

/* A directory that goes beyond one of these is closed, like one that cannot be read. */
enum {
    DIRECTORIES_MAX = 20000, /* a look-up each, at every start and end of a program */
    DEPTH_MAX = 48,          /* below the project */
    ENTRIES_MAX = 262144,    /* of one directory */
    FOUND_MAX = 4096         /* a mount each */
};

struct survey {
    struct host_facts *host;
    const char *project;
    const char *own; /* the venv that is being compiled */
    struct plan_obeyed *obeyed;
    size_t obeyed_count;
    struct strv unguarded; /* patterns of paths: a person answers for what is in them */
    struct strv venvs;     /* names at the top that no program may make a venv */
    struct buf record;     /* venvs that programs inside made */
    struct strv packages;  /* of the venvs in the record */
    struct strv closed;    /* directories that nobody can say all of */
    char *unlisted;        /* of them: the first that leads nobody knows where */
    int top;
    size_t found;
    size_t known; /* directories, also those that are still to be looked at */
};

/* The findings about one directory. */
struct sight {
    bool venv; /* with the mark of one, which any program can make */
    bool repository;
    bool cut;      /* more obeyed names than are protected by themselves */
    bool unlisted; /* it cannot be read */
    struct strv subdirs;
    size_t guarded; /* of them: are to be looked through */
};

static void survey_add_name(struct survey *s, const char *text, bool anywhere)
{
    struct arena *arena = &s->host->arena;
    auto_free char *path = path_normalise("/", text);
    struct plan_obeyed one = {.pattern = path + 1, .anywhere = anywhere};
    struct plan_obeyed *slot = NULL;

    for (size_t i = 0; i < s->obeyed_count; i++) {
        if (s->obeyed[i].anywhere == anywhere && str_eq(s->obeyed[i].pattern, one.pattern))
            return;
    }
    one.pattern = arena_strdup(arena, one.pattern);
    if (anywhere && str_eq(one.pattern, BYTECODE))
        one.action = PLAN_OBEYED_BYTECODE;
    slot = arena_push(arena, &s->obeyed, &s->obeyed_count, sizeof(one));
    *slot = one;
}

static void survey_collect(struct survey *s, const struct policy_values *values)
{
    static const enum policy_field fields[] = {POLICY_FS_PROTECT, POLICY_FS_HIDE};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct policy_value *value = &values->v[fields[i]];
        bool protects = fields[i] == POLICY_FS_PROTECT;

        for (size_t j = 0; j < value->count; j++) {
            const char *text = value->items[j].text;

            if (text[0] != '~' && text[0] != '/')
                survey_add_name(s, text, protects && compute_is_anywhere(text));
        }
    }
}

/* A mark that is there is no new one. */
static void survey_add_venv(struct survey *s, const char *name)
{
    strv_add(&s->venvs, name);
    for (size_t i = 0; layout_venv_marks[i] != NULL; i++) {
        auto_free char *mark = path_join(name, layout_venv_marks[i]);

        survey_add_name(s, mark, false);
    }
}

static void collect_names(struct survey *s, const struct policy *policy)
{
    struct policy_values values;

    policy_effective(policy, NULL, &values);
    survey_collect(s, &values);
    for (size_t i = 0; i < values.v[POLICY_FS_UNGUARDED].count; i++)
        strv_add(&s->unguarded, values.v[POLICY_FS_UNGUARDED].items[i].text);
    for (size_t i = 0; layout_usual_venvs[i] != NULL; i++) {
        if (!compute_opens_venv(&values, layout_usual_venvs[i]))
            survey_add_venv(s, layout_usual_venvs[i]);
    }
    for (size_t i = 0; i < policy->command_count; i++) {
        policy_effective(policy, &policy->commands[i], &values);
        survey_collect(s, &values);
    }
}

/* Byte code is a directory of its own kind, not a name that must not be there. */
static const struct plan_obeyed *survey_find(const struct survey *s, const char *rel,
                                             const char *name)
{
    auto_free char *below = path_join(rel, name);
    const struct plan_obeyed *found = plan_obeyed_find(s->obeyed, s->obeyed_count, below, name);

    return found != NULL && found->action != PLAN_OBEYED_BYTECODE ? found : NULL;
}

/* Of a directory below the project. */
static void failed(struct survey *s, int code, const char *rel)
{
    auto_free char *path = path_join(s->project, rel);

    facts_failed(s->host, code, path);
}

/* The launcher noted those: they stay writable, or tox could not use its own environments a second
 * time. */
static bool was_made_inside(struct survey *s, int dir, const char *rel)
{
    char line[MADE_INSIDE_LINE];
    size_t dir_len = 0;
    const char *at = NULL;
    int rc = s->record.len == 0 ? 0 : made_inside_line(dir, line, &dir_len);

    if (rc < 0)
        failed(s, rc, rel);
    if (rc <= 0)
        return false;
    at = strstr(s->record.data, line);
    while (at != NULL && at != s->record.data && at[-1] != '\n')
        at = strstr(at + 1, line);
    return at != NULL;
}

static bool is_in_packages(const struct survey *s, const char *rel)
{
    for (size_t i = 0; i < s->packages.count; i++) {
        if (path_is_beneath(rel, s->packages.items[i]))
            return true;
    }
    return false;
}

static bool is_unguarded(const struct survey *s, const char *below)
{
    auto_free char *path = path_join(s->project, below);

    if (path_is_beneath(s->own, path))
        return false;
    for (size_t i = 0; i < s->unguarded.count; i++) {
        if (path_depth(s->unguarded.items[i]) == path_depth(below) &&
            str_glob(s->unguarded.items[i], below))
            return true;
    }
    return false;
}

/* No name and no mark but the own venv's keeps us from looking: any program can make those. */
static enum plan_seen_kind survey_kind_of(const struct survey *s, const char *below,
                                          const char *name)
{
    auto_free char *path = path_join(s->project, below);

    if (str_eq(name, BYTECODE))
        return PLAN_SEEN_BYTECODE;
    return str_eq(path, s->own) || is_unguarded(s, below) ? PLAN_SEEN_PASSED : PLAN_SEEN_WATCHED;
}

static bool survey_is_directory(struct survey *s, int dir, const char *rel,
                                const struct dirent *entry)
{
    struct stat st;
    int rc;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    rc = look_at(dir, entry->d_name, false, &st);
    if (rc < 0)
        failed(s, rc, rel);
    return rc > 0 && S_ISDIR(st.st_mode);
}

/* Return: false: there are too many. */
static bool add_found(struct survey *s, const char *rel, const char *name)
{
    auto_free char *below = path_join(rel, name);
    auto_free char *path = path_join(s->project, below);

    if (s->found == FOUND_MAX)
        return false;
    s->found++;
    facts_add(s->host, path);
    return true;
}

static void see_entry(struct survey *s, int dir, const char *rel, const struct dirent *entry,
                      struct sight *sight)
{
    const char *name = entry->d_name;
    const struct plan_obeyed *found = survey_find(s, rel, name);
    auto_free char *below = path_join(rel, name);

    if (found != NULL)
        sight->cut = !add_found(s, rel, name) || sight->cut;
    /* A path may be one command's, and the directory is looked through for the others. */
    if ((found == NULL || (found->deep && !found->anywhere)) &&
        survey_is_directory(s, dir, rel, entry)) {
        strv_add(&sight->subdirs, name);
        sight->guarded += !is_unguarded(s, below);
    }
}

/* A tool that knows a name gets into it, and through a link in it to anything in the project. Into
 * one that can't be entered nobody gets. */
static void survey_note_unlisted(struct survey *s, int dir, const char *rel)
{
    if (s->unlisted == NULL && faccessat(dir, ".", X_OK, 0) == 0)
        s->unlisted = xstrdup(rel);
}

/* Return: false when nobody can say all that is in the directory. */
static bool read_entries(struct survey *s, int dir, const char *rel, struct sight *sight)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int left = ENTRIES_MAX;
    int rc = look_open_dir(dir, ".", 0, &stream);

    /* Its names cannot be looked at without the permission to pass through it. */
    if (rc > 0 && faccessat(dir, ".", X_OK, 0) < 0)
        rc = errno == EACCES ? 0 : -errno;
    sight->unlisted = rc == 0;
    if (rc == 0)
        return false;
    while (rc > 0 && left-- > 0 && (rc = look_next(stream, &entry)) > 0)
        see_entry(s, dir, rel, entry, sight);
    if (rc < 0)
        failed(s, rc, rel);
    return left >= 0 && !sight->cut;
}

/* Tools start the python of a directory with the name of a virtualenv, and shells read its
 * activate, also where its mark is missing (conda makes none). Return: 1, 0, or negative errno. */
static int is_used_as_venv(const struct survey *s, int dir, const char *rel)
{
    struct stat st;
    int rc = 0;

    for (size_t i = 0; i < s->venvs.count; i++) {
        if (strcasecmp(s->venvs.items[i], rel) == 0)
            rc = look_at(dir, "bin/python", false, &st);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The names that decide are asked for, so however many others there are, none of these is missed.
 */
static void see_kind(struct survey *s, int dir, const char *rel, struct sight *sight)
{
    struct stat st;
    int marked = look_at(dir, VENV_CONFIG, false, &st);
    int venv = marked == 0 ? is_used_as_venv(s, dir, rel) : marked;
    int repository = plan_takes_repositories(s->obeyed, s->obeyed_count) ? repository_at(dir) : 0;

    if (venv < 0 || repository < 0)
        failed(s, venv < 0 ? venv : repository, rel);
    sight->venv = venv > 0;
    sight->repository = repository > 0;
}

static void add_seen(struct survey *s, const char *rel, enum plan_seen_kind kind,
                     const struct file_id *id)
{
    struct facts *facts = &s->host->facts;
    struct plan_seen *seen =
        arena_push(&s->host->arena, &facts->seen, &facts->seen_count, sizeof(*seen));

    *seen = (struct plan_seen){.rel = arena_strdup(&s->host->arena, rel),
                               .kind = kind,
                               .dev = id->dev,
                               .ino = id->ino,
                               .ctime_ns = id->ctime_ns};
}

static void add_tree(struct survey *s, const char *path, int kind)
{
    struct facts *facts = &s->host->facts;
    struct fact_tree *tree =
        arena_push(&s->host->arena, &facts->trees, &facts->tree_count, sizeof(*tree));
    auto_free char *mark = path_join(path, kind == FACT_VENV ? VENV_CONFIG : REPOSITORY_HEAD_NAME);

    *tree = (struct fact_tree){.path = arena_strdup(&s->host->arena, path), .kind = kind};
    facts_ask(s->host, mark);
}

/* A repository that holds the own venv stays writable but for its parts. */
static void survey_add_parts(struct survey *s, const char *path)
{
    add_tree(s, path, FACT_REPOSITORY);
    for (size_t i = 0; repository_part(i) != NULL; i++) {
        auto_free char *part = path_join(path, repository_part(i));

        facts_add(s->host, part);
    }
}

/* Every other venv or repository is protected as a whole, so nothing is looked for in it. */
static enum plan_seen_kind settle_kind(struct survey *s, int dir, const char *rel,
                                       const struct sight *sight)
{
    auto_free char *path = path_join(s->project, rel);
    enum plan_seen_kind kind = is_in_packages(s, rel) ? PLAN_SEEN_PACKAGES : PLAN_SEEN_WATCHED;

    if (*rel == '\0' || path_is_beneath(s->own, path)) {
        if (sight->repository)
            survey_add_parts(s, path);
        return kind;
    }
    if (sight->venv && was_made_inside(s, dir, rel)) {
        auto_free char *mark = path_join(path, VENV_CONFIG);

        facts_ask_exactly(s->host, mark);
        kind = PLAN_SEEN_VENV;
    } else if (sight->venv) {
        add_tree(s, path, FACT_VENV);
        kind = PLAN_SEEN_PASSED;
    }
    if (sight->repository) {
        add_tree(s, path, FACT_REPOSITORY);
        kind = PLAN_SEEN_PASSED;
    }
    return kind;
}

static void add_subdir(struct survey *s, struct strv *queue, const char *rel,
                       enum plan_seen_kind above, const char *name)
{
    const struct file_id id = {0};
    auto_free char *below = path_join(rel, name);
    enum plan_seen_kind kind = PLAN_SEEN_PASSED;

    if (above == PLAN_SEEN_VENV && layout_is_packages(name))
        strv_add(&s->packages, below);
    kind = survey_kind_of(s, below, name);
    if (kind == PLAN_SEEN_WATCHED)
        strv_take(queue, steal_ptr(below));
    else
        add_seen(s, below, kind, &id);
}

/* The identity is from before the reading: the start sees what changes meanwhile. */
static int survey_open_directory(struct survey *s, const char *rel, struct file_id *id)
{
    auto_fd int dir = fd_open_beneath(s->top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0);
    struct stat st;
    int rc = dir < 0 ? dir : fstat(dir, &st) < 0 ? -errno : 0;

    if (rc < 0 && !look_is_answer(rc))
        failed(s, rc, rel);
    if (rc < 0)
        return rc;
    *id = (struct file_id){.dev = st.st_dev,
                           .ino = st.st_ino,
                           .ctime_ns = clock_ns_of(st.st_ctim),
                           .mode = st.st_mode};
    return steal_fd(&dir);
}

static bool survey_has_room(const struct survey *s, const char *rel, const struct sight *sight)
{
    unsigned depth = *rel != '\0';

    for (const char *at = rel; *at; at++)
        depth += *at == '/';
    return sight->guarded == 0 ||
           (depth < DEPTH_MAX && sight->guarded <= DIRECTORIES_MAX - s->known);
}

/* The directories in it are known only if all of them are: else the directory is closed. */
static void look_into(struct survey *s, struct strv *queue, int dir, const char *rel,
                      const struct file_id *id)
{
    struct sight sight = {.venv = false};
    enum plan_seen_kind kind = PLAN_SEEN_PASSED;
    bool whole = false;

    see_kind(s, dir, rel, &sight);
    whole = read_entries(s, dir, rel, &sight) && survey_has_room(s, rel, &sight);
    kind = settle_kind(s, dir, rel, &sight);
    if (kind != PLAN_SEEN_PASSED && !whole)
        strv_add(&s->closed, rel);
    if (kind != PLAN_SEEN_PASSED && sight.unlisted)
        survey_note_unlisted(s, dir, rel);
    add_seen(s, rel, kind, id);
    if (kind != PLAN_SEEN_PASSED && whole) {
        s->known += sight.guarded;
        for (size_t i = 0; i < sight.subdirs.count; i++)
            add_subdir(s, queue, rel, kind, sight.subdirs.items[i]);
    }
    strv_finish(&sight.subdirs);
}

static void survey_look(struct survey *s, struct strv *queue, const char *rel)
{
    struct file_id id = {0};
    auto_fd int dir = survey_open_directory(s, rel, &id);

    /* Also in another file system: tools of the host look into those as well. */
    if (dir >= 0) {
        look_into(s, queue, dir, rel, &id);
    } else {
        /* Something closed the way to it meanwhile. */
        if (dir == -EACCES)
            strv_take(&s->closed, path_dirname(rel));
        add_seen(s, rel, PLAN_SEEN_PASSED, &id);
    }
}

static void survey_read_record(struct survey *s)
{
    auto_free char *path = path_join(s->own, IN_SANDBOX(SANDBOX_MADE_INSIDE));
    int rc = file_read(AT_FDCWD, path, MADE_INSIDE_BYTES_MAX, &s->record, NULL);

    if (rc < 0)
        buf_finish(&s->record);
    facts_unread(s->host, rc, path);
}

/* Return: negative when there is no project, as the planner will say, or a look failed. */
static int open_top(struct survey *s)
{
    auto_fd int top = open(s->project, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (top < 0 && !look_is_answer(errno))
        facts_failed(s->host, errno, s->project);
    return steal_fd(&top);
}

void facts_survey(struct host_facts *host, const struct policy *policy, const struct venv *venv)
{
    struct survey s = {.host = host, .project = venv->project, .own = venv->path, .top = -1};
    auto_strv struct strv queue = {0};

    if (venv->project == NULL)
        return;
    s.top = open_top(&s);
    if (s.top < 0)
        return;
    collect_names(&s, policy);
    plan_obeyed_settle(s.obeyed, s.obeyed_count);
    survey_read_record(&s);
    strv_add(&queue, "");
    for (size_t i = 0; i < queue.count; i++)
        survey_look(&s, &queue, queue.items[i]);
    host->facts.repository = worktree_repository(host, venv->project);
    if (!facts_lead(host, venv, &s.unguarded, s.top,
                    plan_takes_repositories(s.obeyed, s.obeyed_count)) ||
        s.unlisted != NULL)
        strv_add(&s.closed, "");
    if (s.unlisted != NULL)
        log_line("'%s' in the project cannot be looked through, and nobody knows what it leads to "
                 "(filesystem.unguarded opens it)",
                 s.unlisted);
    facts_close(host, venv->project, &s.closed);
    free(s.unlisted);
    strv_finish(&s.closed);
    strv_finish(&s.packages);
    strv_finish(&s.unguarded);
    strv_finish(&s.venvs);
    buf_finish(&s.record);
    close(s.top);
}
