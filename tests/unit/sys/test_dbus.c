/* Messages against tables of bytes that were written by hand from the specification's marshalling
 * rules. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/dbus.h"

#define BYTES(text) (text), sizeof(text) - 1

static void expect_bytes(const struct buf *got, const char *want, size_t len, const char *what)
{
    cr_expect_eq(got->len, len, "%s: %zu bytes, not %zu", what, got->len, len);
    for (size_t i = 0; i < got->len && i < len; i++) {
        if (got->data[i] != want[i]) {
            cr_expect_fail("%s: byte %zu is %02x, not %02x", what, i, (unsigned char)got->data[i],
                           (unsigned char)want[i]);
            return;
        }
    }
}

static const char hello[] = "l\1\0\1" /* little-endian, call, no flags, version */
                            "\0\0\0\0"
                            "\1\0\0\0"
                            "\x6e\0\0\0"
                            "\1\1o\0"
                            "\x15\0\0\0"
                            "/org/freedesktop/DBus\0"
                            "\0\0"
                            "\6\1s\0"
                            "\x14\0\0\0"
                            "org.freedesktop.DBus\0"
                            "\0\0\0"
                            "\2\1s\0"
                            "\x14\0\0\0"
                            "org.freedesktop.DBus\0"
                            "\0\0\0"
                            "\3\1s\0"
                            "\5\0\0\0"
                            "Hello\0"
                            "\0\0";

Test(dbus, a_call_without_arguments)
{
    auto_buf struct buf out = {0};

    dbus_add_call(&out, &(struct dbus_call){.serial = 1,
                                            .destination = "org.freedesktop.DBus",
                                            .path = "/org/freedesktop/DBus",
                                            .interface = "org.freedesktop.DBus",
                                            .member = "Hello"});
    expect_bytes(&out, BYTES(hello), "Hello");
}

Test(dbus, a_call_with_an_argument)
{
    static const char want[] = "l\1\0\1"
                               "\6\0\0\0"
                               "\7\0\0\0"
                               "\x27\0\0\0"
                               "\1\1o\0"
                               "\2\0\0\0"
                               "/a\0"
                               "\0\0\0\0\0"
                               "\3\1s\0"
                               "\1\0\0\0"
                               "M\0"
                               "\0\0\0\0\0\0"
                               "\x8\1g\0"
                               "\1s\0"
                               "\0" /* padding to 8: the body begins here */
                               "\1\0\0\0"
                               "x\0";
    auto_buf struct buf body = {0}, out = {0};

    dbus_add_string(&body, "x");
    dbus_add_call(&out,
                  &(struct dbus_call){
                      .serial = 7, .path = "/a", .member = "M", .signature = "s", .body = &body});
    expect_bytes(&out, BYTES(want), "M(s)");
}

Test(dbus, arrays_align_their_elements_and_count_only_those)
{
    static const char want[] = "\1\0\0\0" /* before, so that padding is needed */
                               "\x8\0\0\0"
                               "\2\0\0\0\0\0\0\0"
                               "\0\0\0\0" /* an empty array of structs is padded, too */
                               "\0\0\0\0"
                               "\x8\0\0\0"
                               "\3\0\0\0"
                               "\4\0\0\0";
    auto_buf struct buf out = {0};
    size_t array;

    dbus_add_u32(&out, 1);
    array = dbus_begin_array(&out, 8);
    dbus_add_u64(&out, 2);
    dbus_end_array(&out, array, 8);
    dbus_end_array(&out, dbus_begin_array(&out, 8), 8);
    array = dbus_begin_array(&out, 4);
    dbus_add_u32(&out, 3);
    dbus_add_u32(&out, 4);
    dbus_end_array(&out, array, 4);
    expect_bytes(&out, BYTES(want), "arrays");
}

static const char answer[] = "l\2\1\1" /* a return */
                             "\6\0\0\0"
                             "\x9\0\0\0"
                             "\x1b\0\0\0"
                             "\5\1u\0" /* 16: it answers serial 3 */
                             "\3\0\0\0"
                             "\x8\1g\0" /* 24 */
                             "\1s\0"
                             "\0"
                             "\7\1s\0" /* 32 */
                             "\2\0\0\0"
                             ":1\0"
                             "\0\0\0\0\0"
                             "\1\0\0\0" /* 48: the body */
                             "j\0";

enum {
    ANSWER_LEN = sizeof(answer) - 1
};

Test(dbus, an_answer_is_read)
{
    struct dbus_message message;
    struct dbus_reader reader;
    const char *text = NULL;
    size_t len = 0;

    cr_assert_eq(dbus_length(answer, &len), 0);
    cr_expect_eq(len, ANSWER_LEN);
    cr_assert_eq(dbus_parse(answer, len, &message), 0);
    cr_expect_eq(message.type, DBUS_RETURN);
    cr_expect_eq(message.serial, 9);
    cr_expect_eq(message.reply_serial, 3);
    cr_expect_str_eq(message.sender, ":1");
    cr_expect_str_eq(message.signature, "s");
    cr_expect_eq(message.body_len, 6);
    reader = (struct dbus_reader){.data = message.body, .len = message.body_len};
    cr_assert_eq(dbus_read_string(&reader, &text), 0);
    cr_expect_str_eq(text, "j");
    cr_expect_eq(dbus_read_string(&reader, &text), -EBADMSG);
}

