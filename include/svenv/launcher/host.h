/* The facts about the host that one start needs: what plan_start() is given beside the command
 * line. They are of the process that asks, so a command that shows what a start would do has to
 * ask in the start's place. */
#ifndef SVENV_LAUNCHER_HOST_H
#define SVENV_LAUNCHER_HOST_H

#include <stdbool.h>

struct arena;
struct dotenv;
struct err;
struct plan;
struct plan_file;
struct start;

/* Fills in what the command line does not say: variables, working directory, terminal, and how
 * paths are looked up. The command line (entry, called_as, argv, argc) has been set, and stays.
 * Return: 0 or negative errno with *err. */
int host_collect(struct arena *arena, struct start *start, struct err *err);

/* Reads the project's file of variables that the chosen variant names. *why_out: why there is
 * something of that name that cannot be read, NULL: there is not. Return: was one read? */
bool host_dotenv(struct arena *arena, const struct plan *plan, const struct plan_file *file,
                 struct dotenv *out, const char **why_out);

/* Says what was not read, in one line: who reads it once goes to look at the file. path: of the
 * file. why: of host_dotenv(). NULL: all of it was read, or there is none. */
const char *host_dotenv_unread(struct arena *arena, const struct dotenv *dotenv, const char *path,
                               const char *why);

#endif
