/* The made /etc: what programs inside find at that path. */
#ifndef SVENV_COMPILE_ETC_H
#define SVENV_COMPILE_ETC_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* Fills $venv/sandbox/etc: passwd, group, nsswitch.conf, machine-id, ... and copies of the small
 * files that programs need. Each file is replaced atomically and only when
 * it differs, so running sandboxes see a changed resolv.conf. `id`: the venv's; machine-id is made
 * from it in a way that does not give it away.
 * Host files that went in are reported through `note` (for the staleness check). */
struct etc_identity {
    const char *user;
    const char *home;
    const char *shell;
    uint32_t uid, gid;
};
typedef void etc_note_fn(void *context, const char *host_path, bool edited);
int etc_make(const char *venv_path, const char *id, const struct etc_identity *identity,
             etc_note_fn *note, void *context, struct err *err);

#endif
