/* Values that this version cannot enforce, by whatever way they reach a plan. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/compute/compute.h"
#include "svenv/filter/filter.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "svenv/policy/policy.h"

/* There is nothing on this host, so most plans fail later: only the words matter here. */
static const struct venv sample = {.path = "/p/.venv",
                                   .named = "/p/.venv",
                                   .project = "/p",
                                   .project_named = "/p",
                                   .id = "0123456789abcdef0123456789abcdef",
                                   .python = "python3"};
static const struct facts facts = {.uid = 1000,
                                   .gid = 1000,
                                   .home = "/home/dev",
                                   .home_named = "/home/dev",
                                   .landlock_abi = 6,
                                   .launcher_dir = "/usr/libexec/sandbox-venv",
                                   .audit_log = "/home/dev/audit.jsonl"};

int filter_make(struct arena *arena, const struct policy_values *values, unsigned landlock_abi,
                const void **program_out, size_t *count_out, const char **note_out, struct err *err)
{
    (void)arena;
    (void)values;
    (void)landlock_abi;
    (void)program_out;
    (void)count_out;
    (void)note_out;
    return err_plain(err, EIO, "no filters here");
}

/* All that this version cannot enforce. NULL: any value but the default. */
static const struct {
    const char *section, *key, *value;
} unenforced[] = {
    {"", "isolation", "landlock"},  {"filesystem", "project", "overlay"},
    {"filesystem", "venv", "none"}, {"filesystem", "system", "minimal"},
    {"network", "mode", "broker"},  {"network", "connect", NULL},
    {"network", "listen", NULL},    {"", "terminal", "private"},
    {"", "devices", NULL},          {"desktop", "portal", "true"},
    {"desktop", "x11", "true"},     {"desktop", "wayland", "true"},
    {"desktop", "audio", "true"},
};

static bool is_unenforced(const struct policy_field_info *info, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(unenforced); i++) {
        if (str_eq(unenforced[i].section, info->section) && str_eq(unenforced[i].key, info->key))
            return !unenforced[i].value || str_eq(unenforced[i].value, value);
    }
    return false;
}

/* A value may come by a file or by another way: the code that makes plans asks the loader's table.
 */
static void expect_judged(enum policy_field field, const struct policy_value *value,
                          const char *text)
{
    const struct policy_field_info *info = policy_field_info(field);
    bool wrong = is_unenforced(info, text);
    auto_free char *line = xasprintf("version: 1\n%s%s%s: %s\n", info->section,
                                     info->section[0] ? ":\n  " : "", info->key, text);
    auto_policy struct policy policy;
    auto_policy struct policy again;
    auto_plan_file struct plan_file file;
    struct err err = {0};
    int rc;

    policy_init(&policy);
    rc = policy_load_text(&policy, "p", line, strlen(line), NULL, &err);
    cr_expect_eq(rc < 0 && info->missing && strstr(err.msg, info->missing), wrong, "%s: %s", line,
                 err.msg);
    policy_init(&again);
    plan_file_init(&file);
    cr_assert_eq(policy_load_text(&again, "p", "version: 1\n", 11, "/absent", NULL), 0);
    again.base.v[field] = *value;
    for (size_t i = 0; i < again.command_count; i++)
        again.commands[i].in_force.v[field] = *value;
    err = (struct err){0};
    rc = plan_compute(&file, &again, &sample, &facts, &err);
    cr_expect_eq(rc == -ENOTSUP && info->missing && strstr(err.msg, info->missing), wrong, "%s: %s",
                 line, err.msg);
}

Test(compute, what_cannot_be_enforced_is_refused)
{
    static struct policy_item item = {.text = "x", .key = "X", .origin = "o"};

    for (size_t i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_field_info *info = policy_field_info((enum policy_field)i);
        struct policy_value value = {.set = true, .origin = "o"};

        if (info->type == POLICY_TYPE_ENUM) {
            for (; info->names[value.number]; value.number++)
                expect_judged((enum policy_field)i, &value, info->names[value.number]);
        } else if (info->type == POLICY_TYPE_BOOL) {
            expect_judged((enum policy_field)i, &value, "false");
            value.number = 1;
            expect_judged((enum policy_field)i, &value, "true");
        } else if (info->type == POLICY_TYPE_LIST) {
            value.items = &item;
            value.count = 1;
            expect_judged((enum policy_field)i, &value, "[x]");
        }
    }
}