/* A copy of exactly that size, so that a read beyond it is seen. */
static int parse_copy(const char *data, size_t len)
{
    auto_free char *copy = xcalloc(1, len ? len : 1);
    struct dbus_message message;

    memcpy(copy, data, len);
    return dbus_parse(copy, len, &message);
}

Test(dbus, one_byte_that_is_wrong)
{
    static const struct {
        size_t at;
        char byte;
        const char *what;
    } rows[] = {
        {0, 'B', "big-endian"},
        {1, 0, "no type"},
        {3, 2, "another version"},
        {4, 7, "a longer body than came"},
        {8, 0, "no serial"},
        {12, 28, "fields that end in the padding"},
        {12, 26, "fields that end within one"},
        {16, 0, "a field with the code 0"},
        {16, 6, "a destination that is a number"},
        {17, 2, "a type of two letters"},
        {18, 's', "a reply's serial that is a text"},
        {18, 'a', "a type that is an array"},
        {20, 0, "a return that answers nothing"},
        {29, 0, "a signature with NUL in it"},
        {31, 1, "padding between fields that is not 0"},
        {36, 3, "a text that runs into the padding"},
        {36, -1, "a text longer than the message"},
        {39, 127, "a text of gigabytes"},
        {40, 0, "a text with NUL in it"},
        {42, 'x', "a text without its NUL"},
        {45, 1, "padding before the body that is not 0"},
    };
    char data[ANSWER_LEN];

    cr_expect_eq(parse_copy(answer, ANSWER_LEN), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        memcpy(data, answer, ANSWER_LEN);
        data[rows[i].at] = rows[i].byte;
        cr_expect_eq(parse_copy(data, ANSWER_LEN), -EBADMSG, "%s", rows[i].what);
    }
}

Test(dbus, cut_and_damaged_messages_do_no_harm)
{
    char data[ANSWER_LEN];

    for (size_t len = 0; len < ANSWER_LEN; len++)
        cr_expect_eq(parse_copy(answer, len), -EBADMSG, "%zu bytes", len);
    for (size_t at = 0; at < ANSWER_LEN; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(data, answer, ANSWER_LEN);
            data[at] = (char)byte;
            (void)parse_copy(data, ANSWER_LEN);
        }
    }
}

Test(dbus, lengths_have_a_cap)
{
    static const struct {
        const char *head;
        int rc;
    } rows[] = {
        {"l\2\0\1\0\0\0\0\1\0\0\0\0\0\0\0", 0},
        {"l\2\0\1\0\0\2\0\1\0\0\0\0\0\0\0", -EMSGSIZE},
        {"l\2\0\1\0\0\0\0\1\0\0\0\0\0\2\0", -EMSGSIZE},
        {"l\2\0\1\xff\xff\xff\xff\1\0\0\0\xff\xff\xff\xff", -EMSGSIZE},
        {"l\2\0\1\0\0\1\0\1\0\0\0\0\0\1\0", -EMSGSIZE},
        {"x\2\0\1\0\0\0\0\1\0\0\0\0\0\0\0", -EBADMSG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len = 0;

        cr_expect_eq(dbus_length(rows[i].head, &len), rows[i].rc, "row %zu", i);
    }
}

Test(dbus, addresses)
{
    static const struct {
        const char *text;
        int rc;
        const char *path;
        size_t len;
    } rows[] = {
        {"unix:path=/run/user/1000/bus", 0, "/run/user/1000/bus", 18},
        {"unix:path=/run/user/1000/bus,guid=00ff", 0, "/run/user/1000/bus", 18},
        {"unix:guid=1,path=/x", 0, "/x", 2},
        {"unix:abstract=/tmp/dbus-x,guid=1", 0, "\0/tmp/dbus-x", 12},
        {"tcp:host=localhost,port=1;unix:path=/a%20b", 0, "/a b", 4},
        {"unix:tmpdir=/tmp;unix:path=/b", 0, "/b", 2},
        {"", -EINVAL, "", 0},
        {"tcp:host=localhost,port=1", -EINVAL, "", 0},
        {"unix:", -EINVAL, "", 0},
        {"unix:path=", -EINVAL, "", 0},
        {"unix:path=%0", -EINVAL, "", 0},
        {"unix:path=/a%00", -EINVAL, "", 0},
        {"unix:path=/a%zz", -EINVAL, "", 0},
        {"unix:path=/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
         "123456789/123456789/123456789/123456",
         0,
         "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
         "123456789/123456789/123456789/123456",
         108 - 1},
        {"unix:path=/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
         "123456789/123456789/123456789/1234567",
         -ENAMETOOLONG, "", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sockaddr_un address = {0};
        socklen_t len = 0;
        int rc = dbus_address(rows[i].text, &address, &len);

        cr_expect_eq(rc, rows[i].rc, "'%s': %d", rows[i].text, rc);
        if (rc < 0)
            continue;
        cr_expect_eq(address.sun_family, AF_UNIX);
        cr_expect_eq(memcmp(address.sun_path, rows[i].path, rows[i].len), 0, "'%s'", rows[i].text);
        /* A path is counted with its NUL, an abstract name without. */
        cr_expect_eq(len,
                     offsetof(struct sockaddr_un, sun_path) + rows[i].len + (*rows[i].path != 0),
                     "'%s': %u", rows[i].text, len);
    }
}
