/* Says which lines of git's configuration name files that git obeys. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "git-internal.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/formats/command_words.h"
#include "svenv/git/config.h"
#include "svenv/git/keys.h"

enum {
    FILES_MAX = 64,      /* of one repository */
    ENTRIES_MAX = 16384, /* of one file */
    DEPTH_MAX = 10,      /* of includes, as git has it */
};

struct git_line {
    struct git_config_entry entry;
    const char *file;
};

void git_add_base(struct git *git, const char *dir)
{
    if (!strv_has(&git->bases, dir))
        strv_add(&git->bases, dir);
}

struct lead_source git_source(const struct git *git, enum lead_verb verb, const char *from)
{
    return (struct lead_source){.of = git->of, .kind = LEAD_GIT, .verb = verb, .from = from};
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* A path as git understands it: "~/" is the home; newer versions know ":(optional)". NULL: one that
 * we do not understand. Caller frees. */
static char *git_path(const struct git *git, const char *base, const char *text)
{
    static const char optional[] = ":(optional)";

    if (str_starts(text, optional))
        text += sizeof(optional) - 1;
    if (str_starts(text, "~/"))
        return path_normalise(git->leads->host->facts.home, text + 2);
    return *text == '\0' || *text == '~' || str_starts(text, "%(") ? NULL
                                                                   : path_normalise(base, text);
}

static void read_file(struct git *git, const char *path, int depth);

static void include_from(struct git *git, const struct git_line *line, const char *file, int depth)
{
    const struct lead_source source = git_source(git, LEAD_NAMED, line->file);
    auto_free char *base = path_dirname(file);
    auto_free char *path = git_path(git, base, line->entry.value);

    if (path == NULL)
        return;
    leads_add(git->leads, path, &source);
    facts_read(git->leads->host, path);
    read_file(git, path, depth + 1);
}

/* A relative path begins where the file lies; of a file that is a link, git may mean the place of
 * either. */
static void read_include(struct git *git, const struct git_line *line, int depth)
{
    auto_free char *real = NULL;
    int rc = 0;

    if (line->entry.value == NULL || git_key_of(&line->entry) != GIT_KEY_INCLUDE)
        return;
    include_from(git, line, line->file, depth);
    rc = look_real(line->file, &real);
    if (rc < 0)
        facts_failed(git->leads->host, rc, line->file);
    if (rc > 0 && !str_eq(real, line->file))
        include_from(git, line, real, depth);
}

struct reading {
    struct git *git;
    const char *file;
    size_t count;
};

static const char *kept(struct arena *arena, const char *text)
{
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static bool take_entry(void *context, const struct git_config_entry *entry)
{
    struct reading *reading = context;
    struct git *git = reading->git;
    struct arena *arena = &git->leads->host->arena;
    struct git_line *line = NULL;

    if (reading->count++ == ENTRIES_MAX) {
        git->leads->cut = true;
        return false;
    }
    line = arena_push(arena, &git->lines, &git->line_count, sizeof(*git->lines));
    *line = (struct git_line){.entry = {.section = kept(arena, entry->section),
                                        .sub = kept(arena, entry->sub),
                                        .name = kept(arena, entry->name),
                                        .value = kept(arena, entry->value)},
                              .file = reading->file};
    return true;
}

/* The lines of included files come behind all of the file's own: each counts. */
static void read_file(struct git *git, const char *path, int depth)
{
    struct arena *arena = &git->leads->host->arena;
    struct reading reading = {.git = git, .file = arena_strdup(arena, path)};
    auto_buf struct buf text = {0};
    auto_free char *room = NULL;
    size_t from = git->line_count;
    size_t to = 0;
    int rc = 0;

    if (depth > DEPTH_MAX)
        return; /* git refuses it */
    if (git->files++ == FILES_MAX) {
        git->leads->cut = true;
        return;
    }
    rc = file_read(AT_FDCWD, path, GIT_CONFIG_BYTES_MAX, &text, NULL);
    facts_unread(git->leads->host, rc, path);
    if (rc == -EFBIG)
        git->leads->cut = true;
    if (rc != 0 || text.data == NULL)
        return;
    room = xcalloc(text.len + GIT_CONFIG_ROOM, 1);
    (void)git_config_read(text.data, text.len, room, text.len + GIT_CONFIG_ROOM, take_entry,
                          &reading);
    to = git->line_count;
    for (size_t i = from; i < to; i++) {
        const struct git_line line = git->lines[i]; /* more lines may move them */

        read_include(git, &line, depth);
    }
}

void git_read_config(struct git *git, const char *dir, const char *name)
{
    auto_free char *path = path_join(dir, name);
    struct stat st;
    int rc = look_at(AT_FDCWD, path, true, &st);

    if (rc < 0)
        facts_failed(git->leads->host, rc, path);
    if (rc <= 0)
        return;
    facts_read(git->leads->host, path);
    read_file(git, path, 0);
}

/* Each may be a link into the project: many keep their configuration in a repository. */
void git_read_global(struct git *git)
{
    static const char *const names[] = {".gitconfig", ".config/git/config", "/etc/gitconfig"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = path_join(git->leads->host->facts.home, names[i]);
        const struct lead_source source = git_source(git, LEAD_LINKED, path);

        facts_read(git->leads->host, path);
        leads_add(git->leads, path, &source);
        read_file(git, path, 0);
    }
}

/* --- applying
 * -------------------------------------------------------------------------
 */

static void apply_path(struct git *git, const struct git_line *line, bool hooks)
{
    const struct lead_source source = git_source(git, LEAD_NAMED, line->file);

    for (size_t i = 0; i < git->bases.count; i++) {
        auto_free char *path = git_path(git, git->bases.items[i], line->entry.value);

        if (path == NULL)
            return;
        /* The whole project cannot be read-only. */
        for (size_t j = 0; hooks && git_hook(j) && path_is_beneath(git->leads->project, path);
             j++) {
            auto_free char *hook = path_join(path, git_hook(j));

            leads_add(git->leads, hook, &source);
        }
        leads_add(git->leads, path, &source);
    }
}

struct applied {
    struct git *git;
    const struct git_line *line;
    bool command;
};

/* Without a slash a word may mean anything, so only a file that is there counts. */
static void apply_word_at(struct applied *applied, const char *base, const char *word, bool absent)
{
    struct git *git = applied->git;
    const struct lead_source source = git_source(git, LEAD_NAMED, applied->line->file);
    auto_free char *path = git_path(git, base, word);
    enum lead_end end = LEAD_END_NOTHING;

    if (path == NULL || !path_is_beneath(path, git->leads->project))
        return;
    end = leads_end(git->leads, path);
    if (end == LEAD_END_FILE || (end == LEAD_END_NOTHING && absent && applied->command))
        leads_add(git->leads, path, &source);
}

static void apply_word(void *context, const char *word, bool maybe_absent)
{
    struct applied *applied = context;
    bool has_slash = strchr(word, '/') != NULL;

    if (!has_slash && (!applied->command || strchr(word, '.') == NULL))
        return;
    for (size_t i = 0; i < applied->git->bases.count; i++) {
        const char *base = applied->git->bases.items[i];

        apply_word_at(applied, base, word, maybe_absent);
    }
}

static void apply_line(struct git *git, const struct git_line *line)
{
    enum git_key key = git_key_of(&line->entry);
    struct applied applied = {.git = git, .line = line, .command = key == GIT_KEY_COMMAND};

    switch (key) {
    case GIT_KEY_WORKTREE: /* a base, see git_apply() */
    case GIT_KEY_INCLUDE:  /* read already */
    case GIT_KEY_DATA:
        break;
    case GIT_KEY_HOOKS:
    case GIT_KEY_PATH:
        apply_path(git, line, key == GIT_KEY_HOOKS);
        break;
    case GIT_KEY_COMMAND:
    case GIT_KEY_URL:
    case GIT_KEY_OTHER:
        /* The words of an alias without '!' are git's own. */
        if (str_eq(line->entry.section, "alias") && *line->entry.value != '!')
            applied.command = false;
        command_words(line->entry.value + (*line->entry.value == '!'), apply_word, &applied);
        break;
    }
}

static void add_worktrees(struct git *git)
{
    for (size_t i = 0; i < git->line_count; i++) {
        const struct git_line *line = &git->lines[i];
        auto_free char *top =
            line->entry.value != NULL && git_key_of(&line->entry) == GIT_KEY_WORKTREE
                ? git_path(git, git->dir, line->entry.value)
                : NULL;

        if (top != NULL)
            git_add_base(git, top);
    }
}

static void apply_lines(struct git *git, const struct git *from)
{
    for (size_t i = 0; i < from->line_count && !git->leads->cut; i++) {
        if (from->lines[i].entry.value != NULL)
            apply_line(git, &from->lines[i]);
    }
}

void git_apply(struct git *git)
{
    add_worktrees(git);
    apply_lines(git, git);
    apply_lines(git, git->global);
}

void git_finish(struct git *git)
{
    strv_finish(&git->bases);
}
