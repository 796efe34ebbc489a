/* The little of D-Bus that one question to systemd needs: its wire format, little-endian, as bytes.
 * Answers are hostile input: nothing is read beyond what came, and what is odd is refused. */
#ifndef SVENV_SYS_DBUS_H
#define SVENV_SYS_DBUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct buf;

enum {
    DBUS_FIXED = 16, /* bytes of a message before its fields */
    DBUS_MESSAGE_MAX = 64 * 1024
};

enum dbus_type {
    DBUS_CALL = 1,
    DBUS_RETURN,
    DBUS_ERROR,
    DBUS_SIGNAL
};

/* --- writing ----------------------------------------------------------------------------------
 * Values are aligned from the start of their buffer, so one that becomes a body begins empty. */

void dbus_pad(struct buf *out, size_t align);
void dbus_add_u32(struct buf *out, uint32_t value);
void dbus_add_u64(struct buf *out, uint64_t value);
void dbus_add_string(struct buf *out, const char *text);
void dbus_add_signature(struct buf *out, const char *text);
/* align: of the elements. Return: what dbus_end_array() must be given. */
size_t dbus_begin_array(struct buf *out, size_t align);
void dbus_end_array(struct buf *out, size_t begun, size_t align);

struct dbus_call {
    uint32_t serial;
    const char *destination;
    const char *path;
    const char *interface;
    const char *member;
    const char *signature; /* NULL: no arguments */
    const struct buf *body;
};

/* out: empty. */
void dbus_add_call(struct buf *out, const struct dbus_call *call);

/* --- reading ----------------------------------------------------------------------------------
 * All give 0, or -EBADMSG, -EMSGSIZE. Texts point into the message. */

struct dbus_message {
    enum dbus_type type;
    uint32_t serial;
    uint32_t reply_serial; /* 0: none */
    const char *path, *interface, *member, *error, *sender;
    const char *signature; /* "": no body */
    const void *body;
    size_t body_len;
};

/* How long the message is whose first DBUS_FIXED bytes these are. */
int dbus_length(const void *head, size_t *len_out);
int dbus_parse(const void *data, size_t len, struct dbus_message *out);

struct dbus_reader {
    const unsigned char *data;
    size_t len, pos;
};

int dbus_read_u32(struct dbus_reader *reader, uint32_t *out);
int dbus_read_string(struct dbus_reader *reader, const char **out);

/* --- addresses ---------------------------------------------------------------------------------
 */

/* The first Unix socket in a list like DBUS_SESSION_BUS_ADDRESS ("unix:path=/run/user/1000/bus").
 * Return: 0, -EINVAL when there is none, -ENAMETOOLONG. */
int dbus_address(const char *text, struct sockaddr_un *out, socklen_t *len_out);

#endif
