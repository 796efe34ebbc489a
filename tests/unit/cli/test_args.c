#include <criterion/criterion.h>
#include <stdio.h>

#include "args-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"

#define WRAP (ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_PROJECT | ACCEPT_BWRAP | ACCEPT_BWRAP_REST)
#define RUN (ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_GRANT | ACCEPT_BWRAP | ACCEPT_REST)
#define CREATE (ACCEPT_VENV | ACCEPT_PYTHON | ACCEPT_EXTRA)
#define WORDS_MAX 12

/* Writes the parsed command line as one text: every field that is set. */
static void describe(const struct args *args, struct buf *out)
{
    const struct {
        const char *name;
        const struct strv *list;
    } lists[] = {{"read", &args->read},
                 {"write", &args->write},
                 {"bwrap", &args->bwrap},
                 {"extra", &args->extra}};
    const struct {
        const char *name;
        const char *text;
    } texts[] = {{"venv", args->venv},
                 {"policy", args->policy},
                 {"project", args->project},
                 {"python", args->python},
                 {"network", args->network}};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i].text)
            buf_printf(out, "%s=%s;", texts[i].name, texts[i].text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        for (size_t k = 0; k < lists[i].list->count; k++)
            buf_printf(out, "%s:%s;", lists[i].name, lists[i].list->items[k]);
    }
    if (args->rest)
        buf_add_str(out, "rest;");
    for (size_t i = 0; i < args->rest_count; i++)
        buf_printf(out, "rest:%s;", args->rest[i]);
    if (args->quiet)
        buf_add_str(out, "quiet;");
    if (args->help)
        buf_add_str(out, "help;");
    buf_add_str(out, "");
}

static const struct {
    uint32_t accepts;
    const char *words[WORDS_MAX];
    const char *want; /* NULL: refused */
} rows[] = {
    {WRAP, {NULL}, ""},
    {WRAP, {".venv"}, "venv=.venv;"},
    {WRAP, {"-q", ".venv"}, "venv=.venv;quiet;"},
    {WRAP, {".venv", "--policy", "strict"}, "venv=.venv;policy=strict;"},
    {WRAP, {".venv", "--policy=strict"}, "venv=.venv;policy=strict;"},
    {WRAP, {".venv", "--policy"}, NULL},
    {WRAP, {".venv", "other"}, NULL},
    {WRAP, {""}, NULL},
    {WRAP, {".venv", "--purge"}, NULL},
    {WRAP, {".venv", "--quiet=yes"}, NULL},
    {WRAP, {".venv", "--no-such-option"}, NULL},
    /* operands of bubblewrap's options are not taken for the venv or for our options */
    {WRAP, {"--ro-bind", "/a", "/b", "v"}, "venv=v;bwrap:--ro-bind;bwrap:/a;bwrap:/b;"},
    {WRAP, {"v", "--setenv", "A", "--policy"}, "venv=v;bwrap:--setenv;bwrap:A;bwrap:--policy;"},
    {WRAP, {"v", "--unshare-net", "-q"}, "venv=v;bwrap:--unshare-net;quiet;"},
    {WRAP, {"v", "--ro-bind", "/a"}, NULL},
    {WRAP, {"v", "--", "--unshare-net"}, "venv=v;bwrap:--unshare-net;rest;rest:--unshare-net;"},
    {WRAP, {"v", "--"}, "venv=v;rest;"},
    {RUN, {"--", "ls", "--", "-q"}, "rest;rest:ls;rest:--;rest:-q;"},
    {RUN,
     {"v", "--read", "/a", "--read=/b", "--write", "/c", "--network", "none", "--", "x"},
     "venv=v;network=none;read:/a;read:/b;write:/c;rest;rest:x;"},
    {CREATE,
     {"v", "--prompt", "p", "--python", "python3.9", "--system-site-packages"},
     "venv=v;python=python3.9;extra:--prompt;extra:p;extra:--system-site-packages;"},
    {ACCEPT_VENV, {"--", "v"}, NULL},
    {ACCEPT_VENV, {"-"}, "venv=-;"},
    {ACCEPT_VENV, {"-h"}, "help;"},
    {0, {"v"}, NULL},
};

Test(args, rows)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_args struct args args = {0};
        auto_buf struct buf got = {0};
        struct err err = {0};
        size_t count = 0;
        int r;

        while (count < WORDS_MAX && rows[i].words[count])
            count++;
        r = args_parse(rows[i].accepts, rows[i].words, count, &args, &err);
        if (!rows[i].want) {
            cr_assert_lt(r, 0, "row %zu was taken", i);
            cr_assert(*err.msg, "row %zu: no message", i);
            continue;
        }
        cr_assert_eq(r, 0, "row %zu: %s", i, err.msg);
        describe(&args, &got);
        cr_assert_str_eq(got.data, rows[i].want, "row %zu: %s", i, got.data);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    const char *message;
} refused_rows[] = {
    {{"v", "w"}, "unexpected word 'w'"},
    {{"--bogus"}, "unknown option '--bogus'"},
    {{"--token=x"}, "unknown option '--token=***'"},
    {{"v", "--setenv", "A_KEY", "my", "secret"},
     "unexpected word behind the value of --setenv (does that have blanks?)"},
    {{"v", "--setenv", "A_KEY", "my", "--secret"},
     "unknown option behind the value of --setenv (does that have blanks?)"},
    {{"v", "--setenv", "A", "b", "--unshare-net", "w"}, "unexpected word 'w'"},
    {{"--setenv", "A", "b", "v", "w"}, "unexpected word 'w'"},
    {{"v", "--setenv", "A", "b", "--read", "/x", "w"}, "unexpected word 'w'"},
};

Test(args, messages_quote_no_secret)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused_rows); i++) {
        struct args args;
        struct err err = {0};
        size_t count = 0;

        while (count < WORDS_MAX && refused_rows[i].words[count])
            count++;
        cr_expect_lt(args_parse(RUN, refused_rows[i].words, count, &args, &err), 0);
        cr_expect_str_eq(err.msg, refused_rows[i].message, "row %zu", i);
        args_finish(&args);
    }
}
