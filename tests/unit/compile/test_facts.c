#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../child.h"
#include "facts-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"

/* A project with something to protect at its top and below. */
struct project {
    char path[64];
    struct policy policy;
    struct user user;
    rlim_t descriptors;
};

static void make_dir(const struct project *p, const char *name, mode_t mode)
{
    auto_free char *path = path_join(p->path, name);

    cr_assert_eq(mkdir(path, mode), 0, "%s", path);
}

static void project_new(struct project *p)
{
    static const char *const dirs[] = {".git", ".venv", "a", "a/.git", "a/b", "a/b/.vscode"};
    const struct policy_sources sources = {0};

    *p = (struct project){.path = "/tmp/svenv-unit-XXXXXX"};
    cr_assert_not_null(mkdtemp(p->path));
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        make_dir(p, dirs[i], 0755);
    policy_init(&p->policy);
    cr_assert_eq(policy_load(&p->policy, &sources, NULL), 0);
    p->user = (struct user){
        .uid = getuid(), .gid = getgid(), .home = xstrdup(p->path), .home_real = xstrdup(p->path)};
}

static void project_drop(struct project *p)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    policy_finish(&p->policy);
    user_finish(&p->user);
    cr_assert_eq(tree_remove(tmp, path_basename(p->path)), 0);
    close(tmp);
}

/* Return: what facts_check() says. */
static int gather(struct project *p, struct host_facts *host)
{
    auto_free char *own = path_join(p->path, ".venv");
    const struct venv venv = {.path = own, .project = p->path};
    struct err err = {0};

    facts_gather(host, &p->user);
    facts_expand(host, &p->policy, venv.project);
    facts_survey(host, &p->policy, &venv);
    return facts_check(host, &err);
}

static bool has_path(const struct project *p, const struct host_facts *host, const char *name)
{
    auto_free char *path = path_join(p->path, name);

    for (size_t i = 0; i < host->facts.path_count; i++) {
        if (str_eq(host->facts.paths[i].path, path) && host->facts.paths[i].kind == FACT_DIR)
            return true;
    }
    return false;
}

static bool has_all(const struct project *p, const struct host_facts *host)
{
    static const char *const names[] = {".git", "a/.git", "a/b/.vscode"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!has_path(p, host, names[i]))
            return false;
    }
    return true;
}

Test(facts, what_is_to_be_protected_is_found)
{
    struct project p;
    auto_facts struct host_facts host = {0};

    project_new(&p);
    cr_expect_eq(gather(&p, &host), 0);
    cr_expect(has_all(&p, &host));
    project_drop(&p);
}

static int gather_with_few(void *arg)
{
    struct project *p = arg;
    const struct rlimit limit = {p->descriptors, p->descriptors};
    auto_facts struct host_facts host = {0};

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 3;
    if (gather(p, &host) < 0)
        return 1;
    return has_all(p, &host) ? 0 : 2;
}

/* A directory that could not be opened for want of a descriptor is not an empty one. */
Test(facts, any_number_of_descriptors)
{
    unsigned counts[2] = {0};
    struct project p;

    project_new(&p);
    for (p.descriptors = 0; p.descriptors < 24; p.descriptors++) {
        int status = in_child(gather_with_few, &p);

        cr_assert(status < 2, "%d descriptors: %d", (int)p.descriptors, status);
        counts[status]++;
    }
    cr_expect(counts[0] > 3 && counts[1] > 1, "%u done, %u refused", counts[0], counts[1]);
    project_drop(&p);
}

/* Changes that a program inside can make must not make later starts fail. */
Test(facts, directories_that_are_closed_are_no_failure)
{
    struct project p;
    auto_facts struct host_facts host = {0};
    auto_free char *closed = NULL;
    auto_free char *loop = NULL;

    project_new(&p);
    closed = path_join(p.path, "closed");
    loop = path_join(p.path, "loop");
    make_dir(&p, "closed", 0755);
    make_dir(&p, "closed/below", 0755);
    cr_assert_eq(chmod(closed, 0), 0);
    cr_assert_eq(symlink("loop", loop), 0);
    cr_expect_eq(gather(&p, &host), 0);
    cr_expect(has_all(&p, &host));
    cr_assert_eq(chmod(closed, 0755), 0);
    project_drop(&p);
}

