/* The difference of two policies as text. */
#include <stdint.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/history.h"

/* More cells than this, and all lines between the first and the last difference count as changed.
 */
#define CELLS_MAX ((size_t)4 * 1024 * 1024)
#define DEPTH_MAX 8

struct lines {
    struct strv text;
    size_t from; /* what is to be compared: [from, to) */
    size_t to;
};

/* Headings that were printed last, outermost first. */
struct printer {
    struct buf *out;
    const char *shown[DEPTH_MAX];
    size_t shown_count;
};

static void split(const char *text, struct lines *out)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        strv_take(&out->text, xstrndup(text, len));
        text += len + (text[len] == '\n');
    }
    out->to = out->text.count;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
    return str_eq(a->text.items[i], b->text.items[j]);
}

static void trim(struct lines *a, struct lines *b)
{
    while (a->from < a->to && b->from < b->to && same(a, a->from, b, b->from)) {
        a->from++;
        b->from++;
    }
    while (a->from < a->to && b->from < b->to && same(a, a->to - 1, b, b->to - 1)) {
        a->to--;
        b->to--;
    }
}

static size_t indent_of(const char *line)
{
    return strspn(line, " ");
}

/* The lines above `at` that are less and less indented. Return: how many, outermost first. */
static size_t headings(const struct lines *lines, size_t at, const char *out[DEPTH_MAX])
{
    const char *found[DEPTH_MAX];
    size_t indent = indent_of(lines->text.items[at]);
    size_t count = 0;

    for (size_t i = at; i > 0 && indent > 0 && count < DEPTH_MAX; i--) {
        const char *line = lines->text.items[i - 1];

        if (indent_of(line) >= indent)
            continue;
        indent = indent_of(line);
        found[count++] = line;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = found[count - 1 - i];
    return count;
}

static void print_line(struct printer *p, char sign, const char *line)
{
    buf_add_char(p->out, sign);
    buf_add_str(p->out, line);
    buf_add_char(p->out, '\n');
}

static void print_change(struct printer *p, char sign, const struct lines *lines, size_t at)
{
    const char *above[DEPTH_MAX];
    size_t count = headings(lines, at, above);
    size_t common = 0;

    while (common < count && common < p->shown_count && str_eq(above[common], p->shown[common]))
        common++;
    for (size_t i = common; i < count; i++)
        print_line(p, ' ', above[i]);
    print_line(p, sign, lines->text.items[at]);
    memcpy(p->shown, above, count * sizeof(*above));
    p->shown_count = count;
    /* The changed line may itself be a heading of the next one. */
    if (count < DEPTH_MAX)
        p->shown[p->shown_count++] = lines->text.items[at];
}

/* cells[i * width + j]: length of the longest common part of a[i..] and b[j..]. */
static uint16_t *common_lengths(const struct lines *a, const struct lines *b)
{
    size_t height = a->to - a->from + 1;
    size_t width = b->to - b->from + 1;
    uint16_t *cells = NULL;

    if (height > UINT16_MAX || width > UINT16_MAX || height * width > CELLS_MAX)
        return NULL;
    cells = xcalloc(height * width, sizeof(*cells));
    for (size_t i = height - 1; i > 0; i--) {
        for (size_t j = width - 1; j > 0; j--) {
            uint16_t *cell = &cells[(i - 1) * width + (j - 1)];
            uint16_t down = cells[i * width + (j - 1)];
            uint16_t right = cells[(i - 1) * width + j];

            if (same(a, a->from + i - 1, b, b->from + j - 1))
                *cell = (uint16_t)(cells[i * width + j] + 1);
            else
                *cell = down > right ? down : right;
        }
    }
    return cells;
}

static void diff_walk(struct printer *p, const struct lines *a, const struct lines *b,
                      const uint16_t *cells)
{
    size_t width = b->to - b->from + 1;
    size_t i = a->from;
    size_t j = b->from;

    while (i < a->to || j < b->to) {
        size_t at = (i - a->from) * width + (j - b->from);
        bool both = i < a->to && j < b->to;

        if (both && cells && same(a, i, b, j)) {
            i++;
            j++;
        } else if (i < a->to && (!both || !cells || cells[at + width] >= cells[at + 1])) {
            print_change(p, '-', a, i++);
        } else {
            print_change(p, '+', b, j++);
        }
    }
}

void history_diff(const char *before, const char *after, struct buf *out)
{
    struct lines a = {.from = 0};
    struct lines b = {.from = 0};
    struct printer p = {.out = out};
    auto_free uint16_t *cells = NULL;

    split(before, &a);
    split(after, &b);
    trim(&a, &b);
    cells = common_lengths(&a, &b);
    diff_walk(&p, &a, &b, cells);
    strv_finish(&a.text);
    strv_finish(&b.text);
}
