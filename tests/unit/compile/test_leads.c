/* Tests what protected things of a project lead to: links, git's configuration, other names. */
#include <criterion/criterion.h>
#include <errno.h>

#include "../base/scratch.h"
#include "facts-internal.h"

#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"

#define POLICY                                                                                     \
    "version: 1\nfilesystem: {protect: [.git, .envrc, .vscode], hide: [.secret],"                  \
    " unguarded: [open]}\n"
#define CONFIG ".git/config="

struct led {
    struct scratch s;
    char project[96], own[96];
    struct policy policy;
    struct user user;
    struct host_facts host;
};

static void led_new(struct led *p)
{
    const struct policy_sources sources = {0};
    struct err err = {0};

    memset(p, 0, sizeof(*p));
    p->s = scratch_new();
    snprintf(p->project, sizeof(p->project), "%s/p", p->s.path);
    snprintf(p->own, sizeof(p->own), "%s/p/.venv", p->s.path);
    cr_assert_eq(mkdirat(p->s.fd, "p", 0755), 0);
    cr_assert_eq(mkdirat(p->s.fd, "p/.venv", 0755), 0);
    cr_assert_eq(mkdirat(p->s.fd, "p/.venv/" VENV_SANDBOX, 0755), 0);
    policy_init(&p->policy);
    cr_assert_eq(policy_load(&p->policy, &sources, &err), 0, "%s", err.msg);
    cr_assert_eq(policy_override_text(&p->policy, "test", POLICY, strlen(POLICY), &err), 0, "%s",
                 err.msg);
    p->user = (struct user){.home = p->s.path, .home_real = p->s.path};
}

static void led_drop(struct led *p)
{
    facts_finish(&p->host);
    policy_finish(&p->policy);
    scratch_drop(&p->s);
}

/* "@" in a text stands for the scratch directory. */
static char *led_text(const struct led *p, const char *text)
{
    struct buf out = {0};

    buf_add_str(&out, "");
    for (; *text; text++) {
        if (*text == '@')
            buf_add_str(&out, p->s.path);
        else
            buf_add_char(&out, *text);
    }
    return out.data;
}

/* "dir/" is a directory, "name->target" a link, "name=>other" another name, "name=text" a file.
 */
static void led_put(const struct led *p, const char *what)
{
    auto_free char *path = xstrdup(what);
    char *text = path + strcspn(path, "=");
    char *arrow = strstr(path, "->");
    char *twin = strstr(path, "=>");

    if (arrow != NULL && arrow < text)
        text = arrow;
    char kept = *text;
    *text = '\0';
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdirat(p->s.fd, path, 0755) == 0 || errno == EEXIST, "%s", path);
        *slash = '/';
    }
    if (str_ends(path, "/"))
        return;
    if (text == arrow) {
        cr_assert_eq(symlinkat(arrow + 2, p->s.fd, path), 0, "%s", what);
    } else if (text == twin) {
        cr_assert_eq(linkat(p->s.fd, twin + 2, p->s.fd, path, 0), 0, "%s", what);
    } else {
        auto_free char *bytes = led_text(p, kept ? text + 1 : "");

        scratch_write(&p->s, path, bytes);
    }
}

static void led_look(struct led *p)
{
    const struct venv venv = {.path = p->own, .project = p->project};
    struct err err = {0};

    facts_finish(&p->host);
    facts_gather(&p->host, &p->user);
    facts_survey(&p->host, &p->policy, &venv);
    cr_assert_eq(facts_check(&p->host, &err), 0, "%s", err.msg);
}

static bool led_closed(const struct led *p)
{
    for (size_t i = 0; i < p->host.facts.tree_count; i++) {
        if (p->host.facts.trees[i].kind == FACT_CLOSED)
            return true;
    }
    return false;
}

/* "path (why);" of each, in the order in which they were found. */
static char *led_list(const struct led *p)
{
    struct buf out = {0};

    buf_add_str(&out, "");
    for (size_t i = 0; i < p->host.facts.lead_count; i++) {
        const struct fact_lead *lead = &p->host.facts.leads[i];

        buf_printf(&out, "%s (%s);", path_relative_to(lead->path, p->project), lead->why);
    }
    return out.data;
}

