/* Reads an installer's command line: the project, archives, requirement files, directories of links
 * and targets that it names. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#include "start-internal.h"

#define REQUIREMENT_DEPTH_MAX 8
#define REQUIREMENT_FILES_MAX 32
#define LINE_MAX_BYTES 4096

enum role {
    ROLE_OPERAND,      /* something to install */
    ROLE_DIRECTORY,    /* names a project by its directory, also without a slash */
    ROLE_REQUIREMENTS, /* a file of more of the same */
    ROLE_READ,
    ROLE_WRITE,     /* a place for results */
    ROLE_WRITE_DIR, /* the same, made by the installer when it is not there */
    ROLE_WRITE_FILE,
    ROLE_OTHER, /* no path */
};

static const struct {
    const char *option;
    enum role role;
} option_roles[] = {
    {"-r", ROLE_REQUIREMENTS},
    {"--requirement", ROLE_REQUIREMENTS},
    {"--requirements", ROLE_REQUIREMENTS},
    {"-c", ROLE_REQUIREMENTS},
    {"--constraint", ROLE_REQUIREMENTS},
    {"--constraints", ROLE_REQUIREMENTS},
    {"-b", ROLE_REQUIREMENTS},
    {"--build-constraint", ROLE_REQUIREMENTS},
    {"--build-constraints", ROLE_REQUIREMENTS},
    {"--override", ROLE_REQUIREMENTS},
    {"--overrides", ROLE_REQUIREMENTS},
    {"-e", ROLE_DIRECTORY},
    {"--editable", ROLE_DIRECTORY},
    {"--directory", ROLE_DIRECTORY},
    {"--project", ROLE_DIRECTORY},
    {"-C", ROLE_DIRECTORY},
    {"-f", ROLE_READ},
    {"--find-links", ROLE_READ},
    {"--cert", ROLE_READ},
    {"--config-file", ROLE_READ},
    {"-i", ROLE_READ},
    {"--index-url", ROLE_READ},
    {"--extra-index-url", ROLE_READ},
    {"-t", ROLE_WRITE_DIR},
    {"--target", ROLE_WRITE_DIR},
    {"--prefix", ROLE_WRITE_DIR},
    {"--root", ROLE_WRITE_DIR},
    {"--src", ROLE_WRITE_DIR},
    {"-d", ROLE_WRITE_DIR},
    {"--dest", ROLE_WRITE_DIR},
    {"-w", ROLE_WRITE_DIR},
    {"--wheel-dir", ROLE_WRITE_DIR},
    {"--log", ROLE_WRITE_FILE},
    {"--report", ROLE_WRITE_FILE},
    {"--log-file", ROLE_WRITE_FILE},
    {"--output-file", ROLE_WRITE_FILE},
    {"-o", ROLE_WRITE},
    {"--out-dir", ROLE_WRITE},
    {"--output", ROLE_WRITE},
    {"--proxy", ROLE_OTHER},
    {"--python", ROLE_OTHER},
    {"--cache-dir", ROLE_OTHER},
    {"--client-cert", ROLE_OTHER},
};

/* Commands that work on the project in whose directory they are started: it goes without saying. */
static const char *const project_commands[] = {
    "uv sync",    "uv add", "uv remove", "uv lock", "uv run", "uv build", "uv export", "uv tree",
    "uv version", "poetry", "pdm",       "hatch",   "flit",   "pipenv",   "rye",
};

/* --- what a word names --------------------------------------------------------------------------
 */

static bool in_project(const struct completion *c, const char *path)
{
    return c->file->project != NULL && path_is_beneath(path, c->file->project) &&
           !path_is_beneath(path, c->file->venv);
}

/* Does the path name the project or a directory in it? A file is shown alone. */
static bool names_project(struct completion *c, const char *path)
{
    const char *real = path != NULL ? resolve_path(c, path) : NULL;

    return real != NULL && in_project(c, real) && resolve_kind(c, real) == PATH_DIR;
}

