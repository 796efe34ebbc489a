/* Shared by the files of the policy layer. */
#ifndef SVENV_POLICY_POLICY_INTERNAL_H
#define SVENV_POLICY_POLICY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/err.h"
#include "svenv/policy/policy.h"

struct yaml_node;

enum {
    POLICY_ITEMS_MAX = 1024,  /* of one list: merging compares them pairwise */
    POLICY_COMMANDS_MAX = 64, /* each is a plan of its own */
};

#define POLICY_INHERIT "inherit"
#define POLICY_DEFAULT_PROFILE "default"

/* --- fields.c ----------------------------------------------------------------------------------
 */

bool policy_is_section(const char *name);

/* --- text.c ------------------------------------------------------------------------------------
 */

/* The fault in `text`, or NULL. */
const char *policy_text_fault(enum policy_text kind, const char *text);
/* The character at `text`. Return: its bytes, 0 when it is not UTF-8. */
size_t policy_utf8_decode(const char *text, uint32_t *out);
bool policy_is_name(const char *text); /* of a profile or a command */

/* --- layer.c, value.c, mounts.c: one text as a tree of values -----------------------------------
 */

struct policy_layer {
    const char *profile; /* NULL: the text names none */
    struct src_pos profile_pos;
    struct policy_values values;
    struct policy_command *commands;
    size_t command_count;
};

struct policy_reader {
    struct arena *arena;
    const char *name;
    bool built_in; /* origins are the name alone */
};

/* Parses `data`; everything lives in the reader's arena. */
int policy_layer_parse(const struct policy_reader *reader, const char *data, size_t len,
                       struct policy_layer *out, struct err *err);

int policy_value_parse(const struct policy_reader *reader, enum policy_field field,
                       const struct yaml_node *node, struct policy_value *out, struct err *err);

/* A list of texts that stand for themselves (commands' match). */
int policy_list_parse(const struct policy_reader *reader, const char *what, enum policy_text kind,
                      const struct yaml_node *node, struct policy_item **items_out,
                      size_t *count_out, struct err *err);

int policy_mount_parse(const struct policy_reader *reader, const struct yaml_node *node,
                       struct policy_item *out, struct err *err);
void policy_mount_print(const struct policy_item *item, struct buf *out);

/* --- reader.c, scalar.c -------------------------------------------------------------------------
 */

/* Bytes of a text that a message quotes. */
enum {
    POLICY_WORD_SHOWN = 64,
    POLICY_TEXT_SHOWN = 200
};

/* A text in the file as a message quotes it: without secrets, cut to `max` bytes. */
const char *policy_quote(const struct policy_reader *reader, const char *text, size_t max);
const char *policy_origin_of(const struct policy_reader *reader, const struct yaml_node *node);

/* A scalar that the loader reads back as `text`, which is UTF-8, quoted where needed. */
void policy_print_scalar(const char *text, struct buf *out);

/* --- profile.c, file.c --------------------------------------------------------------------------
 */

/* Lays the built-in default and, when another one is named, that profile over *policy. `templates`
 * may be NULL: then only shipped profiles exist. */
int policy_lay_profile(struct policy *policy, const char *name, const char *templates,
                       struct err *err);

/* Reads a policy file after checking that nobody but its owner could have written it.
 * Return: 1, 0 when there is no such file, or negative errno with *err. */
int policy_file_read(const char *path, struct buf *out, struct err *err);

/* One text that was compiled in. */
struct policy_embedded {
    const char *name;
    const char *data;
    size_t len;
};
extern const struct policy_embedded policy_embedded_profiles[];
extern const size_t policy_embedded_count;

/* --- hint.c ------------------------------------------------------------------------------------
 */

/* The candidate that `word` most likely was meant to be, or NULL. */
const char *policy_nearest(const char *word, const char *const *candidates, size_t count);

/* Error for a key that is not in the schema: the nearest one, and what is allowed in `section`. */
int policy_unknown_key(const struct policy_reader *reader, const struct yaml_node *key,
                       const char *section, bool in_command, struct err *err);

/* --- merge.c -----------------------------------------------------------------------------------
 */

/* Lays `upper` over `lower`. raw: "inherit" and "!x" that can't be settled yet are kept, for values
 * that will be laid over others themselves. */
void policy_values_merge(struct arena *arena, const struct policy_values *lower,
                         const struct policy_values *upper, bool raw, struct policy_values *out);

/* Lays a layer over the policy's files. */
int policy_layer_merge(struct policy *policy, const struct policy_layer *layer, struct err *err);

/* Brings base and every command's in_force up to date. */
void policy_resolve(struct policy *policy);

bool policy_value_eq(enum policy_field field, const struct policy_value *a,
                     const struct policy_value *b);

/* --- print.c, diff.c ---------------------------------------------------------------------------
 */

struct policy_printer {
    struct buf *out;
    enum policy_show show;
    bool origins;
    unsigned depth;      /* steps of two spaces */
    const char *section; /* whose heading was printed last */
};

void policy_print_values(struct policy_printer *p, const struct policy_values *values);
void policy_print_command(struct policy_printer *p, const struct policy_command *command);

#endif
