/* The command line: one table of options for all commands. */
#include "args-internal.h"

#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/formats/bwrap.h"

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST
};

struct option_row {
    const char *name;
    const char *letter; /* "-q", or NULL */
    enum option_kind kind;
    uint32_t accept; /* 0: every command has it */
    size_t offset;   /* in struct args */
};

#define ROW(text, short_text, option_kind, accept_bit, member)                                     \
    {                                                                                              \
        text, short_text, option_kind, accept_bit, offsetof(struct args, member)                   \
    }
static const struct option_row option_rows[] = {
    ROW("--help", "-h", OPTION_FLAG, 0, help),
    ROW("--quiet", "-q", OPTION_FLAG, 0, quiet),
    ROW("--policy", NULL, OPTION_TEXT, ACCEPT_POLICY, policy),
    ROW("--project", NULL, OPTION_TEXT, ACCEPT_PROJECT, project),
    ROW("--python", NULL, OPTION_TEXT, ACCEPT_PYTHON, python),
    ROW("--purge", NULL, OPTION_FLAG, ACCEPT_PURGE, purge),
    ROW("--json", NULL, OPTION_FLAG, ACCEPT_JSON, json),
    ROW("--check", NULL, OPTION_FLAG, ACCEPT_CHECK, check),
    ROW("--follow", "-f", OPTION_FLAG, ACCEPT_LOG, follow),
    ROW("--denied", NULL, OPTION_FLAG, ACCEPT_LOG, denied),
    ROW("--origins", NULL, OPTION_FLAG, ACCEPT_SHOW, origins),
    ROW("--diff", NULL, OPTION_FLAG, ACCEPT_SHOW, diff),
    ROW("--filter", NULL, OPTION_FLAG, ACCEPT_SHOW, filter),
    ROW("--network", NULL, OPTION_TEXT, ACCEPT_GRANT, network),
    ROW("--read", NULL, OPTION_LIST, ACCEPT_GRANT, read),
    ROW("--write", NULL, OPTION_LIST, ACCEPT_GRANT, write),
};
#undef ROW

/* A reader over the words, and the result that it fills. */
struct scan {
    const char *const *words;
    size_t count;
    size_t next;
    uint32_t accepts;
    bool after_value; /* of a variable: what comes may be the rest of one that has blanks */
    struct args *args;
};

static bool name_fits(const struct option_row *row, const char *word, size_t len)
{
    bool is_name = strlen(row->name) == len && strncmp(row->name, word, len) == 0;
    bool is_letter = row->letter && strlen(row->letter) == len && !strncmp(row->letter, word, len);

    return is_name || is_letter;
}

static const struct option_row *args_find_option(const struct scan *scan, const char *word,
                                                 size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
        const struct option_row *row = &option_rows[i];

        if ((row->accept == 0 || scan->accepts & row->accept) && name_fits(row, word, len))
            return row;
    }
    return NULL;
}

static int args_take_value(struct scan *scan, const char *word, const char **value_out,
                           struct err *err)
{
    const char *equals = strchr(word, '=');

    if (equals) {
        *value_out = equals + 1;
        return 0;
    }
    if (scan->next == scan->count)
        return err_plain(err, EINVAL, "option '%s' needs a value", word);
    *value_out = scan->words[scan->next++];
    return 0;
}

static int take_option(struct scan *scan, const struct option_row *row, const char *word,
                       struct err *err)
{
    char *slot = (char *)scan->args + row->offset;
    const char *value = NULL;
    int r;

    if (row->kind == OPTION_FLAG) {
        bool yes = true;

        if (strchr(word, '='))
            return err_plain(err, EINVAL, "option '%s' takes no value", row->name);
        memcpy(slot, &yes, sizeof(yes));
        return 0;
    }
    r = args_take_value(scan, word, &value, err);
    if (r < 0)
        return r;
    if (row->kind == OPTION_LIST)
        strv_add((struct strv *)(void *)slot, value);
    else
        memcpy(slot, &value, sizeof(value));
    return 0;
}

static const struct bwrap_doc *find_bwrap(const char *word)
{
    size_t count = 0;
    const struct bwrap_doc *docs = bwrap_docs(&count);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(docs[i].name, word))
            return &docs[i];
    }
    return NULL;
}

