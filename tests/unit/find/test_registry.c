#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/registry.h"
#include "svenv/find/user.h"

/* A home directory, and venvs in it that look wrapped. */
struct world {
    char root[64];
    struct user user;
};

static void begin(struct world *world)
{
    (void)snprintf(world->root, sizeof(world->root), "/tmp/svenv-registry.XXXXXX");
    cr_assert(mkdtemp(world->root) != NULL);
    world->user = (struct user){.home = world->root};
    unsetenv("XDG_STATE_HOME");
}

static void remove_in(const char *parent, const char *name)
{
    auto_fd int dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

    cr_assert_geq(dir, 0);
    cr_assert_eq(tree_remove(dir, name), 0);
}

static void end(struct world *world)
{
    remove_in("/tmp", world->root + strlen("/tmp/"));
}

static char *make_venv(const struct world *world, const char *name)
{
    char *path = path_join(world->root, name);
    auto_free char *sandbox = path_join(path, "sandbox");
    auto_free char *manifest = path_join(path, "sandbox/manifest.json");
    int fd;

    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(mkdir(sandbox, 0700), 0);
    fd = open(manifest, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    return path;
}

static size_t listed(const struct world *world, struct strv *out)
{
    struct err err = {0};

    cr_assert_eq(registry_read(&world->user, out, &err), 0, "%s", err.msg);
    return out->count;
}

Test(registry, nothing_yet)
{
    auto_strv struct strv paths = {0};
    struct world world;

    begin(&world);
    cr_assert_eq(listed(&world, &paths), 0);
    end(&world);
}

Test(registry, adds_once_and_removes)
{
    struct world world;
    struct err err = {0};

    begin(&world);
    {
        auto_free char *one = make_venv(&world, "one");
        auto_free char *two = make_venv(&world, "two three");
        auto_strv struct strv paths = {0};
        auto_strv struct strv rest = {0};

        cr_assert_eq(registry_add(&world.user, one, &err), 0, "%s", err.msg);
        cr_assert_eq(registry_add(&world.user, two, &err), 0, "%s", err.msg);
        cr_assert_eq(registry_add(&world.user, one, &err), 0, "%s", err.msg);
        cr_assert_eq(listed(&world, &paths), 2);
        cr_assert(strv_has(&paths, one) && strv_has(&paths, two));
        cr_assert_eq(registry_remove(&world.user, one, &err), 0, "%s", err.msg);
        cr_assert_eq(listed(&world, &rest), 1);
        cr_assert(strv_has(&rest, two));
    }
    end(&world);
}

/* A venv that is gone is shown until the next change, which takes it out. */
Test(registry, gone_goes_with_the_next_change)
{
    struct world world;
    struct err err = {0};

    begin(&world);
    {
        auto_free char *one = make_venv(&world, "one");
        auto_free char *two = make_venv(&world, "two");
        auto_strv struct strv before = {0};
        auto_strv struct strv after = {0};

        cr_assert_eq(registry_add(&world.user, one, &err), 0);
        remove_in(world.root, "one");
        cr_assert_eq(listed(&world, &before), 1);
        cr_assert_eq(registry_add(&world.user, two, &err), 0);
        cr_assert_eq(listed(&world, &after), 1);
        cr_assert(strv_has(&after, two));
    }
    end(&world);
}

Test(registry, knows_the_venv_that_lay_there)
{
    struct world world;
    auto_free char *one = NULL;
    auto_free char *two = NULL;
    auto_free char *sandbox = NULL;
    struct err err = {0};

    begin(&world);
    one = make_venv(&world, "a\tb");
    two = make_venv(&world, "b");
    sandbox = path_join(one, "sandbox");
    cr_expect_eq(registry_knows(&world.user, one, &err), 0);
    cr_assert_eq(registry_add(&world.user, one, &err), 0);
    cr_expect_eq(registry_knows(&world.user, one, &err), 1);
    cr_expect_eq(registry_knows(&world.user, two, &err), 0);
    remove_in(one, "sandbox");
    cr_expect_eq(registry_knows(&world.user, one, &err), 0, "there is none");
    cr_assert_eq(mkdir(sandbox, 0700), 0);
    cr_expect_eq(registry_knows(&world.user, one, &err), 0, "another one");
    end(&world);
}

Test(registry, a_line_break_is_refused)
{
    struct world world;
    struct err err = {0};

    begin(&world);
    cr_assert_eq(registry_add(&world.user, "/x\n/etc", &err), -EINVAL);
    end(&world);
}