/* Return: the kind of the place, or PLAN_SEEN__COUNT when it is none. */
static enum plan_seen_kind kind_of(const struct host_facts *host, const char *rel)
{
    for (size_t i = 0; i < host->facts.seen_count; i++) {
        if (str_eq(host->facts.seen[i].rel, rel))
            return host->facts.seen[i].kind;
    }
    return PLAN_SEEN__COUNT;
}

/* Return: 'v' for a venv, 'r' for a repository, 'b' for both, '-' for neither. */
static char tree_of(const struct project *p, const struct host_facts *host, const char *rel)
{
    auto_free char *path = path_join(p->path, rel);
    bool seen[2] = {false};

    for (size_t i = 0; i < host->facts.tree_count; i++) {
        const struct fact_tree *tree = &host->facts.trees[i];

        if (str_eq(tree->path, path))
            seen[tree->kind == FACT_REPOSITORY] = true;
    }
    return seen[0] && seen[1] ? 'b' : seen[0] ? 'v' : seen[1] ? 'r' : '-';
}

static void make_link(const struct project *p, const char *name, const char *target)
{
    auto_free char *path = path_join(p->path, name);

    cr_assert_eq(symlink(target, path), 0, "%s", path);
}

/* Names decide, whatever their kind: a name that is passed over here would be left unprotected. */
Test(facts, what_is_protected_as_a_whole)
{
    static const struct {
        const char *rel;
        const char *names[3]; /* those of links end with '@' */
        char tree;
    } dirs[] = {
        {"bare", {"HEAD", "objects", "refs"}, 'r'},
        {"links", {"HEAD@", "objects@", "refs@"}, 'r'},
        {"worktree", {"HEAD", "commondir", NULL}, 'r'},
        {"head", {"HEAD", "config", NULL}, '-'},
        {"store", {"objects", "refs", "config"}, '-'},
        {"venv", {"pyvenv.cfg", NULL, NULL}, 'v'},
        {"venv-by-link", {"pyvenv.cfg@", NULL, NULL}, 'v'},
        {"both", {"pyvenv.cfg", "HEAD", "refs"}, 'b'},
    };
    struct project p;
    auto_facts struct host_facts host = {0};

    project_new(&p);
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        make_dir(&p, dirs[i].rel, 0755);
        for (size_t j = 0; j < ARRAY_SIZE(dirs[i].names) && dirs[i].names[j] != NULL; j++) {
            const char *name = dirs[i].names[j];
            auto_free char *rel = xasprintf("%s/%.*s", dirs[i].rel, (int)strcspn(name, "@"), name);

            if (str_ends(name, "@"))
                make_link(&p, rel, "nowhere");
            else
                make_dir(&p, rel, 0755);
        }
    }
    cr_assert_eq(gather(&p, &host), 0);
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        cr_expect_eq(tree_of(&p, &host, dirs[i].rel), dirs[i].tree, "%s", dirs[i].rel);
        cr_expect_eq(kind_of(&host, dirs[i].rel),
                     dirs[i].tree == '-' ? PLAN_SEEN_WATCHED : PLAN_SEEN_PASSED, "%s", dirs[i].rel);
    }
    project_drop(&p);
}

/* However many names there are. */
Test(facts, a_full_directory_hides_nothing)
{
    struct project p;
    auto_facts struct host_facts host = {0};
    char name[32];

    project_new(&p);
    make_dir(&p, "full", 0755);
    for (int i = 0; i < 9000; i++) {
        snprintf(name, sizeof(name), "full/%d", i);
        make_link(&p, name, "x");
    }
    make_link(&p, "full/HEAD", "refs/heads/x");
    make_dir(&p, "full/refs", 0755);
    cr_assert_eq(gather(&p, &host), 0);
    cr_expect_eq(tree_of(&p, &host, "full"), 'r');
    project_drop(&p);
}

