/* The interpreters of a venv as wrapping found them, in the manifest. */
#ifndef SVENV_WRAP_INTERPRETERS_INTERNAL_H
#define SVENV_WRAP_INTERPRETERS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "svenv/base/mem.h"

struct err;
struct site;
struct strv;
struct stubs;
struct venv;
struct venv_interpreter;

struct found {
    struct arena arena;
    struct venv_interpreter *items;
    size_t count;
};

/* Those in the host's bin that are no stubs: the user's word. Return: 0 or negative errno with
 * *err. */
int interpreters_find(const struct site *site, const struct stubs *stubs, struct found *found,
                      struct err *err);
/* Notes those that are in sandbox/bin by now. *changed_out: set when the manifest is another. */
int interpreters_keep(const struct site *site, struct venv *manifest, struct found *found,
                      bool *changed_out, struct err *err);
/* Adds one to the manifest, in the place of the one of its name. */
void interpreters_record(struct venv *manifest, const struct venv_interpreter *one);
/* Before bin gets its own back: what stands in sandbox/bin in the place of one of those goes to the
 * quarantine; a link is made again, a file is not. told (may be NULL): the names. */
int interpreters_settle(const struct site *site, const struct venv *manifest, struct strv *told,
                        struct err *err);

#endif
