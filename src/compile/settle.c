/* Syncs a venv until nothing changes under the sync. */
#include "settle-internal.h"

#include <fcntl.h>
#include <time.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"
#include "svenv/wrap/wrap.h"

enum {
    SETTLE_ROUNDS = 8,
    /* Directory times move with the timer tick: a change in the same tick as the look leaves no
     * trace. A directory that is older than this when looked at can't change unseen. */
    SETTLE_NS = 20000000,
};

static int64_t age_ns(const struct file_id *id)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - id->mtime_ns;
}

static void wait_tick(void)
{
    struct timespec pause = {.tv_nsec = SETTLE_NS};

    nanosleep(&pause, NULL);
}

static bool is_settled(const struct file_id *before, const struct file_id *after)
{
    return file_id_eq(before, after) && (age_ns(after) < 0 || age_ns(after) > SETTLE_NS);
}

/* Every name of this kind is a constant of ours, so it needs no escaping. */
static void tell_withheld(void *context, const char *name)
{
    (void)context;
    log_line("'%s' from a package stays inside: on PATH it would take the system command's place "
             "(to publish it, write entries: {publish: [%s]} in the policy)",
             name, name);
}

static struct strv published_names(const struct policy *policy)
{
    struct policy_values values;
    struct strv names = {0};

    if (!policy)
        return names;
    policy_effective(policy, NULL, &values);
    for (size_t i = 0; i < values.v[POLICY_ENTRIES_PUBLISH].count; i++)
        strv_add(&names, values.v[POLICY_ENTRIES_PUBLISH].items[i].text);
    return names;
}

int settle_venv(struct venv *venv, const struct policy *policy, struct venv_sides *out,
                struct err *err)
{
    auto_strv struct strv publish = published_names(policy);
    const struct wrap_options options = {.stub = SVENV_STUB,
                                         .publish = (const char *const *)publish.items,
                                         .publish_count = publish.count,
                                         .withheld = policy ? tell_withheld : NULL};
    auto_free char *bin = path_join(venv->path, "bin");
    auto_free char *sandbox_bin = path_join(venv->path, IN_SANDBOX(SANDBOX_BIN));

    for (int round = 0; round < SETTLE_ROUNDS; round++) {
        struct file_id bin_before = file_id_known(AT_FDCWD, bin, false);
        struct file_id inner_before = file_id_known(AT_FDCWD, sandbox_bin, false);
        struct sync_result result = {0};
        int r = venv_sync(venv, &options, &result, err);

        if (r < 0)
            return r;
        out->bin = file_id_known(AT_FDCWD, bin, false);
        out->sandbox_bin = file_id_known(AT_FDCWD, sandbox_bin, false);
        if (is_settled(&bin_before, &out->bin) && is_settled(&inner_before, &out->sandbox_bin))
            return 0;
        wait_tick();
    }
    return 0;
}
