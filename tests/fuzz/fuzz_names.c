/* Any bytes, as the names that a package puts into bin, one a line, each with what lies on both
 * sides. A name that gets a stub on the host shows as it is, is no command of the system's, no
 * option and no file that shells source; and the manifest gives back every name as it was. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decide-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/find/manifest.h"
#include "svenv/find/names.h"
#include "svenv/find/survey.h"
#include "svenv/find/venv.h"

#include "fuzz.h"

enum {
    NAMES_MAX = 64,
    NAME_BYTES_MAX = 255
};

static void check_shown(const char *name)
{
    static const char *const never[] = {"", ".", "..", "sh", "git", "sudo", "sandbox-venv"};
    auto_buf struct buf escaped = {0};
    size_t doubled = 0;

    for (const char *at = name; *at != '\0'; at++)
        doubled += *at == '\\';
    buf_add_str(&escaped, "");
    buf_add_escaped(&escaped, name);
    assert(escaped.len == strlen(name) + doubled);
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        assert(!str_eq(name, never[i]));
    assert(name[0] != '-' && name[0] != '.' && !name_is_sourced(name));
}

/* Every pair of sides that the first byte of the line can say. */
static void check_decision(const char *name, unsigned bits)
{
    struct pair pair = {.name = name,
                        .bin = bits % SIDE__COUNT,
                        .real = bits / SIDE__COUNT % SIDE__COUNT,
                        .known = (bits & 0x20) != 0,
                        .same = (bits & 0x40) != 0,
                        .worn = (bits & 0x80) != 0,
                        .damaged = (bits & 0x10) != 0,
                        .linked = (bits & 0x08) != 0};
    enum act sync = decide_sync(&pair, 1);
    enum act undo = decide_undo(&pair);

    assert(sync < ACT__COUNT && sync != ACT_RESTORE && undo < ACT__COUNT);
    if (sync == ACT_PUBLISH && pair.bin == SIDE_ABSENT)
        check_shown(name);
    if (sync == ACT_PUBLISH)
        assert(pair.real == SIDE_ENTRY && !name_is_sourced(name));
    if (undo == ACT_RESTORE && pair.bin == SIDE_ABSENT && !pair.known)
        check_shown(name);
    /* Without room nothing new appears on the host. */
    if (pair.bin == SIDE_ABSENT && !pair.known)
        assert(decide_sync(&pair, 0) == ACT_LEAVE || decide_sync(&pair, 0) == ACT_KEEP);
}

static int by_name(const void *a, const void *b)
{
    const struct venv_entry *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static size_t without_doubles(struct venv_entry *entries, size_t count)
{
    size_t kept = 0;

    qsort(entries, count, sizeof(*entries), by_name);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !str_eq(entries[kept - 1].name, entries[i].name))
            entries[kept++] = entries[i];
    }
    return kept;
}

static void check_manifest(struct venv_entry *entries, size_t count)
{
    struct venv venv = {.path = "/v",
                        .named = "/v",
                        .id = "0123456789abcdef0123456789abcdef",
                        .python = "python3",
                        .home = "/usr/bin",
                        .base_python = "/usr/bin/python3",
                        .base_prefix = "/usr",
                        .tool_version = "1",
                        .entries = entries,
                        .entry_count = without_doubles(entries, count)};
    auto_buf struct buf text = {0};
    auto_venv struct venv again;
    size_t cost = 0;

    venv_init(&again);
    manifest_format(&venv, &text);
    assert(manifest_parse(&again, "fuzz", text.data, text.len, NULL) == 0);
    assert(again.entry_count == venv.entry_count);
    for (size_t i = 0; i < again.entry_count; i++) {
        assert(str_eq(again.entries[i].name, entries[i].name));
        cost += manifest_name_cost(entries[i].name);
    }
    assert(text.len <= 4096 + cost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct venv_entry entries[NAMES_MAX];
    auto_free char *text = xcalloc(size + 1, 1);
    char *rest = text;
    size_t count = 0;

    if (size > 0)
        memcpy(text, data, size);
    for (char *line = strsep(&rest, "\n"); line && count < NAMES_MAX; line = strsep(&rest, "\n")) {
        const char *name = *line ? line + 1 : line;

        /* No directory holds such names. */
        if (*name == '\0' || strchr(name, '/') || strlen(name) > NAME_BYTES_MAX ||
            str_eq(name, ".") || str_eq(name, ".."))
            continue;
        check_decision(name, (unsigned char)line[0]);
        entries[count++].name = name;
    }
    check_manifest(entries, count);
    return 0;
}
