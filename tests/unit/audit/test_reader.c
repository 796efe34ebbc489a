#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/scratch.h"
#include "svenv/audit/reader.h"
#include "svenv/audit/record.h"
#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"

#define HEAD                                                                                       \
    "{\"version\":1,\"event\":\"start\",\"venv\":\"/v\",\"time\":\"2026-11-21T02:10:56.123Z\""

static const struct {
    const char *text;
    bool good;
} lines[] = {
    {HEAD "}", true},
    {HEAD ",\"later\":{\"x\":[1,null,true]}}", true},
    {"", false},
    {"[]", false},
    {"{}", false},
    {HEAD, false},
    {HEAD "} x", false},
    {HEAD ",\"venv\":\"/w\"}", false},
    {HEAD ",\"x\":1.5}", false},
    {"{\"version\":2,\"event\":\"start\",\"venv\":\"/v\",\"time\":\"2026-11-21T02:10:56.123Z\"}",
     false},
    {"{\"version\":1,\"event\":\"other\",\"venv\":\"/v\",\"time\":\"2026-11-21T02:10:56.123Z\"}",
     false},
    {"{\"version\":1,\"event\":\"start\",\"time\":\"2026-11-21T02:10:56.123Z\"}", false},
    {"{\"version\":1,\"event\":\"start\",\"venv\":\"/v\",\"time\":\"2026-11-21 02:10:56.123Z\"}",
     false},
    {"{\"version\":1,\"event\":\"start\",\"venv\":7,\"time\":\"2026-11-21T02:10:56.123Z\"}", false},
};

Test(reader, lines)
{
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct arena arena = {0};
        struct audit_line line;
        struct err err = {0};
        int rc = audit_parse(&arena, 7, lines[i].text, strlen(lines[i].text), &line, &err);

        cr_expect_eq(rc == 0, lines[i].good, "%s: %s", lines[i].text, err.msg);
        cr_expect(rc == 0 || err.pos.line == 7);
        arena_finish(&arena);
    }
}

Test(reader, times)
{
    static const char *const bad[] = {
        "",
        "2026-11-21T02:10:56Z",
        "2026-13-21T02:10:56.123Z",
        "2026-00-21T02:10:56.123Z",
        "2026-11-32T02:10:56.123Z",
        "2026-11-21T24:10:56.123Z",
        "2026-11-21T02:10:56.12Z ",
        "+026-11-21T02:10:56.123Z",
        "2026-11-21T02:10:56.123Z2",
    };
    int64_t ms = 0;

    cr_assert_eq(audit_parse_time("2026-11-21T02:10:56.123Z", &ms), 0);
    cr_expect_eq(ms, 1795227056123);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_eq(audit_parse_time(bad[i], &ms), -EINVAL, "%s", bad[i]);
}

/* The reader gives back the words that the writer quotes. */
Test(reader, reads_what_is_written)
{
    static const char *const argv[] = {"x", "\"\\\n\t\x1b\xc2\x9b", "\xef\xbb\xbf\xf0\x9f\x90\x8d"};
    const struct audit_subject subject = {
        .venv = "/v \"q\"", .argv = argv, .argc = 3, .variant = "default", .policy = "h"};
    const struct audit_end end = {.cause = AUDIT_CAUSE_SIGNAL, .value = 9};
    auto_buf struct buf out = {0};
    struct arena arena = {0};
    struct audit_line line;
    struct err err = {0};

    audit_add_start(&out, &subject, &end, 2);
    cr_assert_eq(audit_parse(&arena, 1, out.data, out.len, &line, &err), 0, "%s", err.msg);
    cr_expect_str_eq(line.venv, subject.venv);
    cr_expect_str_eq(audit_text(&line, "exit", "cause"), "signal");
    cr_expect_eq(audit_number(&line, "exit", "value"), 9);
    cr_expect_eq(audit_number(&line, "denials", NULL), 2);
    cr_expect_null(audit_text(&line, "entry", NULL));
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(json_get(&line.root, "argv")->items[i].text, argv[i]);
    arena_finish(&arena);
}

struct seen {
    size_t count;
    int64_t sum;
};

static int count_line(void *context, const struct audit_line *line, const char *text, size_t len)
{
    struct seen *seen = context;

    cr_expect_eq(text[len], '\n');
    seen->count++;
    seen->sum = seen->sum * 10 + audit_number(line, "n", NULL);
    return 0;
}

static void write_line(const struct scratch *s, const char *name, int number)
{
    auto_free char *text = xasprintf(HEAD ",\"n\":%d}\n", number);

    scratch_write(s, name, text);
}

Test(reader, files_oldest_first_and_then_what_comes)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    struct seen seen = {0};
    struct err err = {0};

    write_line(&s, "log.4", 1);
    write_line(&s, "log.1", 2);
    write_line(&s, "log", 3);
    audit_reader_init(&reader, path);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0, "%s", err.msg);
    cr_expect_eq(seen.sum, 123);
    /* more in the same file, then a rotation */
    scratch_write(&s, "more", "");
    write_line(&s, "more", 5);
    {
        auto_buf struct buf text = {0};
        auto_free char *four = xasprintf(HEAD ",\"n\":4}\n" HEAD ",\"n\":");

        cr_assert_eq(audit_append(path, four, strlen(four), &err), 0, "%s", err.msg);
        cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0);
        cr_expect_eq(seen.sum, 1234);
        (void)text;
    }
    cr_assert_eq(renameat(s.fd, "log", s.fd, "log.1"), 0);
    cr_assert_eq(renameat(s.fd, "more", s.fd, "log"), 0);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0);
    cr_expect_eq(seen.sum, 12345);
    cr_expect_eq(audit_reader_damaged(&reader), 1, "the line that never ended");
    scratch_drop(&s);
}

