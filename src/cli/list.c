/* `sandbox-venv list`: the venvs that the user has wrapped. */
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/json.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/find/registry.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "term-internal.h"

enum listed {
    LISTED_WRAPPED,
    LISTED_DAMAGED,
    LISTED_GONE
};

static const struct {
    const char *word;
    enum term_style style;
} listed_words[] = {
    [LISTED_WRAPPED] = {"wrapped", TERM_GOOD},
    [LISTED_DAMAGED] = {"damaged", TERM_WARN},
    [LISTED_GONE] = {"gone", TERM_DIM},
};

static enum listed list_state_of(const char *path)
{
    auto_venv struct venv venv;

    venv_init(&venv);
    if (venv_is_wrapped(path, NULL) == 0)
        return LISTED_GONE;
    if (manifest_read(&venv, path, NULL) < 0 || !str_eq(venv.path, path))
        return LISTED_DAMAGED;
    return LISTED_WRAPPED;
}

static void add_json(struct buf *out, const struct strv *paths)
{
    struct json json;

    json_init(&json, out, true);
    json_open(&json, '[');
    for (size_t i = 0; i < paths->count; i++) {
        json_open(&json, '{');
        json_key(&json, "path");
        json_str(&json, paths->items[i]);
        json_key(&json, "state");
        json_str(&json, listed_words[list_state_of(paths->items[i])].word);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    buf_add_char(out, '\n');
}

static void list_add_lines(struct buf *out, const struct strv *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        enum listed state = list_state_of(paths->items[i]);

        term_add(out, listed_words[state].style, listed_words[state].word);
        buf_add_str(out, state == LISTED_GONE ? "     " : "  ");
        buf_add_escaped(out, paths->items[i]);
        buf_add_char(out, '\n');
    }
}

int command_list(const struct args *args)
{
    auto_user struct user user = {0};
    auto_strv struct strv paths = {0};
    auto_buf struct buf out = {0};
    struct err err = {0};
    int r = user_load(&user, &err);

    if (r == 0)
        r = registry_read(&user, &paths, &err);
    if (r < 0)
        return command_failed(&err);
    if (args->json)
        add_json(&out, &paths);
    else
        list_add_lines(&out, &paths);
    term_flush(&out);
    return EXIT_DONE;
}
