/* The audit log for people. */
#ifndef SVENV_CLI_LOG_INTERNAL_H
#define SVENV_CLI_LOG_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct audit_line;
struct buf;
struct err;
struct user;

/* "2026-11-21 03:10:56", in the caller's time zone. */
#define LOG_TIME_SIZE 32
void log_time_text(int64_t time_ms, char out[LOG_TIME_SIZE]);

/* Adds one line for an event of the log. */
void log_add_line(struct buf *out, const struct audit_line *line, bool with_venv);

/* Path of the log that the starts of `venv_path` go to (NULL: the user's own). Caller frees. */
char *log_path(const struct user *user, const char *venv_path);

/* How often something was denied in a venv, as far back as the log goes. */
struct log_denials {
    uint64_t count;
    int64_t last_ms; /* 0: never */
};
int log_count_denials(const char *path, const char *venv_path, struct log_denials *out,
                      struct err *err);

#endif
