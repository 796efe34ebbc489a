/* Text on a terminal: colours, columns, a line of progress. */
#include "term-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/str.h"

static const char *const style_codes[] = {
    [TERM_PLAIN] = "",        [TERM_BOLD] = "\033[1m", [TERM_GOOD] = "\033[32m",
    [TERM_WARN] = "\033[33m", [TERM_BAD] = "\033[31m", [TERM_DIM] = "\033[2m",
};
static_assert(sizeof(style_codes) / sizeof(style_codes[0]) == TERM__COUNT, "a code per style");

static bool shows_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color && *no_color)
        return false;
    return term && !str_eq(term, "dumb") && isatty(STDOUT_FILENO);
}

void term_add(struct buf *out, enum term_style style, const char *text)
{
    bool styled = style != TERM_PLAIN && shows_colours();

    if (styled)
        buf_add_str(out, style_codes[style]);
    buf_add_escaped(out, text);
    if (styled)
        buf_add_str(out, "\033[0m");
}

void term_row(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "  %-10s %s\n", label, text);
}

static int term_error; /* the first of a write */

void term_flush(const struct buf *out)
{
    int rc = out->len > 0 ? fd_write_all(STDOUT_FILENO, out->data, out->len) : 0;

    if (rc < 0 && term_error == 0)
        term_error = rc;
}

int term_close(void)
{
    if (fflush(stdout) != 0 && term_error == 0)
        term_error = -errno;
    if (ferror(stdout) && term_error == 0)
        term_error = -EIO;
    return term_error == -EPIPE ? 0 : term_error;
}

void term_progress(const char *what, unsigned long long done, unsigned long long total)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (done < total)
        (void)fprintf(stderr, "\r%s %llu/%llu", what, done, total);
    else
        (void)fprintf(stderr, "\r\033[K");
    (void)fflush(stderr);
}
