#include "svenv/formats/bwrap.h"

#include <limits.h>
#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static struct arena arena;

static void finish(void)
{
    arena_finish(&arena);
}

TestSuite(bwrap, .fini = finish);

static int parse_words(const char *text, struct bwrap_options *out, struct err *err)
{
    const char **words = NULL;
    size_t count = 0;

    bwrap_split(&arena, text, &words, &count);
    return bwrap_parse(&arena, "BWRAP_ARGS", words, count, out, err);
}

static struct bwrap_options parse(const char *text)
{
    struct bwrap_options options = {0};
    struct err err = {0};

    cr_assert_eq(parse_words(text, &options, &err), 0, "%s: %s", text, err.msg);
    return options;
}

static void expect_error(const char *text, const char *want)
{
    struct bwrap_options options = {0};
    struct err err = {0};
    char buf[1024];

    cr_assert_lt(parse_words(text, &options, &err), 0, "accepted: %s", text);
    cr_expect_str_eq(err_text(&err, buf, sizeof(buf)), want);
    cr_expect_eq(options.count, 0);
}

Test(bwrap, x11_example)
{
    struct bwrap_options options =
        parse("--bind /tmp/.X11-unix/X0 /tmp/.X11-unix/X8 --setenv DISPLAY :8");

    cr_assert_eq(options.count, 2);
    cr_expect_eq(options.items[0].id, BWRAP_BIND);
    cr_expect_str_eq(options.items[0].name, "--bind");
    cr_expect_str_eq(options.items[0].arg[0], "/tmp/.X11-unix/X0");
    cr_expect_str_eq(options.items[0].arg[1], "/tmp/.X11-unix/X8");
    cr_expect_eq(options.items[0].mode, UINT_MAX);
    cr_expect_eq(options.items[0].word, 1);
    cr_expect_eq(options.items[1].id, BWRAP_SETENV);
    cr_expect_str_eq(options.items[1].arg[0], "DISPLAY");
    cr_expect_str_eq(options.items[1].arg[1], ":8");
    cr_expect_eq(options.items[1].word, 4);
}

Test(bwrap, perms_and_size_hold_for_one_operation)
{
    struct bwrap_options options =
        parse("--perms 0700 --size 4096 --tmpfs /a --tmpfs /b --size 8 --perms 1 --tmpfs c "
              "--perms 07777 --dir /d --chmod 640 e");

    cr_assert_eq(options.count, 5);
    cr_expect_eq(options.items[0].mode, 0700);
    cr_expect_eq(options.items[0].size, 4096);
    cr_expect_eq(options.items[1].mode, UINT_MAX);
    cr_expect_eq(options.items[1].size, 0);
    cr_expect_eq(options.items[2].mode, 1);
    cr_expect_eq(options.items[2].size, 8);
    cr_expect_str_eq(options.items[2].arg[0], "/c");
    cr_expect_eq(options.items[3].mode, 07777);
    cr_expect_eq(options.items[3].size, 0);
    cr_expect_eq(options.items[4].mode, 0640);
    cr_expect_str_eq(options.items[4].arg[1], "/e");
}

Test(bwrap, operands_may_look_like_options)
{
    struct bwrap_options options = parse("--setenv A --bind --symlink ../x lib --ro-bind . src");

    cr_assert_eq(options.count, 3);
    cr_expect_str_eq(options.items[0].arg[1], "--bind");
    cr_expect_str_eq(options.items[1].arg[0], "../x");
    cr_expect_str_eq(options.items[1].arg[1], "/lib");
    cr_expect_str_eq(options.items[2].arg[0], ".");
    cr_expect_str_eq(options.items[2].arg[1], "/src");
}

Test(bwrap, double_dash_ends_the_words)
{
    cr_expect_eq(parse("").count, 0);
    cr_expect_eq(parse("--").count, 0);
    cr_expect_eq(parse("--unshare-net --").count, 1);
    expect_error("-- ls -l",
                 "BWRAP_ARGS, word 2: 'ls' is no option, and a command cannot be given here");
    expect_error("--unshare-net ls",
                 "BWRAP_ARGS, word 2: 'ls' is no option, and a command cannot be given here");
}

