/* Compares our answer, whether a directory is a repository, with that of this machine's git: git
 * may say no where we say yes, never the other way round. */
#include "scratch.h"

#include "../child.h"
#include "svenv/base/mem.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"

#define REF "ref: refs/heads/x\n"
#define ID "0123456789012345678901234567890123456789\n"

enum {
    MADE_MAX = 6,
    NO_GIT = 77
};

/* The answer of git to a row. */
enum verdict {
    REPOSITORY,
    OTHER,
    BY_VERSION /* a git that is old or new enough says otherwise */
};

/* Made in the directory "dir", beside which "other" has objects and refs: "d NAME", "f NAME TEXT",
 * "x NAME" (an executable file), "l NAME TARGET"; "v NAME=VALUE" is a variable of git's. */
struct row {
    const char *what;
    enum verdict git;
    const char *why; /* git says no and we say yes: because of this; NULL: we agree */
    const char *made[MADE_MAX];
};

static const struct row rows[] = {
    {"a bare repository", REPOSITORY, NULL, {"f HEAD " REF, "d objects", "d refs"}},
    {"a commit in HEAD", REPOSITORY, NULL, {"f HEAD " ID, "d objects", "d refs"}},
    {"HEAD is a link, which leads nowhere",
     REPOSITORY,
     NULL,
     {"l HEAD refs/heads/x", "d objects", "d refs"}},
    {"objects and refs are links",
     REPOSITORY,
     NULL,
     {"f HEAD " REF, "l objects ../other/objects", "l refs ../other/refs"}},
    {"objects and refs are files", REPOSITORY, NULL, {"f HEAD " REF, "x objects", "x refs"}},
    {"a worktree's part",
     REPOSITORY,
     NULL,
     {"f HEAD " REF, "f commondir ../other\n", "f gitdir /nowhere/.git\n"}},
    {"commondir leads back",
     REPOSITORY,
     NULL,
     {"f HEAD " REF, "f commondir .", "d objects", "d refs"}},
    {"commondir is a link to a file",
     REPOSITORY,
     NULL,
     {"f HEAD " REF, "l commondir path", "f path ../other"}},
    {"objects by a variable",
     REPOSITORY,
     NULL,
     {"f HEAD " REF, "d refs", "v GIT_OBJECT_DIRECTORY=/tmp"}},
    {"tables of references",
     BY_VERSION,
     "git knows reftable from 2.45 on",
     {"f HEAD ref: refs/heads/.invalid\n", "d objects", "d refs", "d reftable",
      "f config [core]\n\trepositoryformatversion = 1\n[extensions]\n\trefstorage = reftable\n"}},
    {"a format of the future",
     BY_VERSION,
     "the configuration is not read",
     {"f HEAD " REF, "d objects", "d refs", "f config [core]\n\trepositoryformatversion = 99\n"}},
    {"no objects", OTHER, "a variable can stand for them", {"f HEAD " REF, "d refs"}},
    {"no refs", OTHER, "a git to come may do without", {"f HEAD " REF, "d objects"}},
    {"objects and refs that cannot be passed",
     OTHER,
     "a program can change the mode",
     {"f HEAD " REF, "f objects x", "f refs x"}},
    {"nothing known in HEAD",
     OTHER,
     "a program can change the text",
     {"f HEAD <html>\n", "d objects", "d refs"}},
    {"HEAD is a directory",
     OTHER,
     "of which kind a name is may change",
     {"d HEAD", "d objects", "d refs"}},
    {"HEAD leads elsewhere",
     OTHER,
     "where a link leads may change",
     {"l HEAD /nowhere", "d objects", "d refs"}},
    {"commondir leads nowhere",
     OTHER,
     "where it leads may change",
     {"f HEAD " REF, "f commondir ../nowhere"}},
    {"nothing", OTHER, NULL, {NULL}},
    {"HEAD alone", OTHER, NULL, {"f HEAD " REF, "f config [core]\n"}},
    {"no HEAD", OTHER, NULL, {"d objects", "d refs", "f commondir .", "f config [core]\n"}},
    {"other letters", OTHER, NULL, {"f head " REF, "d Objects", "d REFS"}},
};

static bool is_ours(const struct row *row)
{
    return row->git == REPOSITORY || row->why != NULL;
}

static void make(int dir, const char *what)
{
    char name[32];
    const char *rest = what + 2 + strcspn(what + 2, " ");

    snprintf(name, sizeof(name), "%.*s", (int)(rest - what - 2), what + 2);
    rest += *rest == ' ';
    if (*what == 'v')
        return;
    if (*what == 'd') {
        cr_assert_eq(mkdirat(dir, name, 0755), 0, "%s", what);
    } else if (*what == 'l') {
        cr_assert_eq(symlinkat(rest, dir, name), 0, "%s", what);
    } else {
        int fd =
            openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, *what == 'x' ? 0755 : 0644);

        cr_assert(fd >= 0, "%s", what);
        cr_assert_eq(fd_write_all(fd, rest, strlen(rest)), 0);
        close(fd);
    }
}

