/* How a command ends that could not do what it was asked for. */
#include <stdarg.h>
#include <stdio.h>

#include "command-internal.h"
#include "svenv/base/log.h"

int command_failed(const struct err *err)
{
    log_err(err);
    return EXIT_FAILED;
}

int command_misused(const char *command, const char *fmt, ...)
{
    char text[512];
    va_list list;

    va_start(list, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, list);
    va_end(list);
    log_line("%s (see 'sandbox-venv %s%s--help')", text, command, *command ? " " : "");
    return EXIT_USAGE;
}
