/* Messages of D-Bus as bytes, bounded. */
#include "svenv/sys/dbus.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "svenv/base/str.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "messages are written in the machine's byte order, which has to be little-endian"
#endif

enum {
    FIELD_PATH = 1,
    FIELD_INTERFACE,
    FIELD_MEMBER,
    FIELD_ERROR,
    FIELD_REPLY,
    FIELD_DESTINATION,
    FIELD_SENDER,
    FIELD_SIGNATURE,
    FIELD_DESCRIPTORS,
    VERSION = 1
};

/* --- writing -------------------------------------------------------------------------------- */

void dbus_pad(struct buf *out, size_t align)
{
    while (out->len % align != 0)
        buf_add_char(out, '\0');
}

void dbus_add_u32(struct buf *out, uint32_t value)
{
    dbus_pad(out, 4);
    buf_add(out, &value, sizeof(value));
}

void dbus_add_u64(struct buf *out, uint64_t value)
{
    dbus_pad(out, 8);
    buf_add(out, &value, sizeof(value));
}

void dbus_add_string(struct buf *out, const char *text)
{
    dbus_add_u32(out, (uint32_t)strlen(text));
    buf_add(out, text, strlen(text) + 1);
}

void dbus_add_signature(struct buf *out, const char *text)
{
    buf_add_char(out, (char)strlen(text));
    buf_add(out, text, strlen(text) + 1);
}

size_t dbus_begin_array(struct buf *out, size_t align)
{
    size_t at;

    dbus_add_u32(out, 0);
    at = out->len;
    dbus_pad(out, align);
    return at;
}

/* The length counts neither itself nor the padding before the first element. */
void dbus_end_array(struct buf *out, size_t begun, size_t align)
{
    uint32_t len = (uint32_t)(out->len - (begun + align - 1) / align * align);

    memcpy(out->data + begun - sizeof(len), &len, sizeof(len));
}

static void add_field(struct buf *out, char code, const char *type, const char *text)
{
    if (!text)
        return;
    dbus_pad(out, 8);
    buf_add_char(out, code);
    dbus_add_signature(out, type);
    if (*type == 'g')
        dbus_add_signature(out, text);
    else
        dbus_add_string(out, text);
}

void dbus_add_call(struct buf *out, const struct dbus_call *call)
{
    static const char fixed[] = {'l', DBUS_CALL, 0, VERSION};
    size_t fields;

    buf_add(out, fixed, sizeof(fixed));
    dbus_add_u32(out, call->body ? (uint32_t)call->body->len : 0);
    dbus_add_u32(out, call->serial);
    fields = dbus_begin_array(out, 8);
    add_field(out, FIELD_PATH, "o", call->path);
    add_field(out, FIELD_DESTINATION, "s", call->destination);
    add_field(out, FIELD_INTERFACE, "s", call->interface);
    add_field(out, FIELD_MEMBER, "s", call->member);
    add_field(out, FIELD_SIGNATURE, "g", call->signature);
    dbus_end_array(out, fields, 8);
    dbus_pad(out, 8);
    if (call->body)
        buf_add(out, call->body->data, call->body->len);
}

/* --- reading -------------------------------------------------------------------------------- */

static int skip_padding(struct dbus_reader *reader, size_t align)
{
    for (; reader->pos % align != 0; reader->pos++) {
        if (reader->pos >= reader->len || reader->data[reader->pos] != 0)
            return -EBADMSG;
    }
    return 0;
}

int dbus_read_u32(struct dbus_reader *reader, uint32_t *out)
{
    if (skip_padding(reader, 4) < 0 || reader->pos > reader->len ||
        reader->len - reader->pos < sizeof(*out))
        return -EBADMSG;
    memcpy(out, reader->data + reader->pos, sizeof(*out));
    reader->pos += sizeof(*out);
    return 0;
}

/* `len` bytes and a NUL; none of them may be NUL. */
static int dbus_read_text(struct dbus_reader *reader, size_t len, const char **out)
{
    const char *text = (const char *)reader->data + reader->pos;

    if (reader->pos > reader->len || reader->len - reader->pos <= len || text[len] != '\0' ||
        memchr(text, '\0', len))
        return -EBADMSG;
    reader->pos += len + 1;
    *out = text;
    return 0;
}

int dbus_read_string(struct dbus_reader *reader, const char **out)
{
    uint32_t len;

    if (dbus_read_u32(reader, &len) < 0)
        return -EBADMSG;
    return dbus_read_text(reader, len, out);
}

static int read_byte(struct dbus_reader *reader, unsigned char *out)
{
    if (reader->pos >= reader->len)
        return -EBADMSG;
    *out = reader->data[reader->pos++];
    return 0;
}

static int read_signature(struct dbus_reader *reader, const char **out)
{
    unsigned char len;

    return read_byte(reader, &len) < 0 ? -EBADMSG : dbus_read_text(reader, len, out);
}

static int read_head(struct dbus_reader *reader, unsigned char *type, uint32_t *body,
                     uint32_t *serial, uint32_t *fields)
{
    unsigned char order, flags, version;

    if (read_byte(reader, &order) < 0 || read_byte(reader, type) < 0 ||
        read_byte(reader, &flags) < 0 || read_byte(reader, &version) < 0 ||
        dbus_read_u32(reader, body) < 0 || dbus_read_u32(reader, serial) < 0 ||
        dbus_read_u32(reader, fields) < 0)
        return -EBADMSG;
    return order == 'l' && version == VERSION && *type != 0 && *serial != 0 ? 0 : -EBADMSG;
}

