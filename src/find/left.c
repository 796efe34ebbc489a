/* Finds the files that an installer left behind and that run unasked, by the rules of Python's site
 * module (docs.python.org, library/site) and of the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/sizes.h"
#include "svenv/find/files.h"
#include "svenv/plan/plan.h"

#include "svenv/find/site.h"

void venv_left_finish(struct venv_left *left)
{
    strv_finish(&left->start_up);
    strv_finish(&left->unknown);
    strv_finish(&left->entries);
    strv_finish(&left->elf);
    strv_finish(&left->setuid);
    strv_finish(&left->obeyed);
}

static int left_compare(const void *a, const void *b)
{
    const struct venv_file *left = a;
    const struct venv_file *right = b;

    return strcmp(left->path, right->path);
}

static const struct venv_file *left_find(const struct venv_files *files, const char *path)
{
    const struct venv_file key = {.path = path};

    if (files->count == 0)
        return NULL;
    return bsearch(&key, files->items, files->count, sizeof(key), left_compare);
}

static bool left_is_same(const struct venv_file *a, const struct venv_file *b)
{
    return a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->size == b->size &&
           a->mode == b->mode;
}

/* Lines that begin with "import" and a blank are executed. Python releases differ in the characters
 * that end a line (str.splitlines()), so every byte that is not printable ASCII counts as an end.
 */
static bool has_import_line(const struct buf *text)
{
    static const char word[] = "import";

    for (size_t i = 0; i + sizeof(word) <= text->len; i++) {
        bool begins = i == 0 || (unsigned char)text->data[i - 1] < 0x20 ||
                      (unsigned char)text->data[i - 1] >= 0x80;

        if (begins && memcmp(text->data + i, word, sizeof(word) - 1) == 0 &&
            (text->data[i + sizeof(word) - 1] == ' ' || text->data[i + sizeof(word) - 1] == '\t'))
            return true;
    }
    return false;
}

/* A file that cannot be read here may hold such lines. */
static bool runs_imports(int root, const struct venv_file *file)
{
    auto_buf struct buf text = {0};

    if (!S_ISREG(file->mode) || file_read(root, file->path, PTH_BYTES_MAX, &text, NULL) < 0)
        return true;
    return has_import_line(&text);
}

static bool is_site_dir(const char *name)
{
    return str_eq(name, "site-packages") || str_eq(name, "dist-packages");
}

/* "sitecustomize", "sitecustomize.py", "sitecustomize.cpython-311-x86_64-linux-gnu.so" */
static bool is_custom(const char *name)
{
    static const char *const names[] = {"sitecustomize", "usercustomize"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t len = strlen(names[i]);

        if (strncmp(name, names[i], len) == 0 && (name[len] == '\0' || name[len] == '.'))
            return true;
    }
    return false;
}

static bool is_start_up(int root, const struct venv_file *file)
{
    const char *name = path_basename(file->path);
    auto_free char *dir = path_dirname(file->path);
    auto_free char *above = path_dirname(dir);

    if (is_site_dir(path_basename(dir)))
        return is_custom(name) || (str_ends(name, ".pth") && runs_imports(root, file));
    return is_site_dir(path_basename(above)) && is_custom(path_basename(dir)) &&
           str_starts(name, "__init__.");
}

