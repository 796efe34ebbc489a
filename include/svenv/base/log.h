/* Messages for people, on stderr, one line each, beginning "sandbox-venv: ". Only cli, and the
 * launcher's main, call these; every other layer returns errors. */
#ifndef SVENV_BASE_LOG_H
#define SVENV_BASE_LOG_H

struct err;

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_err(const struct err *err);

#endif