int dbus_length(const void *head, size_t *len_out)
{
    struct dbus_reader reader = {.data = head, .len = DBUS_FIXED};
    uint32_t body, serial, fields;
    unsigned char type;

    if (read_head(&reader, &type, &body, &serial, &fields) < 0)
        return -EBADMSG;
    if (body > DBUS_MESSAGE_MAX || fields > DBUS_MESSAGE_MAX)
        return -EMSGSIZE;
    *len_out = DBUS_FIXED + ((size_t)fields + 7) / 8 * 8 + body;
    return *len_out > DBUS_MESSAGE_MAX ? -EMSGSIZE : 0;
}

/* A field of a type that it must not have is refused; one with a code that we do not know is
 * passed over, as the specification wants, when its type is simple. */
static int store_field(struct dbus_reader *reader, unsigned char code, char type,
                       struct dbus_message *message)
{
    static const char types[] = {
        [FIELD_PATH] = 'o',   [FIELD_INTERFACE] = 's', [FIELD_MEMBER] = 's',
        [FIELD_ERROR] = 's',  [FIELD_REPLY] = 'u',     [FIELD_DESTINATION] = 's',
        [FIELD_SENDER] = 's', [FIELD_SIGNATURE] = 'g', [FIELD_DESCRIPTORS] = 'u'};
    const char *ignored;
    uint32_t number;
    const char **texts[] = {
        [FIELD_PATH] = &message->path,     [FIELD_INTERFACE] = &message->interface,
        [FIELD_MEMBER] = &message->member, [FIELD_ERROR] = &message->error,
        [FIELD_REPLY] = &ignored,          [FIELD_DESTINATION] = &ignored,
        [FIELD_SENDER] = &message->sender, [FIELD_SIGNATURE] = &message->signature,
        [FIELD_DESCRIPTORS] = &ignored};
    bool known = code > 0 && code < sizeof(types);
    const char **text = known ? texts[code] : &ignored;

    if (code == 0 || (known && types[code] != type))
        return -EBADMSG;
    if (type == 's' || type == 'o')
        return dbus_read_string(reader, text);
    if (type == 'g')
        return read_signature(reader, text);
    if (type != 'u' || dbus_read_u32(reader, &number) < 0)
        return -EBADMSG;
    if (code == FIELD_REPLY)
        message->reply_serial = number;
    return 0;
}

static int read_fields(struct dbus_reader *reader, size_t end, struct dbus_message *message)
{
    while (reader->pos < end) {
        const char *type;
        unsigned char code;

        if (skip_padding(reader, 8) < 0 || read_byte(reader, &code) < 0 ||
            read_signature(reader, &type) < 0 || strlen(type) != 1 ||
            store_field(reader, code, *type, message) < 0)
            return -EBADMSG;
    }
    return reader->pos == end ? 0 : -EBADMSG;
}

int dbus_parse(const void *data, size_t len, struct dbus_message *out)
{
    struct dbus_reader reader = {.data = data, .len = len};
    struct dbus_message message = {.signature = ""};
    uint32_t body, fields;
    size_t whole, end;
    unsigned char type;

    if (len < DBUS_FIXED || read_head(&reader, &type, &body, &message.serial, &fields) < 0 ||
        dbus_length(data, &whole) < 0 || whole != len)
        return -EBADMSG;
    end = DBUS_FIXED + fields;
    reader.len = end; /* no field may reach into the body */
    if (read_fields(&reader, end, &message) < 0)
        return -EBADMSG;
    reader.len = len;
    if (skip_padding(&reader, 8) < 0)
        return -EBADMSG;
    if ((type == DBUS_RETURN || type == DBUS_ERROR) && message.reply_serial == 0)
        return -EBADMSG;
    message.type = (enum dbus_type)type;
    message.body = reader.data + reader.pos;
    message.body_len = len - reader.pos;
    *out = message;
    return 0;
}

/* --- addresses ------------------------------------------------------------------------------ */

static int hex(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    if (!at)
        return -1;
    return at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* The value of a key, up to ',' or ';', with %XX. Return: its length or negative errno. */
static int unescape(const char *text, char *out, size_t size)
{
    size_t len = 0;

    for (; *text && *text != ',' && *text != ';'; text++) {
        char c = *text;

        if (c == '%') {
            if (hex(text[1]) < 0 || hex(text[2]) < 0)
                return -EINVAL;
            c = (char)(hex(text[1]) * 16 + hex(text[2]));
            text += 2;
        }
        if (c == '\0')
            return -EINVAL;
        if (len + 1 >= size)
            return -ENAMETOOLONG;
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0 ? (int)len : -EINVAL;
}

static int dbus_read_entry(const char *keys, struct sockaddr_un *out, socklen_t *len_out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    for (const char *key = keys; *key && *key != ';'; key += strcspn(key, ",;")) {
        bool is_abstract;
        int len;

        key += *key == ',';
        is_abstract = str_starts(key, "abstract=");
        if (!is_abstract && !str_starts(key, "path="))
            continue;
        len = unescape(strchr(key, '=') + 1, address.sun_path + is_abstract,
                       sizeof(address.sun_path) - is_abstract);
        if (len < 0)
            return len;
        *out = address;
        *len_out = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
        return 0;
    }
    return -EINVAL;
}

int dbus_address(const char *text, struct sockaddr_un *out, socklen_t *len_out)
{
    for (const char *entry = text; *entry; entry += strcspn(entry, ";")) {
        int rc;

        entry += *entry == ';';
        if (!str_starts(entry, "unix:"))
            continue;
        rc = dbus_read_entry(entry + strlen("unix:"), out, len_out);
        if (rc != -EINVAL)
            return rc;
    }
    return -EINVAL;
}
