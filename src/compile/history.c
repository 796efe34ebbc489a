/* Keeps each policy that was in force, with what changed. */
#include "svenv/compile/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "svenv/audit/record.h"
#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/json.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/state.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"

#define LAST_NAME "policy.yaml"
#define HASH_MARK "# sha256 "
#define DIFF_MAX ((size_t)32 * 1024)

static int history_open_dir(const char *path, struct err *err)
{
    auto_fd int root = path ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    auto_fd int made = root < 0 ? -errno : fd_mkdir_beneath(root, path + 1, 0700);
    auto_fd int dir = -1;

    if (path == NULL)
        return err_plain(err, EIO, "cannot find the directory of the policy's history");
    if (made < 0)
        return err_set(err, -made, "cannot make '%s' for the policy's history", path);
    dir = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || flock(dir, LOCK_EX) < 0)
        return err_set(err, errno, "cannot open '%s' for the policy's history", path);
    return steal_fd(&dir);
}

static void add_line(struct buf *out, const struct venv *venv, const char *hash, const char *diff)
{
    char time[AUDIT_TIME_SIZE];
    struct json json;
    const struct {
        const char *key, *value;
    } rows[] = {{"event", "policy"},
                {"time", time},
                {"venv", venv->path},
                {"policy", hash},
                {"diff", diff}};

    audit_time_text(audit_now_ms(), time);
    json_init(&json, out, false);
    json_open(&json, '{');
    json_key(&json, "version");
    json_int(&json, 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_key(&json, rows[i].key);
        json_str(&json, rows[i].value);
    }
    json_close(&json, '}');
    buf_add_char(out, '\n');
}

/* The first policy has nothing to differ from. */
static void add_diff(const char *before, const char *after, struct buf *out)
{
    if (before == NULL)
        return;
    history_diff(before, after, out);
    if (out->len == 0)
        buf_add_str(out, "+ (values of environment.set)\n");
    if (out->len > DIFF_MAX) {
        out->len = DIFF_MAX;
        buf_add_str(out, "\n (and more)\n");
    }
}

int history_note(const struct user *user, const struct venv *venv, const struct policy *policy,
                 const char *hash, struct err *err)
{
    auto_free char *path = state_policy_history(user, venv->id);
    auto_free char *log = path_join(path ? path : "", HISTORY_NAME);
    auto_free char *mark = xasprintf(HASH_MARK "%s\n", hash);
    auto_buf struct buf text = {0}, last = {0}, diff = {0}, line = {0};
    auto_fd int dir = history_open_dir(path, err);
    const char *before = NULL;
    int r;

    if (dir < 0)
        return dir;
    r = file_read(dir, LAST_NAME, HISTORY_BYTES_MAX, &last, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (last.len > 0 && str_starts(last.data, mark))
        return 0;
    if (last.len > 0 && strchr(last.data, '\n'))
        before = strchr(last.data, '\n') + 1;
    buf_add_str(&text, mark);
    policy_print(policy, POLICY_SHOW_NAMES, false, &text);
    add_diff(before, text.data + strlen(mark), &diff);
    add_line(&line, venv, hash, diff.len > 0 ? diff.data : "");
    r = audit_append(log, line.data, line.len, err);
    return r < 0 ? r : file_write_atomic(dir, LAST_NAME, text.data, text.len, 0600, err);
}