#define REPOSITORY "p/.git/HEAD=ref: refs/heads/main\n", "p/.git/objects/", "p/.git/refs/"

/* "@" as in led_text(). */
static const struct {
    const char *what;
    const char *made[10];
    const char *want;
} rows[] = {
    {"nothing", {REPOSITORY, "p/.git/config=[core]\nbare = false\n"}, ""},
    {"hooks elsewhere",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = .hooks\n", "p/.hooks/pre-commit"},
     ".hooks (named by .git/config);"},
    {"hooks that are not there yet",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = a/.hooks\n"},
     "a/.hooks (named by .git/config);"},
    {"an absolute path",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = @/p/h\n", "p/h/"},
     "h (named by .git/config);"},
    {"a path outside", {REPOSITORY, "p/.git/config=[core]\nhooksPath = ~/h\n", "h/"}, ""},
    {"hooks through a chain of links, and links in them",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = one\n", "p/one->d/two", "p/d/two->../real",
      "p/real/pre-push->../x/y.sh", "p/x/y.sh"},
     "one (named by .git/config);d/two (named by .git/config);real (named by .git/config);"
     "x/y.sh (linked from real/pre-push);"},
    {"the hooks are a link",
     {REPOSITORY, "p/.git/hooks->../h", "p/h/pre-push->../y", "p/y"},
     "h (linked from .git/hooks);y (linked from h/pre-push);"},
    {"a hook is a link",
     {REPOSITORY, "p/.git/hooks/pre-push->../../y", "p/y"},
     "y (linked from .git/hooks/pre-push);"},
    {"a hook is a link to nothing",
     {REPOSITORY, "p/.git/hooks/pre-push->../../y"},
     "y (linked from .git/hooks/pre-push);"},
    {"the configuration is a link",
     {REPOSITORY, "p/.git/config->../c", "p/c"},
     "c (linked from .git/config);"},
    {"includes, from the file's own directory",
     {REPOSITORY, "p/.git/config=[include]\npath = ../s/a\n[includeIf \"x\"]\npath=../s/n\n",
      "p/s/a=[include]\npath = b\n", "p/s/b=[core]\nhooksPath = h\n"},
     "s/a (named by .git/config);s/b (named by s/a);s/n (named by .git/config);"
     "h (named by s/b);"},
    {"an include of itself", {REPOSITORY, "p/.git/config=[include]\npath = config\n"}, ""},
    {"data files",
     {REPOSITORY,
      "p/.git/config=[core]\nattributesFile = at\nexcludesFile = ex\n"
      "[init]\ntemplateDir = t\n",
      "p/at", "p/t/hooks/x->../../z"},
     "at (named by .git/config);ex (named by .git/config);t (named by .git/config);"
     "z (linked from t/hooks/x);"},
    {"commands",
     {REPOSITORY,
      "p/.git/config=[core]\nfsmonitor = ./fs\npager = less\n[filter \"f\"]\n"
      "clean = sh t/c.sh %f\n[alias]\nst = status\nx = !sh t/x.sh\n",
      "p/t/x.sh"},
     "fs (named by .git/config);t/c.sh (named by .git/config);t/x.sh (named by .git/config);"},
    {"a directory in a command stays writable",
     {REPOSITORY, "p/.git/config=[alias]\ng = !grep -r x src/ ./src/x.d\n", "p/src/x.d/"},
     ""},
    {"a key of tomorrow",
     {REPOSITORY, "p/.git/config=[new]\ncmd = sh t/x\nother = t/none.sh\n", "p/t/x"},
     "t/x (named by .git/config);"},
    {"hooks at the top",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = .\n", "p/.git/hooks/"},
     "applypatch-msg (named by .git/config);"},
    {"a configuration of worktrees",
     {REPOSITORY, "p/.git/config.worktree=[core]\nhooksPath = h\n"},
     "h (named by .git/config.worktree);"},
    {"a linked worktree has its own top",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = h\n", "p/.git/worktrees/w/gitdir=@/p/w/.git\n",
      "p/w/.git=gitdir: @/p/.git/worktrees/w\n", "p/.git/worktrees/w/commondir=../..\n",
      "p/.git/worktrees/w/HEAD=x"},
     "h (named by .git/config);w/h (named by .git/config);"},
    {"a submodule",
     {REPOSITORY, "p/.git/modules/a/b/HEAD=x", "p/.git/modules/a/b/objects/",
      "p/.git/modules/a/b/config=[core]\nworktree = ../../../../s\nhooksPath = h\n"},
     "s/h (named by .git/modules/a/b/config);"},
    {"a separate directory, and what it has in common",
     {"p/.git=gitdir: ../sep\n", "sep/HEAD=x", "sep/commondir=../p/shared\n",
      "p/shared/config=[core]\nhooksPath = h\n"},
     "shared (named by @/sep/commondir);h (named by shared/config);"},
    {"a repository above",
     {".git/HEAD=x", ".git/config=[core]\nhooksPath = p/h\n", ".git/hooks/x->../../p/y"},
     "y (linked from @/.git/hooks/x);h (named by @/.git/config);"},
    {"the user's configuration counts for each repository",
     {REPOSITORY, ".gitconfig=[core]\nhooksPath = h\n", "p/sub/.git/HEAD=x"},
     "h (named by @/.gitconfig);sub/h (named by @/.gitconfig);"},
    {"the user's configuration lies in the project",
     {".gitconfig->p/dot/gitconfig", "p/dot/gitconfig=[include]\npath = more\n", "p/dot/more"},
     "dot/gitconfig (linked from @/.gitconfig);dot/more (named by @/.gitconfig);"},
    {"links in protected directories",
     {"p/.vscode/settings.json->../one", "p/one->x/two", "p/x/two", "p/a/.vscode/d->../b",
      "p/a/b/"},
     "one (linked from .vscode/settings.json);x/two (linked from .vscode/settings.json);"
     "a/b (linked from a/.vscode/d);"},
    {"a link in a circle",
     {"p/.vscode/a->b", "p/.vscode/b->a", "p/.vscode/c->../c", "p/c->c"},
     "c (linked from .vscode/c);"},
    {"a protected name that is a link",
     {"p/a/.envrc->../one", "p/one->two", "p/two"},
     "one (linked from a/.envrc);two (linked from a/.envrc);"},
    {"objects are data", {REPOSITORY, "p/.git/objects/a->../../x", "p/x"}, ""},
    {"alternates",
     {REPOSITORY, "p/.git/objects/info/alternates=# x\n../../o\n", "p/o/"},
     "o (named by .git/objects/info/alternates);"},
    {"other names",
     {"p/.envrc=x", "p/a/b=>p/.envrc", "p/.vscode/x=y", "p/c=>p/.vscode/x", "p/.secret=z",
      "p/d=>p/.secret", "p/single"},
     "c (the same file as .vscode/x);d (the same file as .secret);"
     "a/b (the same file as .envrc);"},
    {"a person answers for it",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = open/h\n", "p/open/h/"},
     ""},
    {"the own venv has mounts of its own",
     {REPOSITORY, "p/.git/config=[core]\nhooksPath = .venv/h\n"},
     ""},
};

