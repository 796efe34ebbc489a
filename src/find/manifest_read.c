/* Reads the manifest of a wrapped venv. */
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "svenv/base/err.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/base/percent.h"
#include "svenv/base/sizes.h"
#include "svenv/formats/json_read.h"

#include "svenv/find/manifest.h"
#include "svenv/find/site.h"

#define ID_DIGITS 32

struct reader {
    struct venv *venv;
    const char *name;
    struct err *err;
};

static int manifest_complain(const struct reader *r, const struct json_node *node, const char *what)
{
    return err_at(r->err, r->name, node->line, node->col, "%s", what);
}

/* Return: the decoded text in the venv's arena, NULL when it is not well-formed. */
static const char *manifest_decode(struct arena *arena, const char *coded)
{
    char *text = arena_strdup(arena, coded);

    for (const char *at = coded; *at != '\0'; at++) {
        if (!manifest_is_plain_byte(*at) && *at != '%')
            return NULL;
    }
    return percent_decode(text, PERCENT_OWN) ? text : NULL;
}

static bool manifest_is_component(const char *text)
{
    return *text != '\0' && strlen(text) <= 255 && strchr(text, '/') == NULL &&
           !str_eq(text, ".") && !str_eq(text, "..");
}

static bool is_valid(const char *text, enum manifest_kind kind)
{
    if (kind == MANIFEST_PATH)
        return text[0] == '/';
    if (kind == MANIFEST_NAME)
        return manifest_is_component(text);
    if (kind == MANIFEST_ID)
        return strlen(text) == ID_DIGITS && strspn(text, "0123456789abcdef") == ID_DIGITS;
    return true;
}

static int manifest_read_text(const struct reader *r, const struct json_node *node,
                              enum manifest_kind kind, const char **out)
{
    const char *text = NULL;

    if (node->kind != JSON_STRING)
        return manifest_complain(r, node, "expected a text");
    text = manifest_decode(&r->venv->arena, node->text);
    if (text == NULL || !is_valid(text, kind))
        return manifest_complain(r, node, "not a valid value here");
    *out = text;
    return 0;
}

static int manifest_read_number(const struct reader *r, const struct json_node *node, int64_t min,
                                int64_t max, int64_t *out)
{
    if (node->kind != JSON_NUMBER || node->number < min || node->number > max)
        return manifest_complain(r, node, "expected a number");
    *out = node->number;
    return 0;
}

static int manifest_read_field(const struct reader *r, const struct manifest_field *field,
                               const struct json_node *node)
{
    void *slot = (char *)r->venv + field->offset;
    int64_t number = 0;
    int rc = 0;

    if (field->optional && node->kind == JSON_NULL)
        return 0;
    switch (field->kind) {
    case MANIFEST_U32:
        rc = manifest_read_number(r, node, 0, 07777, &number);
        *(uint32_t *)slot = (uint32_t)number;
        return rc;
    case MANIFEST_I64:
        return manifest_read_number(r, node, INT64_MIN, INT64_MAX, slot);
    case MANIFEST_BOOL:
        *(bool *)slot = node->number != 0;
        return node->kind == JSON_BOOL ? 0 : manifest_complain(r, node, "expected true or false");
    case MANIFEST_TEXT:
    case MANIFEST_PATH:
    case MANIFEST_NAME:
    case MANIFEST_ID:
        return manifest_read_text(r, node, field->kind, slot);
    }
    return manifest_complain(r, node, "unknown kind of field");
}

