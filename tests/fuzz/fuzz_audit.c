/* Any bytes, twice. As lines of the log: an error with a position, or a line whose head is whole.
 * As words of a command line: a line that the reader takes, without control bytes. */
#include <assert.h>
#include <string.h>

#include "svenv/audit/reader.h"
#include "svenv/audit/record.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#include "fuzz.h"

#define WORDS_MAX 80

static void read_line(const char *data, size_t size)
{
    struct arena arena = {0};
    struct audit_line line;
    struct err err = {0};

    if (audit_parse(&arena, 3, data, size, &line, &err) == 0)
        assert(line.venv != NULL && line.event < AUDIT_EVENT__COUNT);
    else
        assert(err.msg[0] != '\0' && err.pos.line == 3);
    arena_finish(&arena);
}

static void write_line(const char *text, size_t size)
{
    static const char *const env[] = {"API_TOKEN=hunter2hunter2", "HOME=/h", NULL};
    const char *argv[WORDS_MAX] = {text};
    struct audit_subject subject = {
        .venv = text, .argv = argv, .env = env, .variant = "default", .policy = "p"};
    const struct audit_denial denial = {"path", text, text};
    auto_buf struct buf out = {0};
    struct arena arena = {0};
    struct audit_line line;
    const char *end = NULL;

    for (size_t at = 0; at < size && subject.argc < WORDS_MAX; at += strlen(text + at) + 1)
        argv[subject.argc++] = text + at;
    audit_add_denials(&out, &subject, &denial, 1);
    end = memchr(out.data, '\n', out.len);
    assert(end == out.data + out.len - 1);
    for (const char *at = out.data; at < end; at++)
        assert((unsigned char)*at >= 0x20 && *at != 0x7f);
    assert(audit_parse(&arena, 1, out.data, out.len, &line, NULL) == 0);
    arena_finish(&arena);
}

/* The log's reader cuts at the ends of lines before it parses. */
static void read_lines(const char *data, size_t size)
{
    for (;;) {
        const char *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size;

        read_line(data, len);
        if (end == NULL)
            return;
        data += len + 1;
        size -= len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xcalloc(size + 1, 1);

    if (size > 0)
        memcpy(text, data, size);
    read_lines(text, size);
    write_line(text, size);
    return 0;
}
