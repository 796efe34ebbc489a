#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/follow.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

/* A path that is not named here is no link; below /absent there is nothing. */
static const struct {
    const char *path, *target;
} links[] = {
    {"/bin", "usr/bin"},      {"/abs", "/usr/lib"},      {"/a/up", "../b"}, {"/a/chain", "link"},
    {"/a/link", "/b/c"},      {"/loop", "loop"},         {"/ping", "pong"}, {"/pong", "ping"},
    {"/root", "/"},           {"/a/slashes", "//b//c/"}, {"/a/dot", "."},   {"/far", "/a/../../b"},
    {"/a/gone", "/absent/x"}, {"/a/long", NULL},
};

static int ask(void *context, const char *path, const char **target_out)
{
    unsigned *questions = context;

    (*questions)++;
    if (strncmp(path, "/absent", 7) == 0)
        return -ENOENT;
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        if (str_eq(links[i].path, path))
            *target_out = links[i].target;
    }
    return 0;
}

static const struct {
    const char *path, *real;
    int code;
    size_t links;
    const char *last; /* the path of the last link, NULL: none */
} rows[] = {
    {"/", "/", 0, 0, NULL},
    {"/b/c", "/b/c", 0, 0, NULL},
    {"//b/./c/", "/b/c", 0, 0, NULL},
    {"/../b", "/b", 0, 0, NULL},
    {"/bin/sh", "/usr/bin/sh", 0, 1, "/bin"},
    {"/abs/x", "/usr/lib/x", 0, 1, "/abs"},
    {"/a/up/x", "/b/x", 0, 1, "/a/up"},
    /* ".." behind a link leaves what the link leads to */
    {"/bin/../lib", "/usr/lib", 0, 1, "/bin"},
    {"/a/../bin/x", "/usr/bin/x", 0, 1, "/bin"},
    {"/a/chain/x", "/b/c/x", 0, 2, "/a/link"},
    {"/root/b", "/b", 0, 1, "/root"},
    {"/a/slashes", "/b/c", 0, 1, "/a/slashes"},
    {"/a/dot/b", "/a/b", 0, 1, "/a/dot"},
    {"/far", "/b", 0, 1, "/far"},
    {"/loop", "/loop", -ELOOP, 40, "/loop"},
    {"/ping/x", "/ping", -ELOOP, 40, "/pong"},
    /* the last name that was asked for */
    {"/absent/x/y", "/absent", -ENOENT, 0, NULL},
    {"/a/gone/y", "/absent", -ENOENT, 1, "/a/gone"},
};

Test(follow, paths)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {NULL};
        struct followed way;
        unsigned questions = 0;

        cr_expect_eq(follow_path(&arena, rows[i].path, ask, &questions, &way), rows[i].code, "%s",
                     rows[i].path);
        cr_expect_str_eq(way.real, rows[i].real, "%s: %s", rows[i].path, way.real);
        cr_assert_eq(way.link_count, rows[i].links, "%s: %zu", rows[i].path, way.link_count);
        if (rows[i].last != NULL)
            cr_expect_str_eq(way.links[way.link_count - 1].path, rows[i].last, "%s", rows[i].path);
        arena_finish(&arena);
    }
}

static int ask_long(void *context, const char *path, const char **target_out)
{
    *target_out = strstr(path, "/l") ? context : NULL;
    return 0;
}

/* A text of ours can be longer than any that the kernel would take. */
Test(follow, texts_that_grow)
{
    struct arena arena = {NULL};
    struct followed way;
    char text[600];

    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(text) - 3, "/l", 3);
    cr_expect_eq(follow_path(&arena, "/l/l/l/l/l/l/l/l", ask_long, text, &way), -ELOOP);
    memcpy(text, "l/", 2);
    cr_expect_eq(follow_path(&arena, "/l", ask_long, text, &way), -ENAMETOOLONG);
    arena_finish(&arena);
}