static int read_need(const struct reader *r, const struct json_node *node)
{
    const struct json_node *kind = json_get(node, "kind");
    const struct json_node *path = json_get(node, "path");
    const struct json_node *target = json_get(node, "target");
    struct venv_need need = {.kind = VENV_NEED_DIR};
    bool is_known = false;
    int rc = 0;

    if (kind == NULL || path == NULL || kind->kind != JSON_STRING)
        return manifest_complain(r, node, "expected {\"kind\", \"path\"}");
    for (size_t i = 0; i < MANIFEST_NEED_KINDS; i++) {
        if (str_eq(manifest_need_kinds[i], kind->text)) {
            need.kind = (enum venv_need_kind)i;
            is_known = true;
        }
    }
    if (!is_known || (need.kind == VENV_NEED_SYMLINK) != (target != NULL) ||
        node->count != (target != NULL ? 3u : 2u))
        return manifest_complain(r, node, "not a valid need");
    rc = manifest_read_text(r, path, MANIFEST_PATH, &need.path);
    if (rc == 0 && target != NULL)
        rc = manifest_read_text(r, target, MANIFEST_TEXT, &need.target);
    if (rc == 0)
        *(struct venv_need *)arena_push(&r->venv->arena, &r->venv->needs, &r->venv->need_count,
                                        sizeof(need)) = need;
    return rc;
}

static int manifest_read_entry(const struct reader *r, const struct json_node *node)
{
    const struct venv *venv = r->venv;
    const char *name = NULL;
    int rc = manifest_read_text(r, node, MANIFEST_NAME, &name);

    if (rc < 0)
        return rc;
    if (venv->entry_count > 0 && strcmp(venv->entries[venv->entry_count - 1].name, name) >= 0)
        return manifest_complain(r, node, "the entries are not in order");
    *(struct venv_entry *)arena_push(&r->venv->arena, &r->venv->entries, &r->venv->entry_count,
                                     sizeof(struct venv_entry)) = (struct venv_entry){.name = name};
    return 0;
}

static int read_withheld(const struct reader *r, const struct json_node *node)
{
    struct venv *venv = r->venv;
    const char *name = NULL;
    int rc = manifest_read_text(r, node, MANIFEST_NAME, &name);

    if (rc == 0)
        *(const char **)arena_push(&venv->arena, &venv->withheld, &venv->withheld_count,
                                   sizeof(*venv->withheld)) = name;
    return rc;
}

static int read_interpreter(const struct reader *r, const struct json_node *node)
{
    const struct json_node *name = json_get(node, "name");
    const struct json_node *target = json_get(node, "target");
    const struct json_node *sum = json_get(node, "sum");
    struct venv_interpreter one = {.name = NULL};
    int rc = 0;

    if (name == NULL || (target == NULL) == (sum == NULL) || node->count != 2)
        return manifest_complain(r, node, "expected {\"name\", \"target\" or \"sum\"}");
    rc = manifest_read_text(r, name, MANIFEST_NAME, &one.name);
    if (rc == 0 && target != NULL)
        rc = manifest_read_text(r, target, MANIFEST_TEXT, &one.target);
    if (rc == 0 && sum != NULL)
        rc = manifest_read_text(r, sum, MANIFEST_TEXT, &one.sum);
    if (rc == 0)
        *(struct venv_interpreter *)arena_push(&r->venv->arena, &r->venv->interpreters,
                                               &r->venv->interpreter_count, sizeof(one)) = one;
    return rc;
}

static int manifest_read_list(const struct reader *r, const struct json_node *map, const char *key,
                              int (*read_item)(const struct reader *, const struct json_node *))
{
    const struct json_node *list = json_get(map, key);
    int rc = 0;

    if (list == NULL || list->kind != JSON_LIST)
        return err_at(r->err, r->name, map->line, map->col, "'%s' is missing or not a list", key);
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = read_item(r, &list->items[i]);
    return rc;
}

static int check_version(const struct reader *r, const struct json_node *root)
{
    const struct json_node *node = json_get(root, "version");
    int64_t version = 0;
    int rc = 0;

    if (node == NULL)
        return manifest_complain(r, root, "no 'version': this is not a manifest");
    rc = manifest_read_number(r, node, 1, INT32_MAX, &version);
    if (rc == 0 && version != MANIFEST_VERSION)
        rc = err_at(r->err, r->name, node->line, node->col,
                    "version %lld was written by another release of sandbox-venv: this one knows "
                    "version %d",
                    (long long)version, MANIFEST_VERSION);
    return rc;
}

