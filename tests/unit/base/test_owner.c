/* The users who may have written files that decide about a sandbox: each rule with each owner and
 * mode. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/owner.h"

enum who {
    WHO_SELF,
    WHO_ROOT,
    WHO_OTHER
};

static const struct {
    enum who who;
    mode_t mode;
    const char *wrong[OWNER_RULE__COUNT]; /* NULL: fine. By rule: self, policy, its directory */
} rows[] = {
#define FINE                                                                                       \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
#define WRITABLE                                                                                   \
    {                                                                                              \
        "other users", "other users", "other users"                                                \
    }
#define FOREIGN                                                                                    \
    {                                                                                              \
        "another user", "another user", "another user"                                             \
    }
    {WHO_SELF, S_IFREG | 0600, FINE},
    {WHO_SELF, S_IFREG | 0644, FINE},
    {WHO_SELF, S_IFREG | 0755, FINE},
    {WHO_SELF, S_IFREG | 0620, WRITABLE},
    {WHO_SELF, S_IFREG | 0602, WRITABLE},
    {WHO_SELF, S_IFREG | 0666, WRITABLE},
    {WHO_SELF, S_IFREG | S_ISVTX | 0666, WRITABLE},
    {WHO_SELF, S_IFDIR | 0700, FINE},
    {WHO_SELF, S_IFDIR | 0770, WRITABLE},
    {WHO_SELF, S_IFDIR | 0707, WRITABLE},
    {WHO_SELF, S_IFDIR | S_ISVTX | 0777, {"other users", "other users", NULL}},
    {WHO_ROOT, S_IFREG | 0644, {"another user", NULL, NULL}},
    {WHO_ROOT, S_IFREG | 0664, {"another user", "other users", "other users"}},
    {WHO_ROOT, S_IFDIR | 0755, {"another user", NULL, NULL}},
    {WHO_ROOT, S_IFDIR | 0775, {"another user", "other users", "other users"}},
    {WHO_ROOT, S_IFDIR | S_ISVTX | 0777, {"another user", "other users", NULL}},
    {WHO_OTHER, S_IFREG | 0600, FOREIGN},
    {WHO_OTHER, S_IFDIR | 0700, FOREIGN},
    {WHO_OTHER, S_IFDIR | S_ISVTX | 0777, FOREIGN},
};

Test(owner, rules)
{
    const uid_t uids[] = {[WHO_SELF] = geteuid(), [WHO_ROOT] = 0, [WHO_OTHER] = geteuid() + 12345};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stat st = {.st_uid = uids[rows[i].who], .st_mode = rows[i].mode};

        for (int rule = 0; rule < OWNER_RULE__COUNT; rule++) {
            const char *wrong = rows[i].wrong[rule];
            struct err err = {0};
            int rc = owner_check(&st, (enum owner_rule)rule, "/p", &err);

            /* To root, root's file is its own: the row before says what holds then. */
            if (rows[i].who == WHO_ROOT && geteuid() == 0 && rule == OWNER_SELF)
                continue;
            cr_expect_eq(rc, wrong ? -EPERM : 0, "row %zu, rule %d: %s", i, rule, err.msg);
            cr_expect(!wrong || (strstr(err.msg, wrong) && strstr(err.msg, "'/p'")),
                      "row %zu, rule %d: %s", i, rule, err.msg);
        }
    }
    cr_expect(owner_is_self(&(struct stat){.st_uid = geteuid()}));
    cr_expect_not(owner_is_self(&(struct stat){.st_uid = geteuid() + 1}));
}
