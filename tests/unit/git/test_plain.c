/* Configurations of new repositories: those that run nothing, and the others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/git/plain.h"

static const struct {
    const char *text;
    bool plain;
} configs[] = {
    {"", true},
    {"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n", true},
    {"[CORE]\nBare=false", true},
    {"# a comment\n; another\n\n[core]\r\n\tbare = true\r\n", true},
    {"[remote \"origin\"]\n\turl = https://example.org/x.git\n\tfetch = +refs/*:refs/*\n", true},
    {"[remote \"origin\"]\n\turl = git@example.org:x.git\n", true},
    {"[remote \"origin\"]\n\turl = ../other\n", true},
    {"[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n", true},
    {"[submodule \"lib\"]\n\turl = https://example.org/lib\n\tactive = true\n", true},
    {"[user]\n\tname = A B\n", true},
    /* keys that run something or lead elsewhere */
    {"[core]\n\tfsmonitor = x\n", false},
    {"[core]\n\thooksPath = x\n", false},
    {"[core]\n\tsshCommand = x\n", false},
    {"[core]\n\tpager = x\n", false},
    {"[core]\n\teditor = x\n", false},
    {"[core]\n\tattributesFile = x\n", false},
    {"[core]\n\tworktree = ..\n", false},
    {"[include]\n\tpath = x\n", false},
    {"[includeIf \"gitdir:/\"]\n\tpath = x\n", false},
    {"[alias]\n\tst = !x\n", false},
    {"[filter \"x\"]\n\tclean = x\n", false},
    {"[diff]\n\texternal = x\n", false},
    {"[credential]\n\thelper = x\n", false},
    {"[extensions]\n\tworktreeConfig = true\n", false},
    {"[submodule \"x\"]\n\tupdate = !x\n", false},
    {"[remote \"x\"]\n\tuploadpack = x\n", false},
    {"[remote \"x\"]\n\tvcs = x\n", false},
    /* addresses */
    {"[remote \"x\"]\n\turl = ext::sh -c x\n", false},
    {"[remote \"x\"]\n\turl = fd::3\n", false},
    {"[remote \"x\"]\n\turl = -x\n", false},
    {"[remote \"x\"]\n\turl = ssh://-x/y\n", false},
    {"[remote \"x\"]\n\turl = x://y\n", false},
    {"[branch \"x\"]\n\tremote = ext::x\n", false},
    /* ways to write it */
    {"[core] fsmonitor = x\n", false},
    {"[core]\n\tbare = false ; x\n", true},
    {"[core]\n\tbare = \\\n\tfsmonitor = x\n", true},
    {"[core]\n\tbare = \"x\"\n", true},
    {"[core]\n\tbare = \"x\\\n\"\n\tfsmonitor = x\n", false},
    {"[core]\n\tbare = x \"\n\tfsmonitor = x\n", false},
    {"[branch \"a\\\"b\"]\n\tremote = origin\n", true},
    {"[remote \"x\"]\n\turl\n", false},
    {"[core]\fbare = x\n", false},
    {"[core \"x\"\\]\n", false},
    {"[core.x]\n\tbare = x\n", true},
    {"[core.x]\n\tfsmonitor = x\n", false},
    {"[core]\n\tbare\n", true},
    {"bare = false\n", false},
    {"\xef\xbb\xbf[core]\n", true},
    {"\xef\xbb\xbf[core]\nfsmonitor=x", false},
    {"[core\n", false},
    {"[]\n", false},
};

Test(git_plain, plain)
{
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
        cr_expect_eq(git_config_is_plain(configs[i].text, strlen(configs[i].text), NULL, 0),
                     configs[i].plain, "%s", configs[i].text);
}

Test(git_plain, zeros_are_refused)
{
    const char text[] = "[core]\n\0[core]\n\tfsmonitor = x\n";

    cr_expect_not(git_config_is_plain(text, sizeof(text) - 1, NULL, 0));
}

/* A name or value that is too long is not left out in silence. */
Test(git_plain, long_values)
{
    enum {
        BYTES = 8192
    };
    char text[BYTES + 64];

    snprintf(text, sizeof(text), "[user]\n\tname = %0*d\n", 4000, 0);
    cr_expect(git_config_is_plain(text, strlen(text), NULL, 0));
    snprintf(text, sizeof(text), "[user]\n\tname = %0*d\n", BYTES, 0);
    cr_expect_not(git_config_is_plain(text, strlen(text), NULL, 0));
    snprintf(text, sizeof(text), "[core \"%0*d\"]\n\tfsmonitor = x\n", BYTES, 0);
    cr_expect_not(git_config_is_plain(text, strlen(text), NULL, 0));
}

Test(git_plain, the_worktree_of_a_submodule)
{
    static const char text[] = "[core]\n\tworktree = ../../../lib\n";
    char worktree[32];

    cr_expect(git_config_is_plain(text, strlen(text), worktree, sizeof(worktree)));
    cr_expect_str_eq(worktree, "../../../lib");
    cr_expect_not(git_config_is_plain(text, strlen(text), worktree, 4));
    cr_expect(git_config_is_plain("", 0, worktree, sizeof(worktree)));
    cr_expect_str_eq(worktree, "");
}
