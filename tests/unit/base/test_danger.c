#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/danger.h"
#include "svenv/base/mem.h"

#define HOME "/home/u"

/* One letter per use, in the order of enum danger_use: Read, Write, Mount, mount rW, Device, named
 * File, named Directory, named to be written (X). A letter says that it is refused. */
static const char letters[] = "RWMwDFdX";

static const struct {
    const char *path;
    const char *refused;
} rows[] = {
    /* everything, by everybody */
    {"/", "RWMwDFdX"},
    {HOME, "RWMwDFdX"},
    {"/home", "RWMwDFdX"}, /* the home lies in it */
    {"/proc/1/environ", "RWMwDFdX"},
    {"/dev", "RWMwDFdX"},
    {"/dev/mem", "RWMwDFdX"},
    {"/dev/shm", "RWMwDFdX"},
    {"/run", "RWMwDFdX"},
    {"/run/docker.sock", "RWMwDFdX"},
    {"/var/run/docker.sock", "RWMwDFdX"},
    {"/srv/docker.sock", "RWMwDFdX"},
    {"/run/user/1000/bus", "RWMwDFdX"},
    {"/tmp", "RWMwDFdX"},
    {"/tmp/ssh-abc/agent.1", "RWMwDFdX"},
    {"/tmp/sandbox-venv-0123/tmp", "RWMwDFdX"},
    {HOME "/.gnupg", "RWMwDFdX"},
    /* devices by dev-bind */
    {"/dev/dri", "RWMwFdX"},
    {"/dev/dri/card0", "RWMwFdX"},
    /* a person may mean it, a command line does not */
    {"/etc", "FdX"},
    {"/etc/shadow", "FdX"},
    {"/sys/class", "FdX"},
    {"/boot/vmlinuz", "FdX"},
    {"/run/secret", "FdX"},
    {"/var/run/secret", "FdX"},
    {"/root", "d"},
    {"/var", "d"},
    {"/mnt", "d"},
    {"/srv", "d"},
    {"/srv/x", ""},
    {"/var/lib/x", ""},
    /* pipes of test runners, connection files of kernels */
    {"/run/user/1000/pipe", "RWd"},
    {"/run/user/1000/jupyter/kernel-1.json", "RWd"},
    {"/var/run/user/1000/pipe", "RWd"},
    /* what programs outside obey: to be read, not to be written */
    {HOME "/.ssh", "WwFdX"},
    {HOME "/.ssh/known_hosts", "WwFdX"},
    {HOME "/.gnupg/gpg.conf", "WwFdX"},
    {HOME "/.config", "WwdX"}, /* credentials lie below it */
    {HOME "/.config/git/config", "WwX"},
    {HOME "/.config/git/credentials", "WwFdX"},
    {HOME "/.config/autostart", "WwX"},
    {HOME "/.config/sandbox-venv/policy.yaml", "WwFdX"},
    {HOME "/.local", "WwdX"},
    {HOME "/.local/bin", "WwX"},
    {HOME "/.local/bin/tool", "WwX"},
    {HOME "/.local/state/sandbox-venv", "WwFdX"},
    {HOME "/bin/tool", "WwX"},
    {HOME "/.bashrc", "WwX"},
    {HOME "/.bash_history", "WwFdX"},
    {HOME "/.gitconfig", "WwX"},
    {"/var/tmp", "WwdX"},
    {"/data/.bashrc", ""},
    /* credentials, wherever they lie: for whom a person says so */
    {HOME "/.aws", "FdX"},
    {HOME "/.aws/credentials", "FdX"},
    {"/data/.aws/config", "FdX"},
    {"/data/.awsome", ""},
    {"/data/aws", ""},
    {HOME "/.netrc", "FdX"},
    {HOME "/.config/gcloud/token", "FdX"},
    {"/data/.config/gcloud", "FdX"},
    {"/data/.config", ""},
    {HOME "/.config/app", ""},
    {HOME "/.cargo", "d"},
    {HOME "/.cargo/credentials.toml", "FdX"},
    {HOME "/.cargo/registry", ""},
    {HOME "/.cache", "d"},
    {HOME "/.cache/huggingface/token", "FdX"},
    {HOME "/.cache/pip", ""},
    /* ordinary */
    {HOME "/documents", ""},
    {HOME "/documents/report.csv", ""},
    {"/opt/models", ""},
    {"/home/other", ""},
    {"/tmp/mine", ""},
    {"/homework", ""},
};

