/* The two sides of a venv are in step when they have been settled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "installed.h"
#include "settle-internal.h"

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/policy/policy.h"

#define BIN "proj/.venv/bin/"
#define INNER "proj/.venv/sandbox/bin/"

char installed_stub[PATH_MAX], installed_cli[PATH_MAX], installed_templates[PATH_MAX];

struct settled {
    struct fixture f;
    struct policy policy;
    struct venv_sides sides;
    struct err err;
};

static void settled_new(struct settled *s, const char *publish)
{
    const struct policy_sources sources = {0};
    auto_free char *text = xasprintf("version: 1\nentries: {publish: [%s]}\n", publish);

    *s = (struct settled){.f = fixture_new(NULL)};
    snprintf(installed_stub, sizeof(installed_stub), "%s", s->f.stub);
    do_wrap(&s->f);
    policy_init(&s->policy);
    cr_assert_eq(policy_load(&s->policy, &sources, &s->err), 0, "%s", s->err.msg);
    cr_assert_eq(policy_override_text(&s->policy, "test", text, strlen(text), &s->err), 0, "%s",
                 s->err.msg);
}

static int settle_with(struct settled *s, const struct policy *policy)
{
    auto_venv struct venv venv;

    venv_init(&venv);
    venv.path = s->f.venv;
    return settle_venv(&venv, policy, &s->sides, &s->err);
}

static int settle(struct settled *s)
{
    return settle_with(s, &s->policy);
}

static void settled_drop(struct settled *s)
{
    policy_finish(&s->policy);
    fixture_drop(&s->f);
}

static bool is_as_now(const struct settled *s)
{
    auto_free char *bin = path_join(s->f.root, BIN);
    auto_free char *inner = path_join(s->f.root, INNER);
    struct file_id now[2] = {file_id_of(AT_FDCWD, bin, false), file_id_of(AT_FDCWD, inner, false)};

    return file_id_eq(&s->sides.bin, &now[0]) && file_id_eq(&s->sides.sandbox_bin, &now[1]);
}

/* On both sides of a mount installers put their programs, each before they are wrapped. */
Test(settle, brings_both_sides_together)
{
    struct settled s;

    settled_new(&s, "");
    put_file(&s.f, BIN "outside", "#!python\n", 0755);
    put_file(&s.f, INNER "inside", "#!python\n", 0755);
    cr_assert_eq(settle(&s), 0, "%s", s.err.msg);
    cr_expect(is_stub(&s.f, BIN "outside"));
    cr_expect(is_there(&s.f, INNER "outside"));
    cr_expect(is_stub(&s.f, BIN "inside"));
    cr_expect(is_as_now(&s));
    settled_drop(&s);
}

/* A change in the same tick as the look leaves no trace in the times. */
Test(settle, no_change_is_missed)
{
    const struct timespec tick = {.tv_nsec = 1000000};
    struct settled s;
    char path[64];

    settled_new(&s, "");
    for (int i = 0; i < 10; i++) {
        struct venv_sides before;

        snprintf(path, sizeof(path), BIN "first%d", i);
        put_file(&s.f, path, "#!python\n", 0755);
        cr_assert_eq(settle(&s), 0, "%s", s.err.msg);
        cr_assert(is_as_now(&s));
        before = s.sides;
        snprintf(path, sizeof(path), BIN "second%d", i);
        put_file(&s.f, path, "#!python\n", 0755);
        cr_expect_not(is_as_now(&s), "at once");
        cr_assert_eq(settle(&s), 0, "%s", s.err.msg);
        cr_expect_not(file_id_eq(&before.bin, &s.sides.bin));
        nanosleep(&tick, NULL);
    }
    settled_drop(&s);
}

Test(settle, nothing_changes_what_is_settled)
{
    struct venv_sides before;
    struct settled s;

    settled_new(&s, "");
    cr_assert_eq(settle(&s), 0, "%s", s.err.msg);
    before = s.sides;
    cr_assert_eq(settle(&s), 0, "%s", s.err.msg);
    cr_expect(file_id_eq(&before.bin, &s.sides.bin));
    cr_expect(file_id_eq(&before.sandbox_bin, &s.sides.sandbox_bin));
    settled_drop(&s);
}

/* On PATH it would take the system command's place. */
Test(settle, a_reserved_name_is_published_when_the_policy_says_so)
{
    static const struct {
        const char *publish;
        bool reads;
        bool stub;
    } rows[] = {{"", true, false}, {"ssh", true, true}, {"ssh", false, false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct settled s;

        settled_new(&s, rows[i].publish);
        put_file(&s.f, INNER "ssh", "#!python\n", 0755);
        cr_assert_eq(settle_with(&s, rows[i].reads ? &s.policy : NULL), 0, "%s", s.err.msg);
        cr_expect_eq(is_stub(&s.f, BIN "ssh"), rows[i].stub, "row %zu", i);
        cr_expect(is_there(&s.f, INNER "ssh"), "it is there inside");
        settled_drop(&s);
    }
}

Test(settle, a_venv_without_its_sides_is_an_error)
{
    struct settled s;
    auto_free char *inner = NULL;
    auto_free char *away = NULL;

    settled_new(&s, "");
    inner = path_join(s.f.root, INNER);
    away = path_join(s.f.root, "away");
    cr_assert_eq(rename(inner, away), 0);
    cr_expect_lt(settle(&s), 0);
    cr_expect_neq(s.err.msg[0], '\0');
    cr_expect_eq(s.sides.bin.ino, 0, "nothing is settled");
    settled_drop(&s);
}

Test(settle, without_the_stub_nothing_is_wrapped)
{
    struct settled s;

    settled_new(&s, "");
    drop_file(&s.f, "stub");
    put_file(&s.f, BIN "outside", "#!python\n", 0755);
    cr_expect_lt(settle(&s), 0);
    cr_expect_eq(s.sides.bin.ino, 0, "nothing is settled");
    settled_drop(&s);
}
