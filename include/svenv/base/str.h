/* Strings: predicates, a growing buffer, and NULL-terminated vectors. */
#ifndef SVENV_BASE_STR_H
#define SVENV_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* Glob over the whole text: '*' any run, '?' one byte, '\' escapes; no brackets. The time is at
 * most the product of both lengths, so hostile patterns are harmless. */
bool str_glob(const char *pattern, const char *text);
/* The same for names of files that tools outside look for: a file system may not tell apart
 * whether the letters a to z are capitals. */
bool str_glob_any_case(const char *pattern, const char *text);
/* The same, and nothing in `a` stands for anything else. */
bool str_eq_any_case(const char *a, const char *b);
/* 'a' to 'z' become 'A' to 'Z', whatever the locale; every other byte stays. */
char str_capital(char c);
/* The letters A to Z in it, a bit for each, A the lowest. */
uint32_t str_capitals(const char *text);

/* Is all of it UTF-8 in which nothing acts on a terminal or hides what a line says? True for every
 * text without backslashes that buf_add_escaped() leaves alone. */
bool str_is_printable(const char *text);

/* A growing byte buffer, always NUL-terminated once something was added. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds text with control characters (C0, DEL, C1, bidirectional), and bytes that are not UTF-8,
 * written as \xNN and '\' doubled: names from the sandbox never reach a terminal raw. */
void buf_add_escaped(struct buf *buf, const char *text);
void buf_finish(struct buf *buf);
#define auto_buf __attribute__((cleanup(buf_finish)))

/* A NULL-terminated vector that owns its strings. */
struct strv {
    char **items; /* NULL while empty */
    size_t count;
};

void strv_add(struct strv *v, const char *text);
/* Takes ownership of `text`. */
void strv_take(struct strv *v, char *text);
bool strv_has(const struct strv *v, const char *text);
void strv_finish(struct strv *v);
#define auto_strv __attribute__((cleanup(strv_finish)))

#endif
