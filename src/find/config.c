/* Reads pyvenv.cfg. */
#include "discover-internal.h"

#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"
#include "svenv/formats/ini.h"

static unsigned line_of(const struct ini_file *file, const char *key)
{
    unsigned line = 0;

    for (size_t i = 0; i < file->count; i++) {
        if (str_eq(file->pairs[i].key, key))
            line = file->pairs[i].line;
    }
    return line;
}

/* "3.11.2.final.0" of virtualenv and "3.11.2" of venv are the same to us. */
static const char *plain_version(struct venv *venv, const char *text)
{
    size_t len = 0;
    int dots = 0;

    if (text == NULL)
        return NULL;
    while ((text[len] >= '0' && text[len] <= '9') || (text[len] == '.' && ++dots < 3))
        len++;
    return len > 0 ? arena_strndup(&venv->arena, text, len) : NULL;
}

int config_read(struct venv *venv, int root, unsigned *line_out, struct err *err)
{
    static const char *const needed[] = {"home", NULL};
    auto_free char *name = path_join(venv->path, "pyvenv.cfg");
    auto_buf struct buf text = {0};
    struct ini_file file = {0};
    const char *home = NULL;
    const char *version = NULL;
    int rc = file_read(root, "pyvenv.cfg", PYVENV_BYTES_MAX, &text, err);

    if (rc < 0)
        return err_wrap(err, "in '%s'", venv->path);
    rc = ini_parse_text(&venv->arena, name, text.data, text.len, needed, &file, err);
    if (rc < 0)
        return rc;
    home = ini_get(&file, "home");
    if (home == NULL || home[0] == '\0')
        return err_at(err, name, line_of(&file, "home"), 0,
                      "no value for 'home': the virtualenv is damaged, make it again "
                      "('python3 -m venv --clear \"%s\"')",
                      venv->path);
    *line_out = line_of(&file, "home");
    if (home[0] != '/')
        return err_at(err, name, *line_out, 0,
                      "home = %s is not an absolute path: the virtualenv is damaged", home);
    venv->home = home;
    version = ini_get(&file, "version_info");
    venv->version = plain_version(venv, version != NULL ? version : ini_get(&file, "version"));
    return 0;
}
