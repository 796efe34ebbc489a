/* Any bytes: an error with a position, or a manifest whose paths and names keep what they promise.
 */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/manifest.h"
#include "svenv/find/venv.h"

#include "fuzz.h"

static void check(const struct venv *venv)
{
    assert(venv->path[0] == '/' && venv->named[0] == '/' && venv->base_prefix[0] == '/');
    assert(strlen(venv->id) == 32 && strspn(venv->id, "0123456789abcdef") == 32);
    assert(venv->project == NULL || venv->project[0] == '/');
    assert(venv->bin_mode <= 07777);
    for (size_t i = 0; i < venv->need_count; i++) {
        const struct venv_need *need = &venv->needs[i];

        assert(need->path[0] == '/');
        assert((need->kind == VENV_NEED_SYMLINK) == (need->target != NULL));
    }
    for (size_t i = 0; i < venv->entry_count; i++) {
        const char *name = venv->entries[i].name;

        assert(*name != '\0' && strlen(name) <= 255 && strchr(name, '/') == NULL);
        assert(!str_eq(name, ".") && !str_eq(name, ".."));
        assert(i == 0 || strcmp(venv->entries[i - 1].name, name) < 0);
    }
}

/* A written manifest is read back, and written again it is the same. */
static void check_round(const struct venv *venv)
{
    auto_buf struct buf first = {0};
    auto_buf struct buf second = {0};
    auto_venv struct venv again;

    venv_init(&again);
    manifest_format(venv, &first);
    if (first.len > MANIFEST_BYTES_MAX)
        return;
    assert(manifest_parse(&again, "again", first.data, first.len, NULL) == 0);
    manifest_format(&again, &second);
    assert(str_eq(first.data, second.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    if (manifest_parse(&venv, "fuzz", (const char *)data, size, &err) == 0) {
        check(&venv);
        check_round(&venv);
    } else {
        assert(err.msg[0] != '\0');
    }
    venv_finish(&venv);
    return 0;
}
