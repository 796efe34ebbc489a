/* The made /etc: which files it holds, and those that are written for it. */
#include "svenv/compile/etc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/etc_names.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/sha256.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#include "etc-internal.h"

#define BUDGET_BYTES ((size_t)32 << 20)
#define BUDGET_NAMES 8192
#define NOBODY 65534
#define MACHINE_ID_DIGITS 32 /* machine-id(5) */

static const char nsswitch[] = "passwd: files\n"
                               "group: files\n"
                               "shadow: files\n"
                               "hosts: files dns\n"
                               "networks: files\n"
                               "protocols: files\n"
                               "services: files\n"
                               "ethers: files\n"
                               "rpc: files\n";

static const char plain_hosts[] = "127.0.0.1\tlocalhost\n"
                                  "::1\tlocalhost ip6-localhost ip6-loopback\n";

/* A field of passwd or group must not end the field or the line. */
static const char *field(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' && strpbrk(text, ":\n\r") == NULL ? text : otherwise;
}

static int etc_put_text(struct etc *etc, const char *name, const char *text)
{
    return etc_put_file(etc, etc->dir, name, text, strlen(text), NULL);
}

static int put_passwd(struct etc *etc, const struct etc_identity *identity)
{
    auto_buf struct buf text = {0};
    const char *home = field(identity->home, "/");
    const char *shell = field(identity->shell, "/bin/sh");

    if (identity->uid == 0)
        buf_printf(&text, "root:x:0:0:root:%s:%s\n", home, shell);
    else
        buf_printf(&text,
                   "root:x:0:0:root:/root:/usr/sbin/nologin\n"
                   "%s:x:%" PRIu32 ":%" PRIu32 "::%s:%s\n",
                   field(identity->user, "user"), identity->uid, identity->gid, home, shell);
    if (identity->uid != NOBODY)
        buf_printf(&text, "nobody:x:%d:%d:nobody:/nonexistent:/usr/sbin/nologin\n", NOBODY, NOBODY);
    return etc_put_text(etc, "passwd", text.data);
}

/* Is this line of a group file ("name:x:1000:...") the one of `gid`? */
static bool is_group_line(char *line, uint32_t gid)
{
    char *colon = strchr(line, ':');
    char *number = colon != NULL ? strchr(colon + 1, ':') : NULL;
    uint64_t value = 0;

    if (number == NULL)
        return false;
    *colon = '\0';
    number++;
    number[strcspn(number, ":")] = '\0';
    return num_parse_u64(number, UINT32_MAX, &value) == 0 && value == gid;
}

/* The name of the group in the host's /etc/group; no name service is asked. *out stays as it is
 * when the group is not there. Return: 0 or negative errno. */