/* Return: the directory's descriptor. */
static int make_dir(const struct scratch *s, const char *const *made, size_t count)
{
    int dir = -1;

    (void)tree_remove(s->fd, "dir");
    cr_assert_eq(mkdirat(s->fd, "dir", 0755), 0);
    dir = openat(s->fd, "dir", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(dir >= 0);
    for (size_t i = 0; i < count && made[i] != NULL; i++)
        make(dir, made[i]);
    return dir;
}

static struct scratch scratch_with_other(void)
{
    struct scratch s = scratch_new();

    cr_assert_eq(mkdirat(s.fd, "other", 0755), 0);
    cr_assert_eq(mkdirat(s.fd, "other/objects", 0755), 0);
    cr_assert_eq(mkdirat(s.fd, "other/refs", 0755), 0);
    return s;
}

static const char *variable_of(const struct row *row)
{
    for (size_t i = 0; i < MADE_MAX && row->made[i] != NULL; i++) {
        if (*row->made[i] == 'v')
            return row->made[i] + 2;
    }
    return NULL;
}

struct question {
    const char *scratch;
    const char *variable;
};

static int run_git(void *arg)
{
    const struct question *question = arg;
    auto_free char *dir = xasprintf("%s/dir", question->scratch);
    auto_free char *home = xasprintf("HOME=%s", question->scratch);
    auto_free char *ceiling = xasprintf("GIT_CEILING_DIRECTORIES=%s", question->scratch);
    const char *const argv[] = {"git", "-C", dir, "rev-parse", "--git-dir", NULL};
    const char *const envp[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                home,
                                ceiling,
                                "GIT_CONFIG_NOSYSTEM=1",
                                question->variable,
                                NULL};
    int null = open("/dev/null", O_RDWR);

    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execvpe("git", (char **)(uintptr_t)argv, (char **)(uintptr_t)envp);
    return NO_GIT;
}

/* Return: 1: git takes "dir" for a repository, 0: it does not, -1: there is no git. */
static int ask_git(const struct scratch *s, const char *variable)
{
    struct question question = {.scratch = s->path, .variable = variable};
    int status = in_child(run_git, &question);

    cr_assert(status == 0 || status == 128 || status == NO_GIT, "git: status %d", status);
    return status == NO_GIT ? -1 : status == 0;
}

/* Without git the rows are compared only with the answers that they name. */
static void skip_without_git(struct scratch *s, bool asked)
{
    scratch_drop(s);
    if (!asked) {
        cr_assert(getenv("SVENV_MUST_WORK") == NULL, "there is no git to compare with");
        cr_skip_test("there is no git to compare with");
    }
}

Test(repository, each_form_by_itself_and_by_git)
{
    struct scratch s = scratch_with_other();
    bool asked = true;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        int dir = make_dir(&s, row->made, MADE_MAX);
        int git = ask_git(&s, variable_of(row));

        cr_expect_eq(repository_at(dir), is_ours(row), "%s", row->what);
        cr_expect(git <= repository_at(dir), "git sees one, and we do not: %s", row->what);
        if (git >= 0 && row->git != BY_VERSION)
            cr_expect_eq(git, row->git == REPOSITORY, "git says %d: %s", git, row->what);
        asked = asked && git >= 0;
        close(dir);
    }
    skip_without_git(&s, asked);
}

/* The kinds of files that the four names can have. */
enum {
    NAMES = 4,
    KINDS = 4
};
static const char *const kinds[NAMES][KINDS] = {
    {NULL, "f HEAD " REF, "l HEAD refs/x", "f HEAD " ID},
    {NULL, "d objects", "x objects", "l objects ../other/objects"},
    {NULL, "d refs", "x refs", "l refs ../other/refs"},
    {NULL, "f commondir .", "f commondir ../other", "l commondir HEAD"},
};

Test(repository, git_never_sees_one_that_we_do_not)
{
    struct scratch s = scratch_with_other();
    unsigned seen = 0;
    int git = 0;

    for (unsigned i = 0; git >= 0 && i < 1u << (2 * NAMES); i++) {
        const char *made[NAMES] = {NULL};
        size_t used = 0;
        int dir = -1;

        for (unsigned name = 0; name < NAMES; name++) {
            const char *choice = kinds[name][(i >> (2 * name)) % KINDS];

            if (choice != NULL)
                made[used++] = choice;
        }
        dir = make_dir(&s, made, used);
        git = ask_git(&s, NULL);
        seen += git > 0;
        cr_expect(git <= repository_at(dir), "not seen: %s, %s, %s, %s", made[0], made[1], made[2],
                  made[3]);
        close(dir);
    }
    cr_expect(git < 0 || seen > 0, "git saw none at all");
    skip_without_git(&s, git >= 0);
}

Test(repository, marks)
{
    const unsigned others = REPOSITORY_OBJECTS | REPOSITORY_REFS | REPOSITORY_COMMONDIR;

    cr_expect_eq(repository_mark(REPOSITORY_HEAD_NAME), REPOSITORY_HEAD);
    cr_expect_eq(repository_mark("HEA"), 0);
    cr_expect_eq(repository_mark("HEADS"), 0);
    cr_expect_eq(repository_mark(""), 0);
    for (unsigned marks = 0; marks <= (others | REPOSITORY_HEAD); marks++)
        cr_expect_eq(repository_is(marks), (marks & REPOSITORY_HEAD) && (marks & others), "%u",
                     marks);
}

/* Every name that git asks for is one that it obeys. */
Test(repository, parts)
{
    unsigned marks = 0;
    size_t count = 0;

    for (; repository_part(count) != NULL; count++)
        marks |= repository_mark(repository_part(count));
    cr_expect_eq(marks,
                 REPOSITORY_HEAD | REPOSITORY_OBJECTS | REPOSITORY_REFS | REPOSITORY_COMMONDIR);
    cr_expect_null(repository_part(count + 1));
}

Test(repository, a_failed_look_is_no_answer)
{
    cr_expect_lt(repository_at(-1), 0);
}