/* Return: 1, 0, or negative errno when that could not be found out. */
static int is_elf(int root, const struct venv_file *file)
{
    auto_fd int fd = S_ISREG(file->mode) && file->size > 4
                         ? fd_open_beneath(root, file->path, O_RDONLY | O_NOCTTY, 0)
                         : -ENOENT;
    struct stat st;
    char magic[4];
    ssize_t len = 0;

    if (fd < 0)
        return look_is_answer(fd) || fd == -ENXIO ? 0 : fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    len = S_ISREG(st.st_mode) ? read(fd, magic, sizeof(magic)) : 0;
    if (len < 0)
        return -errno;
    return len == (ssize_t)sizeof(magic) && memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

static void left_classify(struct venv_left *left, int root, const struct venv_file *file,
                          const struct venv_file *before)
{
    bool in_bin = str_starts(file->path, "bin/");
    int elf = 0;

    if (S_ISREG(file->mode) && (file->mode & (S_ISUID | S_ISGID)))
        strv_add(&left->setuid, file->path);
    if (in_bin && (S_ISLNK(file->mode) || (file->mode & 0111)))
        strv_add(&left->entries, file->path + strlen("bin/"));
    if (in_bin)
        return;
    if (is_start_up(root, file)) {
        strv_add(&left->start_up, file->path);
        if (before == NULL || before->size != file->size)
            strv_add(&left->unknown, file->path);
    }
    elf = is_elf(root, file);
    left->incomplete = left->incomplete || elf < 0;
    if (elf > 0)
        strv_add(&left->elf, file->path);
}

/* --- names that the host obeys -----------------------------------------------------------------
 */

/* The top of the venv and of its packages, where people and their editors work. A module is code
 * that is imported, whatever its name is. */
static bool is_open_ground(const char *dir, const char *name)
{
    return (*dir == '\0' || is_site_dir(path_basename(dir))) && !str_ends(name, ".py");
}

struct ground {
    int root; /* the venv */
    const struct plan_obeyed *obeyed;
    size_t obeyed_count;
};

static bool is_obeyed_at(const struct ground *ground, const char *dir, const char *name)
{
    const struct plan_obeyed *found = NULL;

    if (str_eq(name, REPOSITORY_DOT_GIT))
        return true;
    if (!is_open_ground(dir, name))
        return false;
    found = plan_obeyed_find(ground->obeyed, ground->obeyed_count, name, name);
    return found != NULL && found->anywhere && found->action == PLAN_OBEYED_TAKE;
}

/* Return: 1, 0, or negative errno when that could not be found out. */
static int is_head(const struct ground *ground, const char *path)
{
    auto_free char *dir = path_dirname(path);
    auto_fd int fd = -1;

    if (!str_eq(path_basename(path), REPOSITORY_HEAD_NAME))
        return 0;
    fd = fd_open_beneath(ground->root, *dir ? dir : ".", O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? fd : repository_at(fd);
}

/* Files come sorted by their paths: those below a name that was added follow it. */
static bool is_below_last(const struct strv *names, const char *path)
{
    return names->count > 0 && path_is_beneath(path, names->items[names->count - 1]);
}

/* A repository is one in every directory; its HEAD is what makes a bare one. */
static void left_look_for_obeyed(struct venv_left *left, const struct ground *ground,
                                 const char *path)
{
    int head = 0;

    if (is_below_last(&left->obeyed, path))
        return;
    for (const char *at = path; *at != '\0';) {
        size_t len = strcspn(at, "/");
        auto_free char *name = xstrndup(at, len);
        auto_free char *dir = xstrndup(path, at > path ? (size_t)(at - path) - 1 : 0);

        if (is_obeyed_at(ground, dir, name)) {
            strv_take(&left->obeyed, xstrndup(path, (size_t)(at - path) + len));
            return;
        }
        at += len + (at[len] == '/');
    }
    head = is_head(ground, path);
    left->incomplete = left->incomplete || head < 0;
    if (head > 0)
        strv_add(&left->obeyed, path);
}

int venv_left_since(const char *venv_path, const struct venv_files *before,
                    const struct plan_obeyed *obeyed, size_t obeyed_count, struct venv_left *out,
                    struct err *err)
{
    auto_venv_files struct venv_files now = {.count = 0};
    auto_fd int root = open(venv_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct ground ground = {.root = root, .obeyed = obeyed, .obeyed_count = obeyed_count};
    int rc = venv_files_list(venv_path, &now, err);

    if (rc < 0)
        return rc;
    if (root < 0)
        return err_set(err, errno, "cannot open '%s'", venv_path);
    for (size_t i = 0; i < now.count; i++) {
        const struct venv_file *file = &now.items[i];
        const struct venv_file *old = left_find(before, file->path);

        if (old != NULL && left_is_same(old, file))
            continue;
        left_classify(out, root, file, old);
        if (!str_starts(file->path, "bin/"))
            left_look_for_obeyed(out, &ground, file->path);
    }
    out->incomplete = out->incomplete || now.incomplete || before->incomplete;
    return 0;
}
