#include <criterion/criterion.h>
#include <string.h>

#include "svenv/audit/record.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static const char *const words[] = {"pip",        "install", "https://u:p@h/x", "a\x1b[31m\n",
                                    "--password", "hush",    "--verbose"};
static const char *const env[] = {"PASSWORD=hunter2hunter2", "PLAIN=nobody", NULL};

static struct audit_subject subject(void)
{
    return (struct audit_subject){.time_ms = 1795227056123,
                                  .launcher = 42,
                                  .venv = "/p/.venv",
                                  .entry = "pip",
                                  .argv = words,
                                  .argc = ARRAY_SIZE(words),
                                  .variant = "installer",
                                  .policy = "abc",
                                  .env = env,
                                  .own_net = true,
                                  .landlock_abi = 6,
                                  .filter = true};
}

Test(record, a_start)
{
    const struct audit_end end = {.cause = AUDIT_CAUSE_STATUS,
                                  .value = 3,
                                  .wall_ms = 1500,
                                  .user_ms = 200,
                                  .system_ms = 30,
                                  .max_rss_kib = 9000};
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};

    audit_add_start(&out, &s, &end, 0);
    cr_expect_str_eq(
        out.data,
        "{\"version\":1,\"event\":\"start\",\"time\":\"2026-11-21T02:10:56.123Z\",\"launcher\":42,"
        "\"venv\":\"/p/.venv\",\"policy\":\"abc\",\"entry\":\"pip\",\"argv\":[\"pip\",\"install\","
        "\"https://***@h/x\",\"a\\u001b[31m\\n\",\"--password\",\"***\",\"--verbose\"],"
        "\"variant\":\"installer\",\"isolation\":{\"namespaces\":[\"user\",\"mount\",\"pid\","
        "\"ipc\",\"uts\",\"cgroup\",\"net\"],\"landlock\":6,\"filter\":true},"
        "\"exit\":{\"cause\":\"status\",\"value\":3},\"wall_ms\":1500,\"usage\":{\"user_ms\":200,"
        "\"system_ms\":30,\"max_rss_kib\":9000},\"denials\":0}\n");
}

Test(record, words_that_announce_a_secret)
{
    static const char *const line[] = {"bwrap",    "--setenv", "GITHUB_PAT", "hush",
                                       "--setenv", "PLAIN",    "shown",      "GITHUB_PAT",
                                       "kept",     "--token",  "hush"};
    const struct audit_end end = {.cause = AUDIT_CAUSE_STATUS};
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};

    s.argv = line;
    s.argc = ARRAY_SIZE(line);
    audit_add_start(&out, &s, &end, 0);
    cr_expect_null(strstr(out.data, "hush"));
    cr_expect_not_null(strstr(out.data, "\"GITHUB_PAT\",\"***\",\"--setenv\",\"PLAIN\","
                                        "\"shown\",\"GITHUB_PAT\",\"kept\",\"--token\","
                                        "\"***\"]"));
}

Test(record, no_value_of_the_environment)
{
    const struct audit_denial denial = {"start", "x hunter2hunter2", "hunter2hunter2 is gone"};
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};

    audit_add_denials(&out, &s, &denial, 1);
    cr_expect_null(strstr(out.data, "hunter"));
    cr_expect_null(strstr(out.data, "nobody"));
    cr_expect_not_null(strstr(out.data, "\"denied\":{\"what\":\"start\",\"name\":\"x ***\","
                                        "\"why\":\"*** is gone\"}"));
}

Test(record, bounds_the_command_line)
{
    const char *many[100000];
    auto_free char *longest = xcalloc(131072, 1);
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};

    memset(longest, 'x', 131071);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = longest;
    s.argv = many;
    s.argc = ARRAY_SIZE(many);
    audit_add_start(&out, &s, &(struct audit_end){.value = 0}, 0);
    cr_expect_lt(out.len, 8192);
    cr_expect_not_null(strstr(out.data, "\"argv_left_off\":99"));
}

Test(record, bounds_denials)
{
    struct audit_denial denials[100];
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};
    size_t lines = 0;

    for (size_t i = 0; i < ARRAY_SIZE(denials); i++)
        denials[i] = (struct audit_denial){"path", NULL, "because"};
    audit_add_denials(&out, &s, denials, ARRAY_SIZE(denials));
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '\n';
    cr_expect_eq(lines, AUDIT_DENIALS_MAX);
    cr_expect(str_ends(out.data, "\"denials_left_off\":68}\n"));
}

Test(record, an_install)
{
    auto_strv struct strv some = {0};
    struct strv none = {0};
    const struct audit_install install = {
        .start_up = &some, .entries = &none, .elf = &none, .setuid = &none, .obeyed = &none};
    struct audit_subject s = subject();
    auto_buf struct buf out = {0};

    for (int i = 0; i < 70; i++)
        strv_add(&some, "lib/x.pth");
    audit_add_install(&out, &s, &install);
    cr_expect_not_null(strstr(out.data, "\"start_up_count\":70"));
    cr_expect_not_null(strstr(out.data, "\"entries\":[],\"entry_count\":0"));
    cr_expect_null(strstr(out.data, "argv"));
}