static size_t operand_count(const struct bwrap_doc *doc)
{
    size_t count = 0;

    for (const char *c = doc->operands; c && *c; c++) {
        if (*c != ' ' && (c == doc->operands || c[-1] == ' '))
            count++;
    }
    return count;
}

/* Operands are taken along unseen: only their number matters here, bwrap_parse() checks them. */
static void take_bwrap(struct scan *scan, const struct bwrap_doc *doc, const char *word)
{
    size_t operands = operand_count(doc);

    scan->after_value = doc->id == BWRAP_SETENV;
    strv_add(&scan->args->bwrap, word);
    for (size_t i = 0; i < operands && scan->next < scan->count; i++)
        strv_add(&scan->args->bwrap, scan->words[scan->next++]);
}

/* The rest of a value is not quoted. */
static int args_fail_word(const struct scan *scan, const char *what, const char *word,
                          struct err *err)
{
    if (scan->after_value)
        return err_plain(err, EINVAL, "%s behind the value of --setenv (does that have blanks?)",
                         what);
    return err_plain(err, EINVAL, "%s '%s'", what, word);
}

static int args_take_word(struct scan *scan, const char *word, struct err *err)
{
    if (scan->accepts & ACCEPT_VENV && !scan->args->venv) {
        if (!*word)
            return err_plain(err, EINVAL, "the virtual environment's name is empty");
        scan->args->venv = word;
        scan->after_value = false;
        return 0;
    }
    if (scan->accepts & ACCEPT_EXTRA) {
        strv_add(&scan->args->extra, word);
        return 0;
    }
    return args_fail_word(scan, "unexpected word", word, err);
}

static int take_dashed(struct scan *scan, const char *word, struct err *err)
{
    const struct option_row *row = args_find_option(scan, word, strcspn(word, "="));
    const struct bwrap_doc *doc = scan->accepts & ACCEPT_BWRAP ? find_bwrap(word) : NULL;

    if (row) {
        scan->after_value = false;
        return take_option(scan, row, word, err);
    }
    if (doc) {
        take_bwrap(scan, doc, word);
        return 0;
    }
    if (scan->accepts & ACCEPT_EXTRA)
        return args_take_word(scan, word, err);
    return args_fail_word(scan, "unknown option", word, err);
}

/* Operands are checked here already: a mistake in them is one in the command line. */
static int check_bwrap(const struct strv *words, struct err *err)
{
    struct bwrap_options options = {0};
    struct arena arena = {0};
    int r = bwrap_parse(&arena, "command line", (const char *const *)words->items, words->count,
                        &options, err);

    arena_finish(&arena);
    return r;
}

static void take_rest(struct scan *scan)
{
    scan->args->rest = scan->words + scan->next;
    scan->args->rest_count = scan->count - scan->next;
    scan->next = scan->count;
    for (size_t i = 0; scan->accepts & ACCEPT_BWRAP_REST && i < scan->args->rest_count; i++)
        strv_add(&scan->args->bwrap, scan->args->rest[i]);
}

static int take_next(struct scan *scan, struct err *err)
{
    const char *word = scan->words[scan->next++];

    if (word[0] == '-' && word[1])
        return take_dashed(scan, word, err);
    return args_take_word(scan, word, err);
}

int args_parse(uint32_t accepts, const char *const *words, size_t count, struct args *out,
               struct err *err)
{
    struct scan scan = {.words = words, .count = count, .accepts = accepts, .args = out};
    bool has_rest = (accepts & (ACCEPT_REST | ACCEPT_BWRAP_REST)) != 0;
    int r = 0;

    *out = (struct args){0};
    while (r == 0 && scan.next < count) {
        if (has_rest && str_eq(words[scan.next], "--")) {
            scan.next++;
            take_rest(&scan);
        } else {
            r = take_next(&scan, err);
        }
    }
    if (r == 0 && out->bwrap.count > 0)
        r = check_bwrap(&out->bwrap, err);
    return r;
}

void args_finish(struct args *args)
{
    strv_finish(&args->read);
    strv_finish(&args->write);
    strv_finish(&args->bwrap);
    strv_finish(&args->extra);
}