Test(leads, each_way)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *have = NULL;
        auto_free char *want = NULL;
        struct led p;

        led_new(&p);
        for (size_t j = 0; rows[i].made[j] != NULL; j++)
            led_put(&p, rows[i].made[j]);
        led_look(&p);
        have = led_list(&p);
        want = led_text(&p, rows[i].want);
        if (str_eq(rows[i].what, "hooks at the top"))
            cr_expect(str_starts(have, want), "%s: %s", rows[i].what, have);
        else
            cr_expect_str_eq(have, want, "%s: %s", rows[i].what, have);
        cr_expect_not(led_closed(&p), "%s", rows[i].what);
        led_drop(&p);
    }
}

/* A configuration that nobody reads to its end may name anything. */
Test(leads, beyond_a_limit_the_project_is_closed)
{
    auto_buf struct buf text = {0};
    struct led p;

    led_new(&p);
    led_put(&p, "p/.git/HEAD=x");
    buf_add_str(&text, "p/.git/config=");
    for (int i = 0; i < (1 << 20); i++)
        buf_add_char(&text, '#');
    buf_add_str(&text, "\n[core]\nhooksPath = h\n");
    led_put(&p, text.data);
    led_look(&p);
    cr_expect(led_closed(&p));
    led_drop(&p);
}
