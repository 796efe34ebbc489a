#include <criterion/criterion.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/redact.h"
#include "svenv/base/str.h"

static const char *const env[] = {"HOME=/home/dev",
                                  "PWD=/home/dev/project",
                                  "API_TOKEN=hunter2hunter2",
                                  "SHORT_TOKEN=abc",
                                  "AWS_REGION=north-1",
                                  "SECRET",
                                  NULL};

static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {"install", "install"},
    /* URLs */
    {"https://user:pw@host/simple", "https://***@host/simple"},
    {"--index-url=https://user:pw@host/simple", "--index-url=https://***@host/simple"},
    {"git+https://ghp_x@github.com/a/b@v1", "git+https://***@github.com/a/b@v1"},
    {"https://user:p@ss@host/", "https://***@host/"},
    {"https://user:p/a#s?s@host/", "https://***@host/"},
    {"https://host:8443/a@b", "https://host:8443/a@b"},
    {"https://[::1]:80/@x", "https://[::1]:80/@x"},
    {"http://a:b@x http://c:d@y", "http://***@x http://***@y"},
    {"--proxy=user:pw@proxy:3128", "--proxy=***@proxy:3128"},
    {"user:p@ss@proxy:3128", "***@proxy:3128"},
    {"git@github.com:a/b.git", "git@github.com:a/b.git"},
    {"postgres://u:p@db:5432/x", "postgres://***@db:5432/x"},
    {"//@host/x", "//***@host/x"},
    {"//user:pw@host/x", "//***@host/x"},
    /* names */
    {"API_KEY=abc", "API_KEY=***"},
    {"--password=abc def", "--password=***"},
    {"--db-password=x", "--db-password=***"},
    {"-Dmy.secret=x", "-Dmy.secret=***"},
    {"Authorization: Bearer abc", "Authorization:***"},
    {"{\"token\": \"abc\"}", "{\"token\":***"},
    {"https://host/?a=b&api_key=abc", "https://host/?a=b&api_key=***"},
    {"https://host/?token=abc", "https://host/?token=***"},
    {"AWS_ACCESS_KEY_ID=x", "AWS_ACCESS_KEY_ID=***"},
    {"-eGITHUB_PAT=x", "-eGITHUB_PAT=***"},
    {"x SENTRY_DSN=y", "x SENTRY_DSN=***"},
    {"--pwd=x", "--pwd=***"},
    {"DEBUG=1", "DEBUG=***"},
    {"DJANGO2_URL=x y", "DJANGO2_URL=***"},
    {"PKG==1.0", "PKG==1.0"},
    {"requests>=2", "requests>=2"},
    {"lr=0.1", "lr=0.1"},
    {"--max-tokens=5", "--max-tokens=5"},
    {"--tokenizer=bert", "--tokenizer=bert"},
    {"password", "password"},
    {"password=", "password="},
    {"token://x", "token://x"},
    /* values of the environment */
    {"X-Thing hunter2hunter2!", "X-Thing ***!"},
    {"hunter2hunter2hunter2hunter2", "******"},
    {"abc", "abc"},
    {"/home/dev/x", "/home/dev/x"},
    {"/home/dev/project/x", "/home/dev/project/x"},
    {"--in=north-1", "--in=north-1"},
};

Test(redact, rows)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf out = {0};

        buf_add(&out, "", 0);
        redact_text(rows[i].text, 256, env, &out);
        cr_expect_str_eq(out.data, rows[i].want, "%s gave %s", rows[i].text, out.data);
    }
}

Test(redact, cuts_at_whole_characters)
{
    auto_buf struct buf out = {0};

    redact_text("abcd\xe2\x82\xac tail", 5, NULL, &out);
    cr_expect_str_eq(out.data, "abcd...");
}

/* A secret that begins before the cut is gone as a whole. */
Test(redact, a_secret_across_the_cut)
{
    auto_buf struct buf text = {0};
    auto_buf struct buf out = {0};

    for (int i = 0; i < 250; i++)
        buf_add_char(&text, 'x');
    buf_add_str(&text, " hunter2hunter2");
    redact_text(text.data, 256, env, &out);
    cr_expect_null(strstr(out.data, "hunter"));
}

/* The redaction looks at four times as many bytes as it keeps: a secret at that cut, too, goes as a
 * whole. */
Test(redact, a_secret_across_the_end_of_what_is_looked_at)
{
    static const char *const keys[] = {"MY_KEY=BEGIN one two three four five six END", NULL};
    const char *key = strchr(keys[0], '=') + 1;

    for (size_t shift = 6; shift < strlen(key); shift++) {
        auto_buf struct buf text = {0};
        auto_buf struct buf out = {0};

        buf_add_str(&text, "//");
        while (text.len < 1024 - shift - 1)
            buf_add_char(&text, 'x');
        buf_add_str(&text, "@");
        buf_add_str(&text, key);
        redact_text(text.data, 256, keys, &out);
        cr_expect_null(strstr(out.data, "BEGIN"), "%zu: %s", shift, out.data);
    }
}

