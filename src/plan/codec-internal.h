#ifndef SVENV_PLAN_CODEC_INTERNAL_H
#define SVENV_PLAN_CODEC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

struct codec {
    struct buf *out; /* writing; NULL when reading */
    size_t base;     /* writing: where this plan begins in *out */
    struct arena *arena;
    const unsigned char *data;
    size_t len;
    size_t pos;
    const char *bad; /* the first thing found wrong; everything after it reads as 0 */
};

typedef void item_fn(struct codec *c, void *item);

void codec_fail(struct codec *c, const char *what);
const unsigned char *codec_take(struct codec *c, size_t count);
uint64_t code_u64(struct codec *c, uint64_t value);
int64_t code_i64(struct codec *c, int64_t value);
uint32_t code_u32(struct codec *c, uint32_t value);
uint32_t code_below(struct codec *c, uint32_t value, uint32_t limit);
uint32_t code_flags(struct codec *c, uint32_t value, uint32_t known);
bool code_bool(struct codec *c, bool value);
const char *code_str(struct codec *c, const char *text);
const char *code_text(struct codec *c, const char *text);
/* Zero bytes up to the next multiple of 8: what follows is used where it lies. */
void code_padding(struct codec *c);
void code_array(struct codec *c, void *slot, size_t *count, size_t size, item_fn *each);

struct plan_file;
struct plan_obeyed;

void code_obeyed_list(struct codec *c, struct plan_obeyed **obeyed, size_t *count);
/* The names that are obeyed in the project, the directories seen and the names present. */
void code_project(struct codec *c, struct plan_file *file);

/* Different for data that differ in one word, and almost surely for any other. Not against forgery:
 * a forger of a plan can forge its sum. */
uint64_t codec_sum(const void *data, size_t len);

#define CODE_ARRAY(codec, items, count, each)                                                      \
    code_array((codec), &(items), &(count), sizeof(*(items)), (each))

#endif