static const char *below(struct completion *c, const char *dir, const char *path)
{
    auto_free char *joined = path_join(dir, path);

    return arena_strdup(c->arena, joined);
}

/* --- requirement files --------------------------------------------------------------------------
 */

struct requirements {
    struct completion *c;
    const char *top; /* directory of the file that the command line named */
    bool show;       /* note the files to be shown */
};

static bool read_requirements(struct requirements *r, const char *path, unsigned depth);

/* One line, trimmed and without its comment: "-r other.txt", "--constraint=x", "-e ./pkg",
 * "name @ file:///dir", "./dir ; marker". */
static void split_line(struct completion *c, char *line, const char **option, const char **value)
{
    char *end = strstr(line, " #");
    size_t len = 0;

    if (end != NULL)
        *end = '\0';
    end = strstr(line, " ;");
    if (end != NULL)
        *end = '\0';
    for (len = strlen(line); len > 0 && strchr(" \t\r", line[len - 1]) != NULL; len--)
        line[len - 1] = '\0';
    *option = NULL;
    *value = line;
    if (line[0] != '-')
        return;
    len = line[1] == '-' ? strcspn(line, " \t=") : 2;
    *option = arena_strndup(c->arena, line, len);
    *value = line + strlen(*option);
    *value += strspn(*value, " \t=");
}

static enum role role_of(const char *option)
{
    for (size_t i = 0; option != NULL && i < ARRAY_SIZE(option_roles); i++) {
        if (str_eq(option, option_roles[i].option))
            return option_roles[i].role;
    }
    return ROLE_OPERAND;
}

/* Relative paths are taken as pip takes them (from the working directory) and as uv does. */
static bool operand_names_project(struct completion *c, const char *base, const char *value,
                                  bool is_directory)
{
    const char *path = local_path(c, value, is_directory);

    if (path == NULL)
        return false;
    return names_project(c, path) || (base != NULL && names_project(c, below(c, base, path)));
}

static bool installer_read_line(struct requirements *r, const char *dir, char *line, unsigned depth)
{
    const char *option = NULL;
    const char *value = NULL;
    enum role role = ROLE_OPERAND;

    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#' || strlen(line) > LINE_MAX_BYTES)
        return false;
    split_line(r->c, line, &option, &value);
    role = role_of(option);
    if (role == ROLE_REQUIREMENTS)
        return read_requirements(r, below(r->c, dir, value), depth + 1);
    if (option != NULL && role != ROLE_DIRECTORY)
        return false;
    return operand_names_project(r->c, dir, value, role == ROLE_DIRECTORY);
}

/* The text of a requirement file may be the sandbox's own work. So a path in it is followed only
 * where its reader could look anyway: in the project, or beside the file that the user named. */
static bool may_follow(const struct requirements *r, const char *real, unsigned depth)
{
    return depth == 0 || in_project(r->c, real) || path_is_beneath(real, r->top);
}

/* Return: does it name the project, through whatever other files? */
static bool read_requirements(struct requirements *r, const char *path, unsigned depth)
{
    struct completion *c = r->c;
    const char *real = resolve_path(c, path);
    const char *dir = NULL;
    const char *text = NULL;
    char *line = NULL;
    bool named = false;

    if (real == NULL || depth > REQUIREMENT_DEPTH_MAX || c->files >= REQUIREMENT_FILES_MAX ||
        resolve_kind(c, real) != PATH_FILE || deny_path(c, real, false))
        return false;
    dir = resolve_dirname(c, real);
    if (depth == 0)
        r->top = dir;
    if (!may_follow(r, real, depth))
        return false;
    c->files++;
    if (r->show)
        expose_add(c, real, false, false, "requirement file");
    text = c->start->host.text(c->start->host.context, c->arena, real);
    if (text == NULL || strnlen(text, REQUIREMENTS_BYTES_MAX) == REQUIREMENTS_BYTES_MAX)
        return false;
    line = arena_strdup(c->arena, text);
    while (line != NULL) {
        char *next = strchr(line, '\n');

        if (next != NULL)
            *next++ = '\0';
        named = installer_read_line(r, dir, line, depth) || named;
        line = next;
    }
    return named;
}

