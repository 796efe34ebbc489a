/* Short ways to load policies in tests. */
#ifndef SVENV_TESTS_POLICY_TEST_H
#define SVENV_TESTS_POLICY_TEST_H

#include <criterion/criterion.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/policy/policy.h"

#define HOME "/home/user"
#define V1 "version: 1\n"

/* Lays `text` over an empty policy, or over the shipped profiles when `full`. */
static inline int load(struct policy *policy, const char *text, bool full, struct err *err)
{
    policy_init(policy);
    *err = (struct err){.code = 0};
    return policy_load_text(policy, "policy.yaml", text, strlen(text), full ? "/nonexistent" : NULL,
                            err);
}

static inline void must_load(struct policy *policy, const char *text, bool full)
{
    struct err err;
    char shown[1024];

    cr_assert_eq(load(policy, text, full, &err), 0, "%s", err_text(&err, shown, sizeof(shown)));
}

static inline void must_add(struct policy *policy, const char *text)
{
    struct err err = {.code = 0};

    cr_assert_eq(policy_load_text(policy, "above.yaml", text, strlen(text), NULL, &err), 0, "%s",
                 err.msg);
}

/* The error for `text` is what `shown` says (a part of it, with the position). */
static inline void must_refuse(const char *text, const char *shown)
{
    auto_policy struct policy policy;
    struct err err;
    char buf[1024];

    cr_assert_lt(load(&policy, text, false, &err), 0, "accepted: %s", text);
    cr_assert(strstr(err_text(&err, buf, sizeof(buf)), shown), "'%s' is not in '%s'", shown, buf);
}

/* The items of a list, joined by blanks. */
static inline void must_list(const struct policy_value *value, const char *expected)
{
    auto_buf struct buf text = {0};

    for (size_t i = 0; i < value->count; i++) {
        buf_add_str(&text, i > 0 ? " " : "");
        if (value->items[i].key) {
            buf_add_str(&text, value->items[i].key);
            buf_add_str(&text, "=");
        }
        buf_add_str(&text, value->items[i].text ? value->items[i].text : "");
    }
    cr_assert_str_eq(text.data ? text.data : "", expected);
}

static inline const struct policy_command *must_find(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->command_count; i++) {
        if (str_eq(policy->commands[i].name, name))
            return &policy->commands[i];
    }
    cr_assert_fail("no command '%s'", name);
    return NULL;
}

#endif
