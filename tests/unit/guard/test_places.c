#include <criterion/criterion.h>
#include <sys/stat.h>

#include "../base/scratch.h"

#include "guard-internal.h"

/* A place that could not be looked at is not "gone": a directory that comes back to a gone place is
 * seen in the directory above it, and nobody looks into the place. */
Test(places, a_failed_look_is_no_answer)
{
    struct scratch s = scratch_new();
    struct places places = {.top = s.fd};
    struct plan_place place = {.rel = "dir"};
    int64_t ctime_ns = 7;
    struct stat st;

    cr_expect_eq(place_look(&places, &place, &ctime_ns), PLACE_GONE);
    cr_expect_eq(ctime_ns, 0);
    cr_assert_eq(mkdirat(s.fd, "dir", 0700), 0);
    cr_expect_eq(place_look(&places, &place, NULL), PLACE_OTHER);
    cr_assert_eq(fstatat(s.fd, "dir", &st, 0), 0);
    place.dev = st.st_dev;
    place.ino = st.st_ino;
    cr_expect_eq(place_look(&places, &place, &ctime_ns), PLACE_SAME);
    cr_expect_neq(ctime_ns, 0);
    places.top = -1;
    cr_expect_eq(place_look(&places, &place, &ctime_ns), PLACE_UNKNOWN);
    cr_expect_eq(ctime_ns, 0);
    scratch_drop(&s);
}
