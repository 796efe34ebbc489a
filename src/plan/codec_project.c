/* The project's part of the compiled plan. A large project has thousands of directories, and each
 * start reads them all: so they are tables, with rows of one length before the text of all. */
#include <string.h>

#include "svenv/plan/plan.h"

#include "codec-internal.h"

struct row {
    uint32_t len;  /* of its path, which a NUL follows */
    uint32_t what; /* enum or bool */
    uint64_t dev, ino;
    int64_t ctime_ns;
};
_Static_assert(sizeof(struct row) == 32, "rows lie in the file as in memory");

struct table {
    size_t item_size;
    uint32_t limit; /* of `what` */
    void (*write)(const void *item, struct row *row, const char **rel);
    void (*read)(void *item, const struct row *row, const char *rel);
};

/* --- the two kinds of rows ----------------------------------------------------------------------
 */

static void write_seen(const void *item, struct row *row, const char **rel)
{
    const struct plan_seen *seen = item;

    *row = (struct row){
        .what = seen->kind, .dev = seen->dev, .ino = seen->ino, .ctime_ns = seen->ctime_ns};
    *rel = seen->rel;
}

static void read_seen(void *item, const struct row *row, const char *rel)
{
    *(struct plan_seen *)item = (struct plan_seen){.rel = rel,
                                                   .kind = (enum plan_seen_kind)row->what,
                                                   .dev = row->dev,
                                                   .ino = row->ino,
                                                   .ctime_ns = row->ctime_ns};
}

static void write_present(const void *item, struct row *row, const char **rel)
{
    const struct plan_present *present = item;

    *row = (struct row){.what = present->link,
                        .dev = present->dev,
                        .ino = present->ino,
                        .ctime_ns = present->ctime_ns};
    *rel = present->rel;
}

static void read_present(void *item, const struct row *row, const char *rel)
{
    *(struct plan_present *)item = (struct plan_present){.rel = rel,
                                                         .link = row->what != 0,
                                                         .dev = row->dev,
                                                         .ino = row->ino,
                                                         .ctime_ns = row->ctime_ns};
}

static const struct table seen_table = {sizeof(struct plan_seen), PLAN_SEEN__COUNT, write_seen,
                                        read_seen};
static const struct table present_table = {sizeof(struct plan_present), 2, write_present,
                                           read_present};

/* --- tables -------------------------------------------------------------------------------------
 */

static void write_table(struct codec *c, const struct table *table, const char *items, size_t count)
{
    struct row row;
    const char *rel = NULL;

    code_u32(c, (uint32_t)count);
    code_padding(c);
    for (size_t i = 0; i < count; i++) {
        table->write(items + i * table->item_size, &row, &rel);
        row.len = (uint32_t)strlen(rel);
        buf_add(c->out, &row, sizeof(row));
    }
    for (size_t i = 0; i < count; i++) {
        table->write(items + i * table->item_size, &row, &rel);
        buf_add(c->out, rel, strlen(rel) + 1);
    }
}

static void read_row(struct codec *c, const struct table *table, const unsigned char *at,
                     char *item)
{
    struct row row;
    const char *rel = NULL;

    memcpy(&row, at, sizeof(row));
    rel = (const char *)codec_take(c, (size_t)row.len + 1);
    if (rel == NULL)
        return;
    if (memchr(rel, '\0', (size_t)row.len + 1) != rel + row.len)
        codec_fail(c, "has a string that is not terminated where it should be");
    if (row.what >= table->limit)
        codec_fail(c, "has a value that does not exist");
    table->read(item, &row, rel);
}

/* Return: the items, in the codec's arena. */
static void *read_table(struct codec *c, const struct table *table, size_t *count_out)
{
    size_t count = code_u32(c, 0);
    const unsigned char *rows = NULL;
    char *items = NULL;

    code_padding(c);
    rows = codec_take(c, count * sizeof(struct row));
    if (rows == NULL || count == 0)
        return NULL;
    items = arena_alloc(c->arena, count * table->item_size);
    for (size_t i = 0; i < count && c->bad == NULL; i++)
        read_row(c, table, rows + i * sizeof(struct row), items + i * table->item_size);
    *count_out = count;
    return items;
}

static void code_obeyed(struct codec *c, void *item)
{
    struct plan_obeyed *obeyed = item;

    obeyed->pattern = code_text(c, obeyed->pattern);
    obeyed->anywhere = code_bool(c, obeyed->anywhere);
    obeyed->action = (enum plan_obeyed_action)code_below(c, obeyed->action, PLAN_OBEYED__COUNT);
}

void code_obeyed_list(struct codec *c, struct plan_obeyed **obeyed, size_t *count)
{
    code_array(c, obeyed, count, sizeof(**obeyed), code_obeyed);
    if (c->out == NULL && c->bad == NULL)
        plan_obeyed_settle(*obeyed, *count);
}

void code_project(struct codec *c, struct plan_file *file)
{
    code_obeyed_list(c, &file->obeyed, &file->obeyed_count);
    if (c->out != NULL) {
        write_table(c, &seen_table, (const char *)file->seen, file->seen_count);
        write_table(c, &present_table, (const char *)file->present, file->present_count);
    } else {
        file->seen = read_table(c, &seen_table, &file->seen_count);
        file->present = read_table(c, &present_table, &file->present_count);
    }
    if (file->seen_count > 0 && file->project == NULL)
        codec_fail(c, "watches a project that there is not");
    code_padding(c);
}
