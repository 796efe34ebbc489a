/* Can anything be started here at all? Asked before a venv is changed. */
#ifndef SVENV_CLI_PROBE_INTERNAL_H
#define SVENV_CLI_PROBE_INTERNAL_H

struct err;

/* Are the launcher and the stub installed? Return: 0 or negative errno with *err. */
int probe_installation(struct err *err);

/* Makes the namespaces of a sandbox once, in a child that then ends. Return: 0, or negative errno
 * with *err naming what refuses and the cure. */
int probe_namespaces(struct err *err);

#endif
