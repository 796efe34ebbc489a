/* Decides what git takes for a repository, by the names in a directory. */
#include "svenv/base/repository.h"

#include <sys/stat.h>

#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

/* git's is_git_directory() asks for exactly these. */
static const struct {
    const char *name;
    unsigned mark;
} repository_marks[] = {
    {REPOSITORY_HEAD_NAME, REPOSITORY_HEAD}, /* first: most directories have none */
    {"objects", REPOSITORY_OBJECTS},
    {"refs", REPOSITORY_REFS},
    {"commondir", REPOSITORY_COMMONDIR},
};

static const char *const repository_parts[] = {
    REPOSITORY_HEAD_NAME,
    "objects",
    "refs",
    "commondir",       /* leads to all the others */
    "config",          /* names programs */
    "config.worktree", /* the same, where config allows it */
    "hooks",           /* programs */
    "info",            /* attributes, which choose among the programs */
    "worktrees",       /* the parts of linked worktrees, each with a commondir */
    "modules",         /* the repositories of submodules */
};

unsigned repository_mark(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(repository_marks); i++) {
        if (*name == *repository_marks[i].name && str_eq(name, repository_marks[i].name))
            return repository_marks[i].mark;
    }
    return 0;
}

/* git wants a HEAD, and objects and refs, both here or both in the directory that commondir names;
 * the variable GIT_OBJECT_DIRECTORY stands for objects. So any second name counts here. The kind of
 * the names does not matter: links count, and so do files that may be executed. */
bool repository_is(unsigned marks)
{
    return (marks & REPOSITORY_HEAD) != 0 && (marks & ~(unsigned)REPOSITORY_HEAD) != 0;
}

int repository_at(int dir)
{
    unsigned marks = 0;

    for (size_t i = 0; i < ARRAY_SIZE(repository_marks); i++) {
        struct stat st;
        int rc = look_at(dir, repository_marks[i].name, false, &st);

        if (rc < 0)
            return rc;
        marks |= rc > 0 ? repository_marks[i].mark : 0;
        if (marks == 0)
            break;
    }
    return repository_is(marks);
}

const char *repository_part(size_t index)
{
    return index < ARRAY_SIZE(repository_parts) ? repository_parts[index] : NULL;
}
