/* Lays the project's file of variables over the policy's, with ${NAME} in its values expanded. */
#include "svenv/formats/dotenv.h"

#include <string.h>

#include "svenv/base/str.h"

#include "environment-internal.h"

enum {
    DOTENV_EXPANDED_MAX = 1 << 20, /* of all values: each line can double the one before it */
};

/* Names that a .env file cannot set: they would steer a sandbox that is started inside. */
static const char *const dotenv_refused[] = {"BWRAP_ARGS", "SANDBOX_*"};

/* One value in the making. */
struct expansion {
    const struct dotenv_layers *layers;
    const struct dotenv_var *var;
    struct buf text;
};

/* "${NAME}" or "${NAME:-otherwise}". */
struct reference {
    const char *name;
    size_t name_len;
    const char *otherwise; /* NULL: nothing */
    size_t otherwise_len;
    const char *end;
};

/* Finds the next reference. *plain_out: the end of the text before it. */
static bool next_reference(const char *text, struct reference *out, const char **plain_out)
{
    const char *at = strstr(text, "${");

    while (at != NULL) {
        const char *name = at + 2;
        const char *stop = name + strcspn(name, ":}");
        const char *close = strchr(stop, '}');

        if (close == NULL)
            return false;
        if (*stop == '}' || stop[1] == '-') {
            *out = (struct reference){name, (size_t)(stop - name), NULL, 0, close + 1};
            if (*stop == ':') {
                out->otherwise = stop + 2;
                out->otherwise_len = (size_t)(close - out->otherwise);
            }
            *plain_out = at;
            return true;
        }
        at = strstr(stop, "${"); /* each reference that begins before the ':' fails at it */
    }
    return false;
}

static bool has_name(const char *assignment, const char *name, size_t len)
{
    return strncmp(assignment, name, len) == 0 && assignment[len] == '=';
}

static bool caller_has(const struct start *start, const char *name, size_t len)
{
    for (const char *const *at = start->env; *at != NULL; at++) {
        if (has_name(*at, name, len))
            return true;
    }
    return false;
}

/* The environment before the file, and of the file what stands earlier, as for load_dotenv()
 * without `override`. A value that the policy sets is weaker than the file's. Return: false when
 * nobody knows the name. */
static bool look_up(const struct dotenv_layers *layers, const char *name, size_t len,
                    const char **value_out)
{
    const struct variable *found = variables_find(layers->strong, name, len);

    if (found == NULL)
        found = variables_find(layers->out, name, len);
    if (found == NULL || (found->text == NULL && !found->from_file))
        return false;
    *value_out = found->text != NULL ? found->text + len + 1 : "";
    return true;
}

/* A variable that is kept back from programs is kept back from a file that they may have written,
 * too: else a line of it would be the way in. */
static void add_reference(struct expansion *x, const struct reference *reference)
{
    const struct dotenv_layers *layers = x->layers;
    const char *value = NULL;

    if (look_up(layers, reference->name, reference->name_len, &value)) {
        buf_add_str(&x->text, value);
        return;
    }
    if (caller_has(layers->start, reference->name, reference->name_len))
        dotenv_skip(
            layers->dotenv, x->var->line,
            arena_printf(layers->out->arena,
                         "${%.*s} is empty, because environment.pass keeps the variable back",
                         (int)reference->name_len, reference->name));
    if (reference->otherwise != NULL)
        buf_add(&x->text, reference->otherwise, reference->otherwise_len);
}

/* Return: "NAME=value", or NULL when it has become too long for a program. */
static const char *expand(struct expansion *x)
{
    const char *text = x->var->value;
    const char *plain = NULL;
    struct reference reference;

    buf_add_str(&x->text, x->var->name);
    buf_add_char(&x->text, '=');
    while (x->text.len <= DOTENV_STRING_MAX && next_reference(text, &reference, &plain)) {
        buf_add(&x->text, text, (size_t)(plain - text));
        add_reference(x, &reference);
        text = reference.end;
    }
    buf_add_str(&x->text, text);
    return x->text.len <= DOTENV_STRING_MAX ? arena_strdup(x->layers->out->arena, x->text.data)
                                            : NULL;
}

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(dotenv_refused); i++) {
        if (str_glob(dotenv_refused[i], name))
            return true;
    }
    return false;
}

void dotenv_lay(const struct dotenv_layers *layers)
{
    struct dotenv *dotenv = layers->dotenv;
    struct arena *arena = layers->out->arena;
    size_t total = 0;

    for (size_t i = 0; i < dotenv->count; i++) {
        const struct dotenv_var *var = &dotenv->vars[i];
        size_t len = strlen(var->name);
        const struct variable *known = variables_find(layers->out, var->name, len);
        struct expansion x = {.layers = layers, .var = var};
        const char *text = NULL;

        if (known != NULL && known->exported)
            continue;
        if (var->value == NULL) {
            if (known == NULL || known->from_file)
                variables_put(layers->out, var->name, len, NULL)->from_file = true;
            continue;
        }
        if (is_refused(var->name)) {
            dotenv_skip(dotenv, var->line,
                        arena_printf(arena, "%s would steer the sandbox", var->name));
            continue;
        }
        text = total <= DOTENV_EXPANDED_MAX ? expand(&x) : NULL;
        total += x.text.len;
        buf_finish(&x.text);
        if (text != NULL)
            variables_put(layers->out, var->name, len, text)->from_file = true;
        else
            dotenv_skip(dotenv, var->line, "its values are too long to be passed to a program");
    }
}
