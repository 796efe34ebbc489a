/* The facts about the host that one start needs. */
#include "svenv/launcher/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"
#include "svenv/plan/plan.h"
#include "svenv/start/start.h"

extern char **environ;

enum {
    VT_MAJOR = 4, /* virtual consoles and serial lines; minor 0 is whichever is in front */
    PTS_MAJOR_FIRST = 136,
    PTS_MAJOR_LAST = 143
};

static enum path_kind host_kind(void *context, const char *path)
{
    struct stat st;

    (void)context;
    if (stat(path, &st) < 0)
        return PATH_ABSENT;
    if (S_ISREG(st.st_mode))
        return PATH_FILE;
    if (S_ISDIR(st.st_mode))
        return PATH_DIR;
    if (S_ISFIFO(st.st_mode))
        return PATH_FIFO;
    return S_ISSOCK(st.st_mode) ? PATH_SOCKET : PATH_OTHER;
}

static int host_link(void *context, struct arena *arena, const char *path, const char **text_out)
{
    char text[PATH_MAX];
    ssize_t len = readlink(path, text, sizeof(text));

    (void)context;
    if (len < 0)
        return errno == EINVAL ? 0 : -errno;
    if ((size_t)len == sizeof(text))
        return -ENAMETOOLONG;
    *text_out = arena_strndup(arena, text, (size_t)len);
    return 0;
}

static const char *host_text(void *context, struct arena *arena, const char *path)
{
    auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_buf struct buf text = {0};

    (void)context;
    /* The path is a real one: a link on it now was put there since, by code in the sandbox. */
    if (root < 0 || path[0] != '/' ||
        file_read(root, path + 1, REQUIREMENTS_BYTES_MAX, &text, NULL) < 0 || text.len == 0)
        return NULL;
    return arena_strndup(arena, text.data, text.len);
}

/* The parent's environment as it was when the parent started (proc(5)): a variable that is not in
 * it was set for this command. NULL when it cannot be read. */
static const char *const *parent_environment(struct arena *arena)
{
    char path[64];
    auto_fd int fd = -1;
    auto_buf struct buf data = {0};
    const char **list;
    char *text;
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/environ", (int)getppid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd_read_all(fd, ENVIRON_BYTES_MAX, &data) < 0 || data.len == 0)
        return NULL;
    text = arena_alloc(arena, data.len + 1);
    memcpy(text, data.data, data.len);
    explicit_bzero(data.data, data.len);
    for (size_t i = 0; i < data.len; i++)
        count += text[i] == '\0';
    list = arena_alloc(arena, (count + 2) * sizeof(*list));
    count = 0;
    for (size_t i = 0; i < data.len; i += strlen(text + i) + 1)
        list[count++] = text + i;
    return list;
}

/* A terminal's own side: never a master, by which others could be made. */
static bool is_terminal(const struct stat *st)
{
    unsigned number = major(st->st_rdev);

    if (!S_ISCHR(st->st_mode))
        return false;
    return (number == VT_MAJOR && minor(st->st_rdev) != 0) ||
           (number >= PTS_MAJOR_FIRST && number <= PTS_MAJOR_LAST);
}

/* Its name, by the kernel's word, or the one that containers have for a terminal from outside. */
static void name_terminal(struct arena *arena, int fd, const struct stat *st, struct start *out)
{
    char link[32], text[PATH_MAX];
    const char *names[] = {text, "/dev/console"};
    struct stat found;
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(names) && !out->terminal; i++) {
        if (!path_is_beneath(names[i], "/dev") || lstat(names[i], &found) < 0 ||
            found.st_dev != st->st_dev || found.st_ino != st->st_ino)
            continue;
        out->terminal = arena_strdup(arena, names[i]);
        out->terminal_dev = found.st_dev;
        out->terminal_ino = found.st_ino;
    }
}

static void find_terminal(struct arena *arena, struct start *out)
{
    struct stat st;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !out->terminal; fd++) {
        if (fstat(fd, &st) == 0 && is_terminal(&st))
            name_terminal(arena, fd, &st, out);
    }
}

int host_collect(struct arena *arena, struct start *start, struct err *err)
{
    char cwd[PATH_MAX];
    union {
        char **in;
        const char *const *out;
    } env = {.in = environ};

    if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
        return err_plain(err, ENOENT,
                         "the working directory does not exist any more: change to one that does");
    *start = (struct start){
        .entry = start->entry,
        .called_as = start->called_as,
        .argv = start->argv,
        .argc = start->argc,
        .env = env.out,
        .parent_env = parent_environment(arena),
        .cwd = arena_strdup(arena, cwd),
        .host = {.kind = host_kind, .link = host_link, .text = host_text},
    };
    find_terminal(arena, start);
    return 0;
}

/* Return: the open file's text in *out, or negative errno with a reason that begins with "it". */
static int dotenv_read(const char *project_path, const char *rel, struct buf *out,
                       const char **why_out)
{
    auto_fd int project = open(project_path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    auto_fd int fd = project < 0 ? -errno : fd_open_beneath(project, rel, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    int rc = fd;

    if (fd >= 0 && fstat(fd, &st) < 0)
        rc = -errno;
    if (rc >= 0 && !S_ISREG(st.st_mode)) {
        *why_out = S_ISDIR(st.st_mode) ? "it is a directory" : "it is not a regular file";
        return -EINVAL;
    }
    if (rc >= 0)
        rc = fd_read_all(fd, DOTENV_BYTES_MAX, out);
    if (rc == -ELOOP)
        *why_out = "it is a symbolic link, or lies behind one";
    else if (rc == -EFBIG)
        *why_out = "it is larger than 256 KiB";
    else if (rc < 0)
        *why_out = strerror(-rc);
    return rc;
}

/* The file lies in the project, so it is attacker's input: found without following a link, read
 * bounded, and parsed as data. Nothing that lies there instead is a reason not to start. */
bool host_dotenv(struct arena *arena, const struct plan *plan, const struct plan_file *file,
                 struct dotenv *out, const char **why_out)
{
    const char *rel =
        file->project && plan->dotenv ? path_relative_to(plan->dotenv, file->project) : NULL;
    auto_buf struct buf text = {0};
    int rc;

    *why_out = NULL;
    if (!rel || !*rel)
        return false;
    rc = dotenv_read(file->project, rel, &text, why_out);
    if (rc == -ENOENT)
        *why_out = NULL;
    return rc >= 0 &&
           dotenv_parse(arena, plan->dotenv, text.data ? text.data : "", text.len, out, NULL) == 0;
}

const char *host_dotenv_unread(struct arena *arena, const struct dotenv *dotenv, const char *path,
                               const char *why)
{
    char more[64] = "";

    if (why)
        return arena_printf(arena,
                            "no variables are read from '%s': %s (environment.dotenv names another "
                            "file, or \"\" for none)",
                            path, why);
    if (dotenv->skipped > 1)
        snprintf(more, sizeof(more), " (and %u more)", dotenv->skipped - 1);
    return dotenv->skipped == 0 ? NULL
                                : arena_printf(arena, "not read in '%s': line %u, %s%s", path,
                                               dotenv->skipped_line, dotenv->skipped_why, more);
}