int manifest_parse(struct venv *venv, const char *name, const char *data, size_t len,
                   struct err *err)
{
    struct arena scratch = {0};
    const struct reader r = {.venv = venv, .name = name, .err = err};
    struct json_node root;
    bool has_withheld = false, has_interpreters = false;
    int rc = json_parse(&scratch, name, 1, data, len, &root, err);

    if (rc == 0)
        rc = check_version(&r, &root);
    for (size_t i = 0; rc == 0 && i < manifest_field_count; i++) {
        const struct json_node *node = json_get(&root, manifest_fields[i].key);

        rc = node != NULL ? manifest_read_field(&r, &manifest_fields[i], node)
                          : err_at(err, name, 1, 1, "'%s' is missing", manifest_fields[i].key);
    }
    if (rc == 0)
        rc = manifest_read_list(&r, &root, "needs", read_need);
    if (rc == 0)
        rc = manifest_read_list(&r, &root, "entries", manifest_read_entry);
    has_withheld = rc == 0 && json_get(&root, "withheld") != NULL;
    if (has_withheld)
        rc = manifest_read_list(&r, &root, "withheld", read_withheld);
    has_interpreters = rc == 0 && json_get(&root, "interpreters") != NULL;
    if (has_interpreters)
        rc = manifest_read_list(&r, &root, "interpreters", read_interpreter);
    /* These lists and the version are not rows of the table; the parser lets no key stand twice. */
    if (rc == 0 && root.count != manifest_field_count + 3 + has_withheld + has_interpreters)
        rc = manifest_complain(&r, &root, "a key that this version does not know");
    arena_finish(&scratch);
    return rc;
}

/* Opens the file and makes sure that nobody else could have written it (docs/SECURITY.md, C11). */
static int read_private(int sandbox_dir, const char *shown, struct buf *out, struct err *err)
{
    auto_fd int fd = fd_open_beneath(sandbox_dir, SANDBOX_MANIFEST, O_RDONLY, 0);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return err_set(err, -fd, "cannot open '%s'", shown);
    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", shown);
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return err_plain(err, EPERM, "'%s' is not a plain file of its own: it is not trusted",
                         shown);
    rc = owner_check(&st, OWNER_SELF, shown, err);
    if (rc < 0)
        return rc;
    rc = fd_read_all(fd, MANIFEST_BYTES_MAX, out);
    return rc < 0 ? err_set(err, -rc, "cannot read '%s'", shown) : 0;
}

int manifest_load(struct venv *venv, int sandbox_dir, const char *shown, struct err *err)
{
    auto_buf struct buf text = {0};
    struct venv loaded;
    int rc = read_private(sandbox_dir, shown, &text, err);

    if (rc < 0)
        return rc;
    venv_init(&loaded);
    rc = manifest_parse(&loaded, shown, text.data, text.len, err);
    if (rc < 0) {
        venv_finish(&loaded);
        return rc;
    }
    venv_finish(venv);
    *venv = loaded;
    return 0;
}

int manifest_read(struct venv *venv, const char *venv_path, struct err *err)
{
    auto_free char *directory = path_join(venv_path, VENV_SANDBOX);
    auto_free char *shown = path_join(directory, SANDBOX_MANIFEST);
    auto_fd int root = open(venv_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd int sandbox = -1;
    struct stat st;
    int rc = 0;

    if (root < 0)
        return err_set(err, errno, "cannot open the directory '%s'", venv_path);
    sandbox = fd_open_beneath(root, VENV_SANDBOX, O_RDONLY | O_DIRECTORY, 0);
    if (sandbox == -ENOENT)
        return err_plain(err, ENOENT, "'%s' is not wrapped: run 'sandbox-venv wrap %s'", venv_path,
                         venv_path);
    if (sandbox < 0)
        return err_set(err, -sandbox, "cannot open '%s'", directory);
    if (fstat(sandbox, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", directory);
    rc = owner_check(&st, OWNER_SELF, directory, err);
    return rc < 0 ? rc : manifest_load(venv, sandbox, shown, err);
}
