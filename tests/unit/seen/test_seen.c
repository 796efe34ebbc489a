#include <criterion/criterion.h>
#include <sys/stat.h>

#include "../base/scratch.h"

#include "svenv/seen/seen.h"

/* A directory that could not be looked at is not "gone": one that comes back where it was gone is
 * seen in the directory above it, and nobody looks into it. */
Test(seen, a_failed_look_is_no_answer)
{
    struct scratch s = scratch_new();
    struct seen seen = {.top = s.fd};
    struct plan_seen entry = {.rel = "dir"};
    int64_t ctime_ns = 7;
    struct stat st;

    cr_expect_eq(seen_look(&seen, &entry, &ctime_ns), SEEN_GONE);
    cr_expect_eq(ctime_ns, 0);
    cr_assert_eq(mkdirat(s.fd, "dir", 0700), 0);
    cr_expect_eq(seen_look(&seen, &entry, NULL), SEEN_OTHER);
    cr_assert_eq(fstatat(s.fd, "dir", &st, 0), 0);
    entry.dev = st.st_dev;
    entry.ino = st.st_ino;
    cr_expect_eq(seen_look(&seen, &entry, &ctime_ns), SEEN_SAME);
    cr_expect_neq(ctime_ns, 0);
    seen.top = -1;
    cr_expect_eq(seen_look(&seen, &entry, &ctime_ns), SEEN_UNKNOWN);
    cr_expect_eq(ctime_ns, 0);
    scratch_drop(&s);
}
