/* The two ways of saying a venv's state, of a state that is made up. */
#include <criterion/criterion.h>
#include <string.h>

#include "status-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/json_read.h"

/* Named here, because a key that neither way shows would be missed by a loop over the fields. */
static const struct {
    enum policy_field field;
    const char *key;
} limits[] = {
    {POLICY_LIMIT_MEMORY, "memory"},
    {POLICY_LIMIT_PROCESSES, "processes"},
    {POLICY_LIMIT_OPEN_FILES, "open-files"},
    {POLICY_LIMIT_CPU_TIME, "cpu-time"},
    {POLICY_LIMIT_WALL_TIME, "wall-time"},
    {POLICY_LIMIT_FILE_SIZE, "file-size"},
    {POLICY_LIMIT_CPUS, "cpus"},
};

static struct status sample(void)
{
    struct status status = {
        .named = "v", .path = (char *)(uintptr_t) "/p/v", .wrapped = true, .has_policy = true};

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        status.values.v[limits[i].field].number = 1000 + (int64_t)i;
    return status;
}

Test(status, both_ways_show_every_limit)
{
    struct status status = sample();
    auto_buf struct buf json = {0};
    auto_buf struct buf text = {0};
    struct arena arena = {0};
    struct json_node root;
    struct err err = {0};
    size_t count = 0;

    for (enum policy_field field = status_limit((enum policy_field)0); field < POLICY_FIELD__COUNT;
         field = status_limit(field + 1))
        count++;
    cr_expect_eq(count, ARRAY_SIZE(limits), "a limit that this test does not know");
    status_add_json(&status, &json);
    status_add_text(&status, &text);
    cr_assert_eq(json_parse(&arena, "status", 1, json.data, json.len, &root, &err), 0, "%s",
                 err.msg);
    cr_expect_eq(json_get(&root, "version")->number, 1);
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const struct json_node *node = json_get(json_get(&root, "limits"), limits[i].key);
        auto_free char *shown = xasprintf("%s %d", limits[i].key, 1000 + (int)i);

        cr_assert_not_null(node, "%s", limits[i].key);
        cr_expect_eq(node->number, 1000 + (int64_t)i, "%s", limits[i].key);
        cr_expect_not_null(strstr(text.data, shown), "%s", text.data);
    }
    arena_finish(&arena);
}

Test(status, no_limit_is_said)
{
    struct status status = sample();
    auto_buf struct buf text = {0};

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        status.values.v[limits[i].field].number = 0;
    status_add_text(&status, &text);
    cr_expect_not_null(strstr(text.data, "none of its own"), "%s", text.data);
}
