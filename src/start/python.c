/* Parses the command line of a Python interpreter. */
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/start/command.h"

/* CPython 3.8 to 3.13 (Python/getopt.c): options without a value, and those with one. A letter that
 * is not here is taken for one without: other implementations have more. */
#define OPTIONS_WITH_VALUE "cmWX"
#define OPTIONS_INFO "hV?"

enum {
    OPTION_END = 0,
    OPTION_BAD = -1,
    OPTION_OTHER = -2,
    OPTION_HELP = -3
};

static const struct {
    const char *name;
    int option;
    bool has_value;
} long_options[] = {
    {"help-env", OPTION_HELP, false},
    {"help-xoptions", OPTION_HELP, false},
    {"help-all", OPTION_HELP, false},
    {"check-hash-based-pycs", OPTION_OTHER, true},
};

struct option_reader {
    const char *const *argv;
    size_t argc;
    size_t next;
    const char *cluster; /* rest of the word that is being read */
    const char *value;
};

static int next_long_option(struct option_reader *reader)
{
    const char *name = reader->cluster;

    reader->cluster = "";
    for (size_t i = 0; i < ARRAY_SIZE(long_options); i++) {
        if (!str_eq(name, long_options[i].name))
            continue;
        if (!long_options[i].has_value)
            return long_options[i].option;
        if (reader->next >= reader->argc)
            return OPTION_BAD;
        reader->value = reader->argv[reader->next++];
        return long_options[i].option;
    }
    return OPTION_OTHER;
}

/* The next option letter, or one of the codes above. */
static int next_option(struct option_reader *reader)
{
    char letter = '\0';

    if (*reader->cluster == '\0') {
        const char *word = reader->next < reader->argc ? reader->argv[reader->next] : "";

        if (word[0] != '-' || word[1] == '\0')
            return OPTION_END;
        reader->next++;
        if (str_eq(word, "--"))
            return OPTION_END;
        if (str_eq(word, "--help") || str_eq(word, "--version"))
            return OPTION_HELP;
        reader->cluster = word + 1;
    }
    letter = *reader->cluster++;
    /* A dash inside a cluster begins a long option too: "-B-help-all". */
    if (letter == '-')
        return *reader->cluster != '\0' ? next_long_option(reader) : OPTION_BAD;
    if (strchr(OPTIONS_WITH_VALUE, letter) == NULL)
        return letter;
    if (*reader->cluster == '\0' && reader->next >= reader->argc)
        return OPTION_BAD;
    reader->value = *reader->cluster != '\0' ? reader->cluster : reader->argv[reader->next++];
    reader->cluster = "";
    return letter;
}

/* Reads the target from the word after the options, when neither -c nor -m ended them. */
static void take_target(const struct option_reader *reader, struct python_command *out)
{
    *out = (struct python_command){.target = PYTHON_INTERACTIVE, .rest = reader->next};
    if (reader->next >= reader->argc)
        return;
    out->rest = reader->next + 1;
    if (str_eq(reader->argv[reader->next], "-")) {
        out->target = PYTHON_STDIN;
        return;
    }
    out->target = PYTHON_SCRIPT;
    out->what = reader->argv[reader->next];
}

void python_command_parse(const char *const *argv, size_t argc, struct python_command *out)
{
    struct option_reader reader = {.argv = argv, .argc = argc, .next = 1, .cluster = ""};
    bool info = false;
    int option = OPTION_END;

    do {
        option = next_option(&reader);
        /* A wrong command line runs nothing either: usage is printed. */
        if (option == OPTION_BAD || option == OPTION_HELP ||
            (option > 0 && strchr(OPTIONS_INFO, option) != NULL))
            info = true;
    } while (option != OPTION_END && option != OPTION_BAD && option != 'c' && option != 'm');
    if (info)
        *out = (struct python_command){.target = PYTHON_INFO, .rest = argc};
    else if (option == 'c' || option == 'm')
        *out = (struct python_command){.target = option == 'c' ? PYTHON_CODE : PYTHON_MODULE,
                                       .what = reader.value,
                                       .rest = reader.next};
    else
        take_target(&reader, out);
}
