/* Looking at bytes as UTF-8 text, and making them safe for a terminal. Shared inside base. */
#ifndef SVENV_BASE_TEXT_INTERNAL_H
#define SVENV_BASE_TEXT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at text[0..len). Overlong forms, surrogates and values above U+10FFFF don't
 * count. Return: its length and *point_out, or 0 when the bytes are no UTF-8 character. */
size_t text_decode(const char *text, size_t len, uint32_t *point_out);

/* Can a character act on a terminal or hide what a line says? (C0, DEL, C1, bidirectional and line
 * separators, byte order marks, and U+FFFE and U+FFFF, which YAML readers refuse.) */
bool text_is_control(uint32_t point);

/* Length of the harmless character at text[0..len), 0 when it has to be escaped. */
size_t text_printable(const char *text, size_t len);

/* Copies text[0..len) to dst with every harmful byte as \xNN. Backslashes stay single, so doing it
 * twice changes nothing. Always NUL-terminated (size > 0). A text that does not fit is cut at a
 * whole character and ends in "...", so that nobody takes a cut path for the whole one.
 * Return: bytes written. */
size_t text_escape(char *dst, size_t size, const char *text, size_t len);

#endif