/* Every row: taken when it gets good operands, refused by name otherwise, missing operands told. */
Test(bwrap, every_row_of_the_table)
{
    static const char *const good[][2] = {
        {"SRC", "/s"},     {"TARGET", "t"}, {"DEST", "/d"}, {"DIR", "/d"},   {"PATH", "/p"},
        {"OCTAL", "0755"}, {"BYTES", "1"},  {"UID", "0"},   {"GID", "1000"}, {"HOSTNAME", "h"},
        {"VAR", "V"},      {"VALUE", ""},   {"CAP", "ALL"},
    };
    size_t count = 0;
    const struct bwrap_doc *docs = bwrap_docs(&count);
    bool seen[BWRAP_OPTION__COUNT] = {false};

    for (size_t i = 0; i < count; i++) {
        const char *words[4] = {docs[i].name};
        size_t used = 1;
        struct bwrap_options options = {0};
        struct err err = {0};
        int result;

        for (const char *name = docs[i].operands; docs[i].supported && *name != '\0';) {
            size_t len = strcspn(name, " ");

            for (size_t g = 0; g < ARRAY_SIZE(good); g++) {
                if (strlen(good[g][0]) == len && memcmp(good[g][0], name, len) == 0)
                    words[used] = good[g][1];
            }
            cr_assert_not_null(words[used], "%s: no operand %s", docs[i].name, name);
            used++;
            name += len + strspn(name + len, " ");
        }
        if (docs[i].id == BWRAP_PERMS || docs[i].id == BWRAP_SIZE)
            words[used++] = "--tmpfs", words[used++] = "/d";
        result = bwrap_parse(&arena, "x", words, used, &options, &err);
        cr_expect_eq(result == 0, docs[i].supported, "%s: %s", docs[i].name, err.msg);
        cr_expect_eq(docs[i].supported, docs[i].id != BWRAP_REFUSED, "%s", docs[i].name);
        if (!docs[i].supported)
            cr_expect_not_null(strstr(err.msg, docs[i].text), "%s", err.msg);
        if (docs[i].supported && docs[i].operands[0] != '\0')
            cr_expect_lt(bwrap_parse(&arena, "x", words, 1, &options, &err), 0, "%s", docs[i].name);
        seen[docs[i].id] = true;
    }
    for (size_t i = 0; i < BWRAP_OPTION__COUNT; i++)
        cr_expect(seen[i], "option id %zu has no row", i);
}

