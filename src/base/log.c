/* Messages of ours on standard error, one line each. */
#include "svenv/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/redact.h"

#include "text-internal.h"

#define LINE_MAX_BYTES 4096

/* One write per line, so that lines of several processes on one terminal don't mix. */
static void put_line(const char *text)
{
    char line[LINE_MAX_BYTES] = "sandbox-venv: ";
    size_t used = strlen(line);
    size_t done = 0;

    used += text_escape(line + used, sizeof(line) - used - 1, text, strlen(text));
    line[used++] = '\n';
    while (done < used) {
        ssize_t n = write(STDERR_FILENO, line + done, used - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* stderr is gone: nobody is left to be told */
        done += (size_t)n;
    }
}

void log_line(const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    int saved = errno;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    redact_message(text, sizeof(text));
    put_line(text);
    errno = saved;
}

void log_err(const struct err *err)
{
    char text[sizeof(*err) + 64];
    int saved = errno;

    put_line(err_text(err, text, sizeof(text)));
    errno = saved;
}