/* --- what a path is ------------------------------------------------------------------------------
 */

static struct fact_path ask(struct host_facts *host, const char *path)
{
    struct fact_path fact;

    host->facts.lookup(host->facts.context, path, &fact);
    return fact;
}

Test(facts, each_path_has_its_kind)
{
    static const struct {
        const char *rel;
        int kind;
    } rows[] = {
        {"a", FACT_DIR},         {"file", FACT_FILE},     {"link", FACT_SYMLINK},
        {"fifo", FACT_SOCKET},   {"none", FACT_ABSENT},   {"file/x", FACT_ABSENT},
        {"loop/x", FACT_ABSENT}, {"none/x", FACT_ABSENT},
    };
    auto_facts struct host_facts host = {0};
    auto_free char *fifo = NULL;
    auto_free char *file = NULL;
    auto_free char *long_name = xcalloc(300, 1);
    struct project p;

    project_new(&p);
    make_link(&p, "link", "a/../a");
    make_link(&p, "loop", "loop");
    fifo = path_join(p.path, "fifo");
    file = path_join(p.path, "file");
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    facts_gather(&host, &p.user);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *path = path_join(p.path, rows[i].rel);
        struct fact_path fact = ask(&host, path);

        cr_expect_eq((int)fact.kind, rows[i].kind, "%s: %d", rows[i].rel, (int)fact.kind);
        cr_expect_eq(fact.ino != 0, rows[i].kind != FACT_ABSENT, "%s", rows[i].rel);
        if (rows[i].kind == FACT_SYMLINK)
            cr_expect_str_eq(fact.target, "a/../a");
    }
    memset(long_name, 'x', 299);
    *long_name = '/';
    cr_expect_eq((int)ask(&host, long_name).kind, FACT_ABSENT);
    cr_expect_eq((int)ask(&host, "/dev/null").kind, FACT_DEVICE);
    cr_expect_eq(facts_check(&host, NULL), 0);
    project_drop(&p);
}

/* All that is planned goes by one answer, and that answer is what the plan is compared with. */
Test(facts, a_question_has_one_answer)
{
    auto_facts struct host_facts host = {0};
    auto_free char *path = NULL;
    struct project p;

    project_new(&p);
    path = path_join(p.path, "later");
    facts_gather(&host, &p.user);
    cr_expect_eq((int)ask(&host, path).kind, FACT_ABSENT);
    make_dir(&p, "later", 0755);
    cr_expect_eq((int)ask(&host, path).kind, FACT_ABSENT);
    facts_add(&host, path);
    cr_expect_eq((int)host.facts.paths[0].kind, FACT_ABSENT);
    cr_expect_eq(host.asked_count, 1);
    cr_expect_eq(host.asked[0].id.mode, 0);
    cr_expect(file_id_is_known(&host.asked[0].id));
    project_drop(&p);
}

Test(facts, an_unread_file_is_a_failure_by_its_error)
{
    static const struct {
        int rc, want;
    } rows[] = {
        {0, 0},      {-ENOENT, 0}, {-EACCES, 0}, {-ELOOP, 0},        {-EINVAL, 0},
        {-EFBIG, 0}, {-ENXIO, 0},  {-EIO, -EIO}, {-EMFILE, -EMFILE}, {-ENOMEM, -ENOMEM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct host_facts host = {.failed = {.code = 0}};
        struct err err = {0};

        facts_unread(&host, rows[i].rc, "/some/file");
        cr_expect_eq(facts_check(&host, &err), rows[i].want, "%d", rows[i].rc);
        if (rows[i].want < 0)
            cr_expect_not_null(strstr(err.msg, "/some/file"), "%s", err.msg);
    }
}

Test(facts, the_first_failure_is_told)
{
    struct host_facts host = {.failed = {.code = 0}};
    struct err err = {0};

    facts_failed(&host, -EIO, "/first");
    facts_failed(&host, -EMFILE, "/second");
    cr_expect_eq(facts_check(&host, &err), -EIO);
    cr_expect_not_null(strstr(err.msg, "/first"), "%s", err.msg);
}
