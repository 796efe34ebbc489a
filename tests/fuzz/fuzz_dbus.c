/* Any bytes from a bus: a message whose parts lie within it, or refused; any bytes as an address or
 * as the text of /proc/PID/cgroup. */
#include <assert.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/sys/cgroup.h"
#include "svenv/sys/dbus.h"

#include "fuzz.h"

static void check_text(const struct dbus_message *message, const char *text, const uint8_t *data,
                       size_t size)
{
    if (!text || text == message->signature)
        return;
    assert((const uint8_t *)text >= data && (const uint8_t *)text + strlen(text) < data + size);
}

static void try_message(const uint8_t *data, size_t size)
{
    struct dbus_message message;
    struct dbus_reader reader;
    const char *text;
    uint32_t number;
    size_t len;

    if (size >= DBUS_FIXED && dbus_length(data, &len) == 0)
        assert(len >= DBUS_FIXED && len <= DBUS_MESSAGE_MAX);
    if (dbus_parse(data, size, &message) < 0)
        return;
    check_text(&message, message.path, data, size);
    check_text(&message, message.interface, data, size);
    check_text(&message, message.member, data, size);
    check_text(&message, message.error, data, size);
    check_text(&message, message.sender, data, size);
    assert((const uint8_t *)message.body + message.body_len == data + size);
    reader = (struct dbus_reader){.data = message.body, .len = message.body_len};
    (void)dbus_read_u32(&reader, &number);
    while (dbus_read_string(&reader, &text) == 0)
        assert((const uint8_t *)text + strlen(text) < data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *copy = xcalloc(1, size + 1);
    struct sockaddr_un address;
    char path[64];
    socklen_t len;
    uint64_t count;

    memcpy(copy, data, size);
    try_message(data, size);
    if (dbus_address(copy, &address, &len) == 0)
        assert(len > offsetof(struct sockaddr_un, sun_path) && len <= sizeof(address));
    if (cgroup_parse_path((const char *)data, size, path, sizeof(path)) == 0)
        assert(path[0] == '/' && strlen(path) < sizeof(path));
    (void)cgroup_parse_event(copy, "oom_kill", &count);
    return 0;
}
