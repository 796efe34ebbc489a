/* Shared by the launcher's files that ask where a variable of the caller's may come from. */
#ifndef SVENV_LAUNCHER_LOADED_INTERNAL_H
#define SVENV_LAUNCHER_LOADED_INTERNAL_H

struct arena;
struct plan_file;
struct start;

/* A dotenv file of the project that names the variable: .env, .env.NAME (not the examples) beside
 * the venv, in the project, in the working directory, and wherever else the plan knows of one. The
 * caller's own tools load such files (pipenv, direnv, editors), and programs in the sandbox may
 * have written them. A file that cannot be looked through counts. Return: its path in the arena, or
 * NULL. */
const char *loaded_from(struct arena *arena, const struct plan_file *file, const char *variable);

/* Lets the completion of a start ask that. `file` must live as long as the start. */
void loaded_watch(const struct plan_file *file, struct start *start);

#endif