/* --- the command line ---------------------------------------------------------------------------
 */

static struct argument_walk walk_arguments(const struct completion *c)
{
    return (struct argument_walk){.arena = c->arena,
                                  .argv = c->start->argv,
                                  .argc = c->start->argc,
                                  .next = c->first_argument,
                                  .flags = "vqUIn"};
}

static bool is_project_command(const struct completion *c)
{
    if (!in_project(c, c->start->cwd))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(project_commands); i++) {
        if (command_matches(project_commands[i], c->words, c->word_count))
            return true;
    }
    return false;
}

static bool argument_names_project(struct completion *c, const struct argument *argument)
{
    struct requirements requirements = {.c = c};

    switch (role_of(argument->option)) {
    case ROLE_OPERAND:
        return operand_names_project(c, NULL, argument->value, false);
    case ROLE_DIRECTORY:
        return operand_names_project(c, NULL, argument->value, true);
    case ROLE_REQUIREMENTS:
        return read_requirements(&requirements, argument->value, 0);
    case ROLE_WRITE: /* it may be there only afterwards */
    case ROLE_WRITE_DIR:
    case ROLE_WRITE_FILE:
        return in_project(c, resolve_lexical(c, argument->value));
    case ROLE_READ:
        return names_project(c, local_path(c, argument->value, true));
    case ROLE_OTHER:
        break;
    }
    return false;
}

bool installer_grants_project(struct completion *c)
{
    struct argument_walk walk = walk_arguments(c);
    struct argument argument;

    if (c->file->project == NULL)
        return false;
    if (is_project_command(c))
        return true;
    while (argument_next(&walk, &argument)) {
        if (argument_names_project(c, &argument))
            return true;
    }
    return false;
}

static void show_path(struct completion *c, const char *path, const char *origin)
{
    const char *real = NULL;
    enum path_kind kind = PATH_ABSENT;

    if (path == NULL || tree_is_settled(&c->tree, resolve_lexical(c, path)))
        return;
    real = resolve_path(c, path);
    kind = real != NULL ? resolve_kind(c, real) : PATH_ABSENT;
    if (kind == PATH_FILE || kind == PATH_DIR)
        expose_add(c, real, kind == PATH_DIR, false, origin);
}

/* To others the letters mean something else: "pdm add -d NAME". */
static bool is_pip(const struct completion *c)
{
    return command_matches("pip", c->words, c->word_count) ||
           command_matches("uv pip", c->words, c->word_count);
}

static void show_argument(struct completion *c, const struct argument *argument)
{
    struct requirements requirements = {.c = c, .show = true};
    const char *origin = arena_printf(c->arena, "argument %zu", argument->index);

    switch (role_of(argument->option)) {
    case ROLE_OPERAND:
        show_path(c, local_path(c, argument->value, false), origin);
        break;
    case ROLE_DIRECTORY:
    case ROLE_READ:
        show_path(c, local_path(c, argument->value, true), origin);
        break;
    case ROLE_REQUIREMENTS:
        read_requirements(&requirements, argument->value, 0);
        break;
    case ROLE_WRITE:
        output_expose(c, argument->value, OUTPUT_THERE, origin);
        break;
    case ROLE_WRITE_DIR:
        output_expose(c, argument->value, is_pip(c) ? OUTPUT_DIR : OUTPUT_THERE, origin);
        break;
    case ROLE_WRITE_FILE:
        output_expose(c, argument->value, is_pip(c) ? OUTPUT_FILE : OUTPUT_THERE, origin);
        break;
    case ROLE_OTHER:
        break;
    }
}

void installer_arguments(struct completion *c)
{
    struct argument_walk walk = walk_arguments(c);
    struct argument argument;

    c->files = 0;
    while (argument_next(&walk, &argument))
        show_argument(c, &argument);
    output_check_cwd(c);
}