Test(danger, rows)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char refused[sizeof(letters)] = "";
        size_t count = 0;

        for (unsigned use = 0; letters[use]; use++) {
            if (danger_reason(rows[i].path, HOME, 1u << use))
                refused[count++] = letters[use];
        }
        cr_expect_str_eq(refused, rows[i].refused, "%s: refused for '%s'", rows[i].path, refused);
    }
}

/* A start asks for all uses of one path together: each of them can speak against it. */
Test(danger, uses_together)
{
    const unsigned dir = DANGER_NAMED | DANGER_NAMED_DIR;

    cr_expect_null(danger_reason(HOME "/.bashrc", HOME, DANGER_NAMED));
    cr_expect_not_null(danger_reason(HOME "/.bashrc", HOME, DANGER_NAMED | DANGER_NAMED_RW));
    cr_expect_null(danger_reason("/run/user/1000/pipe", HOME, DANGER_NAMED | DANGER_NAMED_RW));
    cr_expect_not_null(danger_reason("/run/user/1000/d", HOME, dir));
    cr_expect_not_null(danger_reason("/srv", HOME, dir));
    cr_expect_null(danger_reason("/srv/x", HOME, dir | DANGER_NAMED_RW));
}

/* A path that a person cannot grant is not granted by naming it. Pipes of editors in /run/user are
 * the exception that the table states. */
Test(danger, naming_is_no_way_round_a_refused_grant)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *path = rows[i].path;
        unsigned named = DANGER_NAMED | DANGER_NAMED_DIR;

        if (danger_reason(path, HOME, DANGER_READ))
            cr_expect_not_null(danger_reason(path, HOME, named), "%s", path);
        if (danger_reason(path, HOME, DANGER_WRITE))
            cr_expect_not_null(danger_reason(path, HOME, named | DANGER_NAMED_RW), "%s", path);
    }
}

Test(danger, homes_elsewhere)
{
    cr_expect_not_null(danger_reason("/var/home/user", "/var/home/user", DANGER_READ));
    cr_expect_not_null(danger_reason("/var", "/var/home/user", DANGER_MOUNT));
    cr_expect_null(danger_reason("/var/home/user/x", "/var/home/user", DANGER_WRITE));
    cr_expect_null(danger_reason("/home/use", "/home/user", DANGER_WRITE));
    cr_expect_not_null(danger_reason("/", "/", DANGER_READ));
    cr_expect_null(danger_reason("/srv", "/", DANGER_WRITE));
    cr_expect_not_null(danger_reason("/.config", "/", DANGER_NAMED_DIR));
}

/* The reason for refusing a path differs with the use that somebody wants of it. */
Test(danger, reasons)
{
    static const struct {
        const char *path;
        unsigned use;
        const char *says;
    } says[] = {
        {"/run/user/1000/bus", DANGER_READ, "take orders"},
        {"/run/user/1000/x", DANGER_READ, "filesystem.mounts"},
        {HOME "/.ssh", DANGER_WRITE, "run or obey"},
        {HOME "/.ssh", DANGER_NAMED, "credentials"},
        {"/dev/dri", DANGER_MOUNT, "dev-bind"},
        {"/home", DANGER_READ, "your home lies in it"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
        const char *why = danger_reason(says[i].path, HOME, says[i].use);

        cr_expect(why && strstr(why, says[i].says), "%s: %s", says[i].path, why ? why : "nothing");
    }
}
