/* Finds the words of a shell command line that may be paths. It need not understand the shell: a
 * word too many protects a file too many. */
#include "svenv/formats/command_words.h"

#include <stdbool.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#define BETWEEN " \t\n\"'`|&;()<>{}"
#define BEGINS "|&;({\n`"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* Names of branches have slashes, too; few of them have a dot. */
static bool is_path_like(const char *word, bool program)
{
    return strchr(word, '/') != NULL && word[strcspn(word, "%*?:@,=")] == '\0' && *word != '-' &&
           (program || strchr(word, '.') != NULL);
}

/* A path behind a variable mostly begins at the top: "$TOP/tools/x". Caller frees. */
static char *without_variables(const char *word, bool *program)
{
    static const char home[] = "$HOME/";

    if (str_starts(word, home))
        return xasprintf("~/%s", word + sizeof(home) - 1);
    if (*word != '$')
        return xstrdup(word);
    while (*word == '$') {
        word++;
        word += strspn(word, LETTERS);
    }
    *program = true;
    return xstrdup(word + strspn(word, "/"));
}

static void give_path(const char *word, bool program, command_word_fn *add, void *context)
{
    auto_free char *path = without_variables(word, &program);

    if (*path != '\0' && !(program && strchr(path, '/') == NULL))
        add(context, path, is_path_like(path, program));
}

static void give_word(const char *word, bool program, command_word_fn *add, void *context)
{
    const char *equals = strrchr(word, '=');

    give_path(word, program, add, context);
    if (equals != NULL)
        give_path(equals + 1, false, add, context);
}

/* "$(git rev-parse --show-toplevel)/tools/x", "${TOP}/x" */
static bool is_behind_variable(const char *gap, size_t len, const char *word)
{
    while (len > 0 && strchr("\"'", gap[len - 1]) != NULL)
        len--;
    return *word == '/' && len > 0 && strchr(")}`", gap[len - 1]) != NULL;
}

void command_words(const char *text, command_word_fn *add, void *context)
{
    bool program = true;

    while (*text != '\0') {
        size_t gap = strspn(text, BETWEEN);
        size_t len = 0;
        bool behind = false;

        for (size_t i = 0; i < gap; i++)
            program = program || strchr(BEGINS, text[i]) != NULL;
        behind = is_behind_variable(text, gap, text + gap);
        text += gap;
        len = strcspn(text, BETWEEN);
        if (len > 0) {
            auto_free char *word = xstrndup(text, len);

            give_word(behind ? word + strspn(word, "/") : word, program || behind, add, context);
            program = program && strchr(word, '=') != NULL && strchr(word, '/') == NULL;
        }
        text += len;
    }
}