static void fill(struct buf *out, const char *text, size_t bytes)
{
    while (out->len < bytes)
        buf_add_str(out, text);
}

/* Quadratic work over the longest argument that there can be would take minutes. */
Test(redact, long_arguments_take_no_time, .timeout = 20)
{
    static const char *const units[] = {"@", "//", "a:b@", "://", "token", "=", "a b:c@d "};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        auto_buf struct buf text = {0};
        auto_buf struct buf out = {0};

        fill(&text, units[i], 128 * 1024);
        redact_text(text.data, 256, env, &out);
        cr_expect_leq(out.len, 256 + 3);
    }
}

static const struct {
    const char *name, *value, *want;
} value_rows[] = {
    {"GITHUB_PAT", "abc", "(hidden)"},
    {"sentry_dsn", "https://u@h/1", "(hidden)"},
    {"DB_PASS", "", "(hidden)"},
    {"PLAIN", "shown", "shown"},
    {"PLAIN", "", ""},
    {"PWD", "/home/dev", "/home/dev"},
    {"OPTIONS", "DEBUG=1 A=b", "DEBUG=1 A=b"},
    {"OPTIONS", "--api-key=abc --verbose", "--api-key=***"},
    {"PIP_INDEX_URL", "https://u:p@h/simple", "https://***@h/simple"},
    {"http_proxy", "u:p@h:3128", "***@h:3128"},
};

Test(redact, values)
{
    for (size_t i = 0; i < ARRAY_SIZE(value_rows); i++) {
        auto_buf struct buf out = {0};

        redact_value(value_rows[i].name, value_rows[i].value, &out);
        cr_expect_str_eq(out.data, value_rows[i].want, "%s=%s gave %s", value_rows[i].name,
                         value_rows[i].value, out.data);
    }
}

static const struct {
    const char *message, *want;
} message_rows[] = {
    {"", ""},
    {"unknown option '--setenv=DB_PASS=x y'", "unknown option '--setenv=DB_PASS=***'"},
    {"a.b: 'GITHUB_PAT=it's x' holds a '='", "a.b: 'GITHUB_PAT=***'"},
    {"'GITHUB_PAT=x' is no name", "'GITHUB_PAT=***' is no name"},
    {"no directory 'DB_PASS=x': 'create DB_PASS=x' makes it",
     "no directory 'DB_PASS=***' makes it"},
    {"set: 'DB_PASS: x' stands here", "set: 'DB_PASS:***' stands here"},
    {"set: '{\"token\": \"x\"}' stands here", "set: '{\"token\":***' stands here"},
    {"'DB_PASS=***' holds a '='", "'DB_PASS=***' holds a '='"},
    {"'A_KEY=***' or 'B_KEY=x'", "'A_KEY=***' or 'B_KEY=***'"},
    {"cut 'DB_PASS=xxx", "cut 'DB_PASS=***"},
    {"'DB_PASS='", "'DB_PASS=***'"},
    {"cannot open 'https://u:x@h/a'", "cannot open 'https://***@h/a'"},
    {"'--proxy=u:x@h:1' is refused", "'--proxy=***@h:1' is refused"},
    /* what stays */
    {"unknown option '--setenv=PLAIN=x'", "unknown option '--setenv=PLAIN=x'"},
    {"credentials: not available yet", "credentials: not available yet"},
    {"the user's key: 'x' is wrong", "the user's key: 'x' is wrong"},
    {"'token' is a word: 'x'", "'token' is a word: 'x'"},
    {"cannot open '/a/token': gone", "cannot open '/a/token': gone"},
    {"say 'audit: {level: off}'", "say 'audit: {level: off}'"},
};

Test(redact, messages)
{
    for (size_t i = 0; i < ARRAY_SIZE(message_rows); i++) {
        char text[128];

        strcpy(text, message_rows[i].message);
        for (int times = 0; times < 2; times++) {
            redact_message(text, sizeof(text));
            cr_expect_str_eq(text, message_rows[i].want, "%s gave %s", message_rows[i].message,
                             text);
        }
    }
}

/* A mask may be longer than the text that it stands for, and has no other room. */
Test(redact, messages_stay_in_their_room)
{
    for (size_t size = 12; size < 20; size++) {
        char text[32] = "'A_KEY=x' //@h";

        text[size - 1] = '\0';
        memset(text + size, '#', sizeof(text) - size);
        redact_message(text, size);
        cr_expect_lt(strlen(text), size);
        cr_expect_eq(text[size], '#');
        cr_expect_null(strstr(text, "x'"));
    }
}

Test(redact, options_that_announce)
{
    cr_expect(redact_announces("--password"));
    cr_expect(redact_announces("--api-key"));
    cr_expect(redact_announces("-token"));
    cr_expect_not(redact_announces("password"));
    cr_expect_not(redact_announces("--password=x"));
    cr_expect_not(redact_announces("--verbose"));
    cr_expect_not(redact_announces(""));
}
