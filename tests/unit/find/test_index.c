#include <criterion/criterion.h>

#include "discover-internal.h"
#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static const struct {
    const char *text;
    const char *url; /* NULL: none found */
    const char *files;
} cases[] = {
    {"A = PackageIndex(\"https://index.example/\", file_storage_domain=\"files.example\")\n"
     "B = PackageIndex(\"https://test.example/\", file_storage_domain=\"x\")\n",
     "https://index.example/", "files.example"},
    {"A = PackageIndex(\n    'https://index.example:8443/a',\n    "
     "file_storage_domain='files.example'\n)",
     "https://index.example:8443/a", "files.example"},
    {"A = PackageIndex('https://index.example/')\nB = X(file_storage_domain='f')",
     "https://index.example/", NULL},
    {"A = PackageIndex(\"http://index.example/\")", NULL, NULL},
    {"A = PackageIndex(\"https://user:secret@index.example/\")", NULL, NULL},
    {"A = PackageIndex(\"https://index.example/\n\")", NULL, NULL},
    {"A = PackageIndex(\"https://index.example/", NULL, NULL},
    {"A = PackageIndex(url)", NULL, NULL},
    {"", NULL, NULL},
};

Test(index, what_the_source_says)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_venv struct venv venv;

        venv_init(&venv);
        cr_expect_eq(index_parse(&venv, cases[i].text), cases[i].url != NULL, "%zu", i);
        cr_expect((venv.index_url == NULL) == (cases[i].url == NULL), "%zu", i);
        cr_expect((venv.index_files == NULL) == (cases[i].files == NULL), "%zu", i);
        if (venv.index_url != NULL && cases[i].url != NULL)
            cr_expect_str_eq(venv.index_url, cases[i].url);
        if (venv.index_files != NULL && cases[i].files != NULL)
            cr_expect_str_eq(venv.index_files, cases[i].files);
    }
}

#define MODELS "proj/.venv/lib/python3.11/site-packages/pip/_internal/models"

Test(index, a_program_inside_cannot_change_it_later)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, MODELS);
    put_file(&f, MODELS "/index.py", "A = PackageIndex('https://index.example/')", 0644);
    do_wrap(&f);
    put_file(&f, MODELS "/index.py", "A = PackageIndex('https://evil.example/')", 0644);
    do_wrap(&f);
    venv_init(&venv);
    cr_assert_eq(manifest_read(&venv, f.venv, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.index_url, "https://index.example/");
    fixture_drop(&f);
}

Test(index, asks_the_base_when_the_venv_has_no_pip)
{
    static const char dir[] = "base/lib/python3.11/site-packages/pip/_internal/models";
    struct fixture f = fixture_new(NULL);
    auto_free char *path = xasprintf("%s/index.py", dir);
    auto_venv struct venv venv;
    struct err err = {0};

    make_dirs(&f, dir);
    put_file(&f, path, "A = PackageIndex('https://base.example/')", 0644);
    venv_init(&venv);
    cr_assert_eq(venv_inspect(&venv, f.venv, NULL, f.home, &err), 0, "%s", err.msg);
    cr_expect_str_eq(venv.index_url, "https://base.example/");
    fixture_drop(&f);
}