static int group_name(uint32_t gid, char **out)
{
    auto_buf struct buf text = {0};
    char *line = NULL;
    int rc = file_read(AT_FDCWD, "/etc/group", GROUP_BYTES_MAX, &text, NULL);

    if (rc < 0)
        return look_is_answer(rc) || rc == -EINVAL || rc == -EFBIG ? 0 : rc;
    line = text.data;
    while (line != NULL && *line != '\0') {
        char *end = strchr(line, '\n');

        if (end != NULL)
            *end = '\0';
        if (is_group_line(line, gid)) {
            *out = xstrdup(line);
            return 0;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

static int put_group(struct etc *etc, const struct etc_identity *identity)
{
    auto_free char *name = NULL;
    auto_buf struct buf text = {0};
    int rc = group_name(identity->gid, &name);

    if (rc < 0)
        return rc;

    buf_add_str(&text, "root:x:0:\n");
    if (identity->gid != 0)
        buf_printf(&text, "%s:x:%" PRIu32 ":\n", field(name, field(identity->user, "user")),
                   identity->gid);
    if (identity->gid != NOBODY)
        buf_printf(&text, "nogroup:x:%d:\n", NOBODY);
    return etc_put_text(etc, "group", text.data);
}

/* Stable for the venv, another for each; nobody can compute the id from it, which names the private
 * directories. */
static int put_machine_id(struct etc *etc, const char *id)
{
    auto_free char *of = xasprintf("machine-id %s", id);
    auto_free char *text = NULL;
    char hash[SHA256_HEX_SIZE];

    sha256_hex(of, strlen(of), hash);
    text = xasprintf("%.*s\n", MACHINE_ID_DIGITS, hash);
    return etc_put_text(etc, "machine-id", text);
}

static int put_hostname(struct etc *etc)
{
    auto_buf struct buf text = {0};
    struct utsname names;

    if (uname(&names) < 0)
        return -errno;
    buf_printf(&text, "%s\n", names.nodename);
    return etc_put_text(etc, "hostname", text.data);
}

static int put_made(struct etc *etc, const char *id, const struct etc_identity *identity)
{
    int rc = put_passwd(etc, identity);

    if (rc == 0)
        rc = put_group(etc, identity);
    if (rc == 0)
        rc = put_machine_id(etc, id);
    if (rc == 0)
        rc = put_hostname(etc);
    if (rc == 0)
        rc = etc_put_text(etc, "nsswitch.conf", nsswitch);
    if (rc == 0)
        rc = look_readable("/etc/hosts");
    if (rc == 0)
        rc = etc_put_text(etc, "hosts", plain_hosts);
    if (rc > 0)
        rc = 0;
    if (rc == 0)
        rc = etc_put_link(etc, etc->dir, "mtab", "../proc/self/mounts");
    return rc;
}

static int put_mount_point(struct etc *etc, const char *name)
{
    auto_free char *host_path = path_join("/etc", name);
    auto_fd int dir = -1;
    struct stat st;
    int rc = look_at(AT_FDCWD, host_path, true, &st);

    if (rc <= 0 || !S_ISDIR(st.st_mode))
        return rc < 0 ? rc : 0;
    dir = fd_mkdir_beneath(etc->dir, name, 0755);
    return dir < 0 ? dir : 0;
}

static int expose_trees(struct etc *etc, const char *pattern)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, "/etc", 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        int shown = str_glob(pattern, entry->d_name) ? etc_show_tree(etc, entry->d_name) : 0;

        if (shown < 0)
            return shown;
    }
    return rc;
}

static int show_name(struct etc *etc, const struct etc_name *name)
{
    switch (name->kind) {
    case ETC_FILE:
        return etc_show_file(etc, name->name, false);
    case ETC_EDITED:
        return etc_show_file(etc, name->name, true);
    case ETC_TREE:
        return etc_show_tree(etc, name->name);
    case ETC_TREES:
        return expose_trees(etc, name->name);
    case ETC_BOUND:
        break;
    }
    return put_mount_point(etc, name->name);
}

static int show_all(struct etc *etc, const char **failed_out)
{
    int has_hosts = look_readable("/etc/hosts");
    int rc = has_hosts < 0 ? has_hosts : 0;

    for (size_t i = 0; rc == 0 && i < etc_name_count; i++) {
        *failed_out = etc_names[i].name;
        /* Without a hosts file on the host the made one stays. */
        if (!str_eq(etc_names[i].name, "hosts") || has_hosts)
            rc = show_name(etc, &etc_names[i]);
    }
    return rc;
}

static int etc_fill(struct etc *etc, const char *id, const struct etc_identity *identity,
                    const char **failed_out)
{
    int rc = 0;

    *failed_out = "passwd";
    rc = put_made(etc, id, identity);
    return rc < 0 ? rc : show_all(etc, failed_out);
}

int etc_make(const char *venv_path, const char *id, const struct etc_identity *identity,
             etc_note_fn *note, void *context, struct err *err)
{
    auto_fd int root = open(venv_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_fd int sandbox = -1;
    auto_fd int dir = -1;
    struct etc etc = {.budget = BUDGET_BYTES, .names = BUDGET_NAMES};
    const char *failed = "";
    int rc = 0;

    if (root < 0)
        return err_set(err, errno, "cannot open the directory '%s'", venv_path);
    sandbox = fd_open_beneath(root, VENV_SANDBOX, O_RDONLY | O_DIRECTORY, 0);
    if (sandbox < 0)
        return err_set(err, -sandbox, "cannot open '%s/sandbox'", venv_path);
    if (mkdirat(sandbox, SANDBOX_ETC, 0755) < 0 && errno != EEXIST)
        return err_set(err, errno, "cannot make '%s/sandbox/etc'", venv_path);
    dir = fd_open_beneath(sandbox, SANDBOX_ETC, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return err_set(err, -dir, "cannot open '%s/sandbox/etc'", venv_path);
    etc.sandbox = sandbox;
    etc.dir = dir;
    etc.note = note;
    etc.context = context;
    /* By process: two refreshes may run at once, and each renames its own. */
    snprintf(etc.temporary, sizeof(etc.temporary), ".new-etc-%ld", (long)getpid());
    rc = etc_fill(&etc, id, identity, &failed);
    if (rc < 0)
        return err_set(err, -rc, "cannot make '%s/sandbox/etc/%s'", venv_path, failed);
    return 0;
}
