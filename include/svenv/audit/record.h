/* Lines of the audit log: one JSON object each, see docs/formats.md, "audit line". In the launcher,
 * so it knows nothing above base. */
#ifndef SVENV_AUDIT_RECORD_H
#define SVENV_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct strv;

/* The start or install that a line is about. */
struct audit_subject {
    int64_t time_ms;  /* when it began, since 1970 */
    int64_t launcher; /* process id: lines of one start have the same */
    const char *venv;
    const char *entry;       /* name in bin; NULL: `run`, `shell` */
    const char *const *argv; /* as the caller gave it; redacted and bounded here */
    size_t argc;
    const char *variant;    /* of the policy's commands */
    const char *policy;     /* its hash */
    const char *const *env; /* NULL-terminated NAME=value: never written, its secrets are removed
                               from every text; may be NULL */
    bool own_net;
    unsigned landlock_abi; /* 0: not used */
    bool filter;
};

enum audit_cause {
    AUDIT_CAUSE_STATUS,
    AUDIT_CAUSE_SIGNAL,
    AUDIT_CAUSE_TIME_LIMIT,
    AUDIT_CAUSE_NOT_STARTED,
    AUDIT_CAUSE__COUNT
};

struct audit_end {
    enum audit_cause cause;
    int value; /* exit status, signal, or the status that stands for what went wrong */
    int64_t wall_ms;
    int64_t user_ms;
    int64_t system_ms;
    int64_t max_rss_kib;
};

/* One thing that was asked for and refused. */
struct audit_denial {
    const char *what; /* "path", "start", "wall-time", "syscall", ... */
    const char *name; /* which; NULL: there is only one */
    const char *why;
};

/* The files that an installer left in the venv and that run unasked later: paths below the venv. */
struct audit_install {
    const struct strv *start_up; /* .pth files with import lines, sitecustomize, usercustomize */
    const struct strv *entries;
    const struct strv *elf;
    const struct strv *setuid;
    const struct strv *obeyed; /* moved away: tools of the host would have obeyed them */
    bool incomplete;           /* the venv was too large to be looked through */
    bool late;                 /* the launcher was killed: found by a later start */
};

/* At most so many denials of one start are written; the last line says how many there were. */
#define AUDIT_DENIALS_MAX 32

/* Each adds one line. */
void audit_add_start(struct buf *out, const struct audit_subject *subject,
                     const struct audit_end *end, size_t denial_count);
void audit_add_install(struct buf *out, const struct audit_subject *subject,
                       const struct audit_install *install);
/* Adds a line per denial. */
void audit_add_denials(struct buf *out, const struct audit_subject *subject,
                       const struct audit_denial *denials, size_t count);

/* "2026-11-21T02:10:56.123Z" */
#define AUDIT_TIME_SIZE 32
void audit_time_text(int64_t time_ms, char out[AUDIT_TIME_SIZE]);
/* CLOCK_REALTIME, in milliseconds. */
int64_t audit_now_ms(void);

#endif
