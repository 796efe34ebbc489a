/* Checks a text of a policy by its kind: path, name, pattern, host name. */
#include "policy-internal.h"

#include <assert.h>
#include <string.h>

#include "svenv/base/layout.h"
#include "svenv/base/str.h"

enum {
    NAME_MAX_LEN = 32,
    HOSTNAME_MAX_LEN = 64
};

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_made_of(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

/* Length of the UTF-8 sequence at `text`, 0 when it is not one (nor for overlong forms, surrogates
 * and values beyond U+10FFFF). */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        size_t at = 2;

        if (text[0] < forms[i].first_min || text[0] > forms[i].first_max ||
            text[1] < forms[i].second_min || text[1] > forms[i].second_max)
            continue;
        while (at < forms[i].len && (text[at] & 0xc0) == 0x80)
            at++;
        return at == forms[i].len ? at : 0;
    }
    return 0;
}

size_t policy_utf8_decode(const char *text, uint32_t *out)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *at = (const unsigned char *)text;
    size_t len = utf8_length(at);
    uint32_t character = at[0] & first_bits[len];

    for (size_t i = 1; i < len; i++)
        character = character << 6 | (at[i] & 0x3fu);
    *out = character;
    return len;
}

static const char *fault_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t len = utf8_length(at);

        if (len == 0)
            return "is not UTF-8";
        at += len;
    }
    return NULL;
}

static const char *fault_printable(const char *text)
{
    const char *fault = fault_utf8(text);
    uint32_t character = 0;

    if (fault)
        return fault;
    for (const char *at = text; *at != '\0';) {
        at += policy_utf8_decode(at, &character);
        if (character < 0x20 || (character >= 0x7f && character < 0xa0))
            return "holds a control character";
    }
    return NULL;
}

static const char *fault_any(const char *text)
{
    return text[0] == '\0' ? "is empty" : fault_printable(text);
}

static bool text_has_dotdot(const char *path)
{
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return true;
    }
    return false;
}

static const char *fault_path(const char *text)
{
    const char *fault = fault_any(text);

    if (fault)
        return fault;
    if (text_has_dotdot(text))
        return "holds '..': write the path without it";
    if (text[0] == '~' && text[1] != '/' && text[1] != '\0')
        return "begins with '~': only ~/ (your home) is understood";
    if (text[0] == '$' || text[0] == '%')
        return "is not expanded: write an absolute path, or one that begins with ~/";
    if (strpbrk(text, "*?"))
        return "is a pattern, and only whole paths are understood here";
    return NULL;
}

static const char *fault_name(const char *text)
{
    const char *fault = fault_any(text);

    if (fault)
        return fault;
    if (text[0] == '/' || text[0] == '~')
        return "is no name inside the project";
    if (text_has_dotdot(text))
        return "holds '..', which would leave the project";
    if (str_eq(text, ".") || str_eq(text, "./"))
        return "is the project itself: use filesystem.project";
    return NULL;
}

static const char *fault_env_pattern(const char *text)
{
    if (text[0] == '\0' || !is_made_of(text, LOWER UPPER DIGITS "_*?"))
        return "is no name of a variable (letters, digits, _; * and ? as wildcards)";
    return NULL;
}

static const char *fault_env_name(const char *text)
{
    const char *fault = fault_any(text);

    return fault ? fault : strchr(text, '=') ? "holds a '='" : NULL;
}

static const char *fault_file(const char *text)
{
    return text[0] == '\0' ? NULL : fault_path(text);
}

static const char *fault_dir(const char *text)
{
    if (text[0] != '\0' && text[0] != '/')
        return "is not absolute";
    return fault_file(text);
}

static const char *fault_hostname(const char *text)
{
    if (strlen(text) > HOSTNAME_MAX_LEN || !is_made_of(text, LOWER UPPER DIGITS ".-_"))
        return "is no host name (at most 64 of letters, digits, '.', '-', '_')";
    return NULL;
}

static const char *fault_syscall(const char *text)
{
    if (text[0] == '\0' || !is_made_of(text, LOWER DIGITS "_"))
        return "is no name of a system call";
    return NULL;
}

static const char *fault_capability(const char *text)
{
    if (str_eq(text, "ALL") ||
        (str_starts(text, "CAP_") && text[4] != '\0' && is_made_of(text, UPPER "_")))
        return NULL;
    return "is no capability: write a name like CAP_NET_RAW";
}

/* A name that could not be published anyway is not accepted either. */
static const char *fault_entry(const char *text)
{
    const char *fault = fault_any(text);

    if (fault)
        return fault;
    if (strchr(text, '/') || text[0] == '.' || text[0] == '-')
        return "is no name of a program (no '/', no '.' or '-' at its beginning)";
    if (str_starts(text, "activate") || str_starts(text, "deactivate"))
        return "is a file that shells read: it is never taken from inside";
    return NULL;
}

static const char *fault_venv(const char *text)
{
    return layout_is_usual_venv(text) ? NULL : "is not '.venv', 'venv' or 'env'";
}

const char *policy_text_fault(enum policy_text kind, const char *text)
{
    static const char *(*const faults[])(const char *text) = {
        [POLICY_TEXT_ANY] = fault_any,
        [POLICY_TEXT_PATH] = fault_path,
        [POLICY_TEXT_NAME] = fault_name,
        [POLICY_TEXT_ENV_PATTERN] = fault_env_pattern,
        [POLICY_TEXT_ENV_NAME] = fault_env_name,
        [POLICY_TEXT_ENV_VALUE] = fault_utf8,
        [POLICY_TEXT_FILE] = fault_file,
        [POLICY_TEXT_DIR] = fault_dir,
        [POLICY_TEXT_HOSTNAME] = fault_hostname,
        [POLICY_TEXT_SYSCALL] = fault_syscall,
        [POLICY_TEXT_CAPABILITY] = fault_capability,
        [POLICY_TEXT_ENTRY] = fault_entry,
        [POLICY_TEXT_VENV] = fault_venv,
    };
    static_assert(ARRAY_SIZE(faults) == POLICY_TEXT__COUNT, "one check per kind of text");

    return faults[kind](text);
}

bool policy_is_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= NAME_MAX_LEN && is_made_of(text, LOWER DIGITS "-_");
}
