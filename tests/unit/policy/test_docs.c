#include <stdio.h>

#include "policy-internal.h"
#include "policy_test.h"
#include "svenv/base/mem.h"
#include "svenv/base/secret.h"

static char text[262144];

static void read_doc(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t len = 0;

    cr_assert(file, "%s", path);
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
}

/* The text below a heading, up to the next one. */
static void section_of(const char *heading, char *out, size_t size)
{
    const char *start = strstr(text, heading);
    const char *end = NULL;

    cr_assert(start, "docs/policy.md has no heading '%s'", heading);
    start += strlen(heading);
    end = strstr(start, "\n#");
    snprintf(out, size, "%.*s", end ? (int)(end - start) : (int)strlen(start), start);
}

Test(docs, every_field_has_its_heading_type_and_values)
{
    static const char *const types[] = {
        [POLICY_TYPE_ENUM] = "word",
        [POLICY_TYPE_BOOL] = "true or false",
        [POLICY_TYPE_INT] = "number",
        [POLICY_TYPE_SIZE] = "size",
        [POLICY_TYPE_DURATION] = "duration",
        [POLICY_TYPE_STRING] = "text",
        [POLICY_TYPE_LIST] = "list",
        [POLICY_TYPE_MAP] = "map",
        [POLICY_TYPE_MOUNTS] = "list of mounts",
    };

    read_doc(SVENV_SOURCE "/docs/policy.md");
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_field_info *info = policy_field_info((enum policy_field)i);
        char name[64];
        char section[8192];
        auto_free char *heading = NULL;
        auto_free char *type = xasprintf("Type: %s", types[info->type]);

        policy_field_name((enum policy_field)i, name, sizeof(name));
        heading = xasprintf("\n### %s\n", name);
        section_of(heading, section, sizeof(section));
        cr_assert(strstr(section, type), "%s: no '%s'", name, type);
        cr_assert(strstr(section, "Default: "), "%s: no default", name);
        cr_assert(strstr(section, "Enforced: "), "%s: no word about its enforcement", name);
        for (size_t n = 0; info->names && info->names[n]; n++)
            cr_assert(strstr(section, info->names[n]), "%s: '%s' is not explained", name,
                      info->names[n]);
        cr_assert(info->type != POLICY_TYPE_LIST ||
                      !info->additive == !strstr(section, "layers add up"),
                  "%s: how layers merge", name);
    }
}

Test(docs, every_pattern_of_secrets_is_listed)
{
    static const char *const headings[] = {
        [SECRET_NONE] = "- Printed, though",
        [SECRET_ANYWHERE] = "- In whatever case,",
        [SECRET_VARIABLE] = "- Variables as they are written",
        [SECRET_PRINTED] = "- Not printed,",
    };
    char section[8192];
    size_t count = 0;
    const struct secret_row *rows = secret_rows(&count);

    _Static_assert(ARRAY_SIZE(headings) == SECRET_KIND__COUNT, "one line per kind");
    read_doc(SVENV_SOURCE "/docs/policy.md");
    section_of("\n### Names of secrets\n", section, sizeof(section));
    for (size_t kind = 0; kind < SECRET_KIND__COUNT; kind++) {
        auto_buf struct buf list = {0};
        const char *line = strstr(section, headings[kind]);
        const char *listed = NULL;

        for (size_t i = 0; i < count; i++) {
            if (rows[i].kind == kind)
                buf_printf(&list, "%s`%s`", list.len > 0 ? ", " : ": ", rows[i].pattern);
        }
        buf_add_str(&list, ".\n");
        cr_assert(line, "docs/policy.md has no line '%s'", headings[kind]);
        listed = strstr(line, list.data);
        cr_assert(listed && listed < strchr(line, '\n'), "'%s' does not go on with '%s'",
                  headings[kind], list.data);
    }
}

Test(docs, the_manual_names_every_key)
{
    read_doc(SVENV_SOURCE "/docs/man/sandbox-venv-policy.5");
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        char name[64];

        policy_field_name((enum policy_field)i, name, sizeof(name));
        cr_assert(strstr(text, name), "sandbox-venv-policy.5 lacks '%s'", name);
    }
}
