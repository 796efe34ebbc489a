#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"

static const struct {
    const char *dir, *name, *want;
} joins[] = {
    {"/a", "b", "/a/b"}, {"/a/", "b", "/a/b"},  {"/a///", "b", "/a/b"}, {"/", "b", "/b"},
    {"//", "b", "/b"},   {"a", "b/c", "a/b/c"}, {"/a", "/b", "/b"},     {"", "b", "b"},
    {"/a/", "", "/a"},   {"/", "", "/"},        {"", "", ""},           {".", "b", "./b"},
};

Test(path, join)
{
    for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
        auto_free char *got = path_join(joins[i].dir, joins[i].name);

        cr_expect_str_eq(got, joins[i].want, "'%s' + '%s'", joins[i].dir, joins[i].name);
    }
}

static const struct {
    const char *cwd, *path, *want;
} normals[] = {
    {"/w", "a", "/w/a"},
    {"/w", "/a", "/a"},
    {"/w", "", "/w"},
    {"/w", ".", "/w"},
    {"/w", "..", "/"},
    {"/w", "../..", "/"},
    {"/w", "../../../x", "/x"},
    {"/", "", "/"},
    {"/", "a", "/a"},
    {"/w", "/a//b///c/", "/a/b/c"},
    {"/w", "/a/./b/.", "/a/b"},
    {"/w", "/a/b/../c", "/a/c"},
    {"/w", "//a", "/a"},
    {"/w", "/..", "/"},
    {"/w", "/...", "/..."},
    {"/w", "/.a/..b/c..", "/.a/..b/c.."},
    {"/w/../v//", "x/", "/v/x"},
    {"/w", "/a/..", "/"},
};

Test(path, normalise)
{
    for (size_t i = 0; i < ARRAY_SIZE(normals); i++) {
        auto_free char *got = path_normalise(normals[i].cwd, normals[i].path);

        cr_expect_str_eq(got, normals[i].want, "'%s': '%s'", normals[i].path, got);
    }
}

static const struct {
    const char *path, *dir, *base;
} parts[] = {
    {"/", "/", ""},      {"/x", "/", "x"},   {"x", ".", "x"},     {"a/b", "a", "b"},
    {"/a/b", "/a", "b"}, {"a//b", "a", "b"}, {"/a/b/", "/a", ""}, {"", ".", ""},
    {"//", "/", ""},     {"//x", "/", "x"},  {"./x", ".", "x"},   {"..", ".", ".."},
};

Test(path, dirname_and_basename)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_free char *dir = path_dirname(parts[i].path);

        cr_expect_str_eq(dir, parts[i].dir, "'%s'", parts[i].path);
        cr_expect_str_eq(path_basename(parts[i].path), parts[i].base, "'%s'", parts[i].path);
    }
}

static const struct {
    const char *path, *root, *want;
} relatives[] = {
    {"/a/b", "/a", "b"},  {"/a", "/a", ""},        {"/ab", "/a", NULL},
    {"/a", "/a/b", NULL}, {"/", "/", ""},          {"/a", "/", "a"},
    {"/b/a", "/a", NULL}, {"/a/b/c", "/a/b", "c"}, {"/a/b/c", "/a", "b/c"},
};

Test(path, relative_to)
{
    for (size_t i = 0; i < ARRAY_SIZE(relatives); i++) {
        const char *got = path_relative_to(relatives[i].path, relatives[i].root);

        cr_expect_eq(path_is_beneath(relatives[i].path, relatives[i].root),
                     relatives[i].want != NULL);
        if (relatives[i].want == NULL)
            cr_expect_null(got, "'%s'", relatives[i].path);
        else
            cr_expect_str_eq(got, relatives[i].want, "'%s'", relatives[i].path);
    }
}