/* Between two looks a log may have been rotated more than once: suspended readers miss nothing that
 * is still there. */
Test(reader, several_rotations_between_two_looks)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    struct seen seen = {0};
    struct err err = {0};

    write_line(&s, "log", 1);
    audit_reader_init(&reader, path);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0, "%s", err.msg);
    cr_assert_eq(renameat(s.fd, "log", s.fd, "log.3"), 0);
    write_line(&s, "log.2", 2);
    write_line(&s, "log.1", 3);
    write_line(&s, "log", 4);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0, "%s", err.msg);
    cr_expect_eq(seen.sum, 1234);
    /* ours is gone altogether: on with the oldest that there is */
    cr_assert_eq(renameat(s.fd, "log", s.fd, "elsewhere"), 0);
    write_line(&s, "log.2", 5);
    write_line(&s, "log", 6);
    cr_assert_eq(unlinkat(s.fd, "log.3", 0), 0);
    cr_assert_eq(unlinkat(s.fd, "log.1", 0), 0);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0, "%s", err.msg);
    cr_expect_eq(seen.sum, 123456);
    scratch_drop(&s);
}

/* A writer that opened the log before a rotation may add to it afterwards. */
Test(reader, what_is_added_to_a_rotated_file)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    auto_fd int early = -1;
    static const char line[] = HEAD ",\"n\":3}\n";
    struct seen seen = {0};

    write_line(&s, "log", 1);
    early = openat(s.fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
    audit_reader_init(&reader, path);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, NULL), 0);
    cr_assert_eq(renameat(s.fd, "log", s.fd, "log.1"), 0);
    write_line(&s, "log", 2);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, NULL), 0);
    cr_expect_eq(seen.sum, 12);
    cr_assert_eq(write(early, line, sizeof(line) - 1), (ssize_t)sizeof(line) - 1);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, NULL), 0);
    cr_expect_eq(seen.sum, 123);
    scratch_drop(&s);
}

/* As many as fit into what is kept, so that none is dropped however slow the reader is. */
#define WRITERS 4
#define LINES 10
#define PADDING 100000

static void write_many(const char *path, int writer)
{
    auto_free char *padding = xcalloc(1, PADDING + 1);

    memset(padding, 'x', PADDING);
    for (int i = 0; i < LINES; i++) {
        auto_free char *line =
            xasprintf(HEAD ",\"n\":%d,\"pad\":\"%s\"}\n", writer * LINES + i, padding);

        if (audit_append(path, line, strlen(line), NULL) < 0)
            _exit(1);
    }
    _exit(0);
}

struct ticks {
    unsigned char seen[WRITERS * LINES];
};

static int tick(void *context, const struct audit_line *line, const char *text, size_t len)
{
    struct ticks *ticks = context;

    (void)text;
    (void)len;
    ticks->seen[audit_number(line, "n", NULL)]++;
    return 0;
}

Test(reader, every_line_once_while_others_write_and_rotate, .timeout = 100)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    struct ticks ticks = {{0}};
    int running = WRITERS;

    audit_reader_init(&reader, path);
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0)
            write_many(path, i);
    }
    while (running > 0) {
        int status = 0;

        cr_assert_eq(audit_reader_more(&reader, tick, &ticks, NULL), 0);
        while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            cr_expect_eq(status, 0);
            running--;
        }
    }
    cr_assert_eq(audit_reader_more(&reader, tick, &ticks, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ticks.seen); i++)
        cr_expect_eq(ticks.seen[i], 1, "line %zu: %u times", i, ticks.seen[i]);
    cr_expect_eq(audit_reader_damaged(&reader), 0);
    scratch_drop(&s);
}

Test(reader, damage_is_counted_and_passed_over)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    struct seen seen = {0};

    scratch_write(&s, "log", "nonsense\n\n" HEAD ",\"n\":1}\n\xff\xff\n" HEAD ",\"n\":2}\n");
    audit_reader_init(&reader, path);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, NULL), 0);
    cr_expect_eq(seen.sum, 12);
    cr_expect_eq(audit_reader_damaged(&reader), 2);
    scratch_drop(&s);
}

Test(reader, no_log_is_an_empty_one_and_a_link_is_refused)
{
    struct scratch s = scratch_new();
    auto_free char *path = path_join(s.path, "log");
    auto_audit_reader struct audit_reader reader;
    struct seen seen = {0};
    struct err err = {0};

    audit_reader_init(&reader, path);
    cr_assert_eq(audit_reader_more(&reader, count_line, &seen, &err), 0);
    write_line(&s, "other", 1);
    cr_assert_eq(symlinkat("other", s.fd, "log"), 0);
    cr_expect_lt(audit_reader_more(&reader, count_line, &seen, &err), 0);
    unlinkat(s.fd, "log", 0);
    cr_assert_eq(mkfifoat(s.fd, "log", 0600), 0);
    cr_expect_eq(audit_reader_more(&reader, count_line, &seen, &err), -EPERM);
    unlinkat(s.fd, "log", 0);
    write_line(&s, "log", 1);
    cr_assert_eq(fchmodat(s.fd, "log", 0620, 0), 0);
    cr_expect_eq(audit_reader_more(&reader, count_line, &seen, &err), -EPERM);
    cr_assert_eq(fchmodat(s.fd, "log", 0600, 0), 0);
    cr_expect_eq(audit_reader_more(&reader, count_line, &seen, &err), 0, "the control");
    cr_expect_eq(seen.count, 1);
    scratch_drop(&s);
}
