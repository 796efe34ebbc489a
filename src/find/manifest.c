/* Writes the manifest of a wrapped venv. */
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include <errno.h>
#include <stddef.h>

#include "svenv/base/err.h"
#include "svenv/base/json.h"
#include "svenv/base/sizes.h"

#include "svenv/find/manifest.h"

const struct manifest_field manifest_fields[] = {
    {"tool", MANIFEST_TEXT, false, offsetof(struct venv, tool_version)},
    {"id", MANIFEST_ID, false, offsetof(struct venv, id)},
    {"path", MANIFEST_PATH, false, offsetof(struct venv, path)},
    {"named", MANIFEST_PATH, false, offsetof(struct venv, named)},
    {"project", MANIFEST_PATH, true, offsetof(struct venv, project)},
    {"project-named", MANIFEST_PATH, true, offsetof(struct venv, project_named)},
    {"project-reason", MANIFEST_TEXT, true, offsetof(struct venv, project_reason)},
    {"python", MANIFEST_NAME, false, offsetof(struct venv, python)},
    {"python-version", MANIFEST_TEXT, true, offsetof(struct venv, version)},
    {"home", MANIFEST_PATH, false, offsetof(struct venv, home)},
    {"base-python", MANIFEST_PATH, false, offsetof(struct venv, base_python)},
    {"base-prefix", MANIFEST_PATH, false, offsetof(struct venv, base_prefix)},
    {"index-url", MANIFEST_TEXT, true, offsetof(struct venv, index_url)},
    {"index-files", MANIFEST_TEXT, true, offsetof(struct venv, index_files)},
    {"bin-mode", MANIFEST_U32, false, offsetof(struct venv, bin_mode)},
    {"bin-mtime", MANIFEST_I64, false, offsetof(struct venv, bin_mtime_ns)},
    {"root-mtime", MANIFEST_I64, false, offsetof(struct venv, root_mtime_ns)},
    {"unfinished", MANIFEST_BOOL, false, offsetof(struct venv, unfinished)},
    {"own-shell", MANIFEST_BOOL, false, offsetof(struct venv, own_shell)},
};
const size_t manifest_field_count = ARRAY_SIZE(manifest_fields);

const char *const manifest_need_kinds[MANIFEST_NEED_KINDS] = {
    [VENV_NEED_DIR] = "dir",
    [VENV_NEED_FILE] = "file",
    [VENV_NEED_SYMLINK] = "symlink",
};

size_t manifest_name_cost(const char *name)
{
    size_t cost = 16;

    for (const char *at = name; *at != '\0'; at++)
        cost += manifest_is_plain_byte(*at) && *at != '"' && *at != '\\' ? 1 : 3;
    return cost;
}

/* File names are bytes and JSON is text: bytes that are not printable ASCII are written as %XX. */
static void write_text(struct json *json, const char *text)
{
    auto_buf struct buf coded = {0};

    if (text == NULL) {
        json_str(json, NULL);
        return;
    }
    buf_add_str(&coded, "");
    for (const char *at = text; *at != '\0'; at++) {
        if (manifest_is_plain_byte(*at))
            buf_add_char(&coded, *at);
        else
            buf_printf(&coded, "%%%02X", (unsigned)(unsigned char)*at);
    }
    json_str(json, coded.data);
}

static void write_field(struct json *json, const struct venv *venv,
                        const struct manifest_field *field)
{
    const void *slot = (const char *)venv + field->offset;

    json_key(json, field->key);
    switch (field->kind) {
    case MANIFEST_U32:
        json_uint(json, *(const uint32_t *)slot);
        break;
    case MANIFEST_I64:
        json_int(json, *(const int64_t *)slot);
        break;
    case MANIFEST_BOOL:
        json_bool(json, *(const bool *)slot);
        break;
    case MANIFEST_TEXT:
    case MANIFEST_PATH:
    case MANIFEST_NAME:
    case MANIFEST_ID:
        write_text(json, *(const char *const *)slot);
        break;
    }
}

static void write_need(struct json *json, const struct venv_need *need)
{
    json_open(json, '{');
    json_key(json, "kind");
    json_str(json, manifest_need_kinds[need->kind]);
    json_key(json, "path");
    write_text(json, need->path);
    if (need->kind == VENV_NEED_SYMLINK) {
        json_key(json, "target");
        write_text(json, need->target);
    }
    json_close(json, '}');
}

static void write_interpreters(struct json *json, const struct venv *venv)
{
    if (venv->interpreter_count == 0)
        return;
    json_key(json, "interpreters");
    json_open(json, '[');
    for (size_t i = 0; i < venv->interpreter_count; i++) {
        const struct venv_interpreter *one = &venv->interpreters[i];

        json_open(json, '{');
        json_key(json, "name");
        write_text(json, one->name);
        json_key(json, one->target ? "target" : "sum");
        write_text(json, one->target ? one->target : one->sum);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void manifest_format(const struct venv *venv, struct buf *out)
{
    struct json json;

    json_init(&json, out, true);
    json_open(&json, '{');
    json_key(&json, "version");
    json_int(&json, MANIFEST_VERSION);
    for (size_t i = 0; i < manifest_field_count; i++)
        write_field(&json, venv, &manifest_fields[i]);
    json_key(&json, "needs");
    json_open(&json, '[');
    for (size_t i = 0; i < venv->need_count; i++)
        write_need(&json, &venv->needs[i]);
    json_close(&json, ']');
    json_key(&json, "entries");
    json_open(&json, '[');
    for (size_t i = 0; i < venv->entry_count; i++)
        write_text(&json, venv->entries[i].name);
    json_close(&json, ']');
    json_key(&json, "withheld");
    json_open(&json, '[');
    for (size_t i = 0; i < venv->withheld_count; i++)
        write_text(&json, venv->withheld[i]);
    json_close(&json, ']');
    write_interpreters(&json, venv);
    json_close(&json, '}');
    buf_add_char(out, '\n');
}

int manifest_write(const struct venv *venv, int sandbox_dir, struct err *err)
{
    auto_buf struct buf text = {0};

    manifest_format(venv, &text);
    if (text.len > MANIFEST_BYTES_MAX)
        return err_plain(err, E2BIG, "the manifest of '%s' would be too large", venv->path);
    return file_write_atomic(sandbox_dir, SANDBOX_MANIFEST, text.data, text.len, 0600, err);
}
