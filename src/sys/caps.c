/* Capabilities: bounded, kept, dropped, and read back. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/sys/drop.h"

#ifndef SECBIT_NO_CAP_AMBIENT_RAISE /* Linux 4.3 */
#define SECBIT_NO_CAP_AMBIENT_RAISE (1 << 6)
#define SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED (1 << 7)
#endif

enum {
    CAP_LAST_POSSIBLE = 63
};

static int set_caps(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (unsigned i = 0; i < 2; i++) {
        uint32_t word = (uint32_t)(permitted >> (32 * i));

        data[i] =
            (struct __user_cap_data_struct){.effective = word,
                                            .permitted = word,
                                            .inheritable = (uint32_t)(inheritable >> (32 * i))};
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int verify_caps(uint64_t mask, struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        return err_set(err, errno, "cannot read back the capabilities");
    for (unsigned i = 0; i < 2; i++) {
        uint32_t word = (uint32_t)(mask >> (32 * i));

        if (data[i].effective != word || data[i].permitted != word)
            return err_plain(err, EPERM, "the capabilities could not be dropped");
    }
    return 0;
}

/* The number of the last capability is found by trying: the first EINVAL ends the list. */
int caps_bound(uint64_t mask, struct err *err)
{
    for (unsigned cap = 0; cap <= CAP_LAST_POSSIBLE; cap++) {
        if (mask & (1ULL << cap))
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL ? 0 : err_set(err, errno, "cannot empty the bounding set");
    }
    return 0;
}

/* Each bit is one system call, so only the ends are asked here; the probes ask for all. */
static int verify_bounding(uint64_t mask, struct err *err)
{
    static const unsigned sample[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SYS_ADMIN, CAP_SYS_PTRACE};

    for (size_t i = 0; i < ARRAY_SIZE(sample); i++) {
        if (!(mask & (1ULL << sample[i])) && prctl(PR_CAPBSET_READ, sample[i], 0, 0, 0) != 0)
            return err_plain(err, EPERM, "the capability bounding set is not empty");
    }
    return 0;
}

static int raise_ambient(uint64_t mask)
{
    for (unsigned cap = 0; cap <= CAP_LAST_POSSIBLE; cap++) {
        if ((mask & (1ULL << cap)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

int caps_keep(uint64_t mask, struct err *err)
{
    /* NOROOT: uid 0 inside gets nothing at exec; the ambient set is final once it is locked. */
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                               SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    int rc = verify_bounding(mask, err);

    if (rc < 0)
        return rc;
    /* Ambient capabilities must be inheritable, the securebits need CAP_SETPCAP a moment longer. */
    rc = set_caps(mask | (1ULL << CAP_SETPCAP), mask);
    if (rc == 0)
        rc = raise_ambient(mask);
    if (rc < 0)
        return err_set(err, -rc, "cannot keep the capabilities that the policy grants");
    if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0)
        return err_set(err, errno, "cannot lock the securebits");
    rc = set_caps(mask, mask);
    if (rc < 0)
        return err_set(err, -rc, "cannot drop the capabilities");
    return verify_caps(mask, err);
}

int caps_clear(struct err *err)
{
    int rc = set_caps(0, 0);

    return rc < 0 ? err_set(err, -rc, "cannot drop the capabilities") : verify_caps(0, err);
}