Test(bwrap, refuses_by_name)
{
    static const char *const rows[][2] = {
        {"--bogus", "BWRAP_ARGS, word 1: unknown option '--bogus'"},
        {"-x", "BWRAP_ARGS, word 1: unknown option '-x'"},
        {"--tmpfs=/x", "BWRAP_ARGS, word 1: unknown option '--tmpfs=/x'"},
        {"--setenv=A_KEY=x", "BWRAP_ARGS, word 1: unknown option '--setenv=A_KEY=***'"},
        {"--setenv A_KEY my --secret",
         "BWRAP_ARGS, word 4: unknown option (does the value of --setenv have blanks?)"},
        {"--setenv A_KEY my secret", "BWRAP_ARGS, word 4: no option, and a command cannot be given "
                                     "here (does the value of --setenv have blanks?)"},
        {"--setenv A b --uid 1 --bogus", "BWRAP_ARGS, word 6: unknown option '--bogus'"},
        {"--unshare-net --seccomp 3", "BWRAP_ARGS, word 2: --seccomp is not supported: the filter "
                                      "is the policy's: use `syscalls.allow` and `.deny`"},
        {"--bind /a", "BWRAP_ARGS, word 1: --bind needs SRC DEST"},
        {"--dir", "BWRAP_ARGS, word 1: --dir needs DEST"},
        {"--perms 09 --dir /x",
         "BWRAP_ARGS, word 1: --perms takes an octal number of at most 7777"},
        {"--perms 17777 --dir /x",
         "BWRAP_ARGS, word 1: --perms takes an octal number of at most 7777"},
        {"--perms 1 --perms 2 --dir /x",
         "BWRAP_ARGS, word 3: --perms is given twice for the same operation"},
        {"--perms 700 --bind / /x",
         "BWRAP_ARGS, word 3: --bind cannot follow --perms, which is for --dir and --tmpfs"},
        {"--size 5 --dir /x",
         "BWRAP_ARGS, word 3: --dir cannot follow --size, which is for --tmpfs"},
        {"--size 5",
         "BWRAP_ARGS, word 1: --size needs the operation that it is for, right after it"},
        {"--size 0 --tmpfs /x", "BWRAP_ARGS, word 1: --size takes a number of bytes above 0"},
        {"--size 99999999999999999999 --tmpfs /x",
         "BWRAP_ARGS, word 1: --size takes a number of bytes above 0"},
        {"--size 4K --tmpfs /x", "BWRAP_ARGS, word 1: --size takes a number of bytes above 0"},
        {"--uid -1", "BWRAP_ARGS, word 1: --uid takes a number"},
        {"--gid 4294967295", "BWRAP_ARGS, word 1: --gid takes a number"},
        {"--uid 1x", "BWRAP_ARGS, word 1: --uid takes a number"},
        {"--setenv A=B c", "BWRAP_ARGS, word 1: --setenv takes a variable's name, without '='"},
        {"--cap-add FOO", "BWRAP_ARGS, word 1: --cap-add takes a name like CAP_NET_RAW, or ALL"},
        {"--cap-drop CAP_", "BWRAP_ARGS, word 1: --cap-drop takes a name like CAP_NET_RAW, or ALL"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_error(rows[i][0], rows[i][1]);
}

Test(bwrap, capabilities_in_either_case)
{
    static const char *const words[] = {"--cap-add", "cap_net_bind_service", "--cap-drop", "ALL"};
    struct bwrap_options options = {0};
    struct err err = {0};

    cr_assert_eq(bwrap_parse(&arena, "x", words, 4, &options, &err), 0);
    cr_expect_str_eq(options.items[0].arg[0], "CAP_NET_BIND_SERVICE");
    cr_expect_str_eq(options.items[1].arg[0], "ALL");
}

Test(bwrap, empty_words)
{
    static const char *const path[] = {"--dir", ""};
    static const char *const name[] = {"--hostname", ""};
    static const char *const word[] = {""};
    struct bwrap_options options = {0};
    struct err err = {0};

    cr_expect_lt(bwrap_parse(&arena, "x", path, 2, &options, &err), 0);
    cr_expect_str_eq(err.msg, "x, word 1: --dir needs a path, not an empty word");
    cr_expect_lt(bwrap_parse(&arena, "x", name, 2, &options, &err), 0);
    cr_expect_lt(bwrap_parse(&arena, "x", word, 1, &options, &err), 0);
}

Test(bwrap, words_are_bounded)
{
    size_t count = 9001;
    auto_free const char **words = xcalloc(count, sizeof(*words));
    struct bwrap_options options = {0};
    struct err err = {0};

    for (size_t i = 0; i < count; i++)
        words[i] = "--unshare-ipc";
    cr_expect_lt(bwrap_parse(&arena, "x", words, count, &options, &err), 0);
    cr_expect_eq(bwrap_parse(&arena, "x", words, count - 1, &options, &err), 0);
    cr_expect_eq(options.count, count - 1);
}

Test(bwrap, split)
{
    const char **words = NULL;
    size_t count = 0;

    bwrap_split(&arena, "  --dir\t/a  --dir '/b ", &words, &count);
    cr_assert_eq(count, 4);
    cr_expect_str_eq(words[1], "/a");
    cr_expect_str_eq(words[3], "'/b");
    bwrap_split(&arena, "--bind\n/a b\n\n /c \n", &words, &count);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(words[1], "/a b");
    cr_expect_str_eq(words[2], " /c ");
    bwrap_split(&arena, " \t", &words, &count);
    cr_expect_eq(count, 0);
    bwrap_split(&arena, "", &words, &count);
    cr_expect_eq(count, 0);
}
