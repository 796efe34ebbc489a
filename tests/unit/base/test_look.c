#include "scratch.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

#include "../child.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

Test(look, answers_and_failures)
{
    static const int answers[] = {ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG};
    static const int failures[] = {EPERM,  ENOMEM, EMFILE, ENFILE, EIO,
                                   EAGAIN, EINTR,  ENOSYS, EBADF,  ESTALE};

    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        cr_expect(look_is_answer(answers[i]) && look_is_answer(-answers[i]), "%d", answers[i]);
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        cr_expect(!look_is_answer(failures[i]) && !look_is_answer(-failures[i]), "%d", failures[i]);
    cr_expect_not(look_is_answer(0));
}

Test(look, what_is_there_and_what_is_not)
{
    struct scratch s = scratch_new();
    auto_free char *loop = xasprintf("%s/loop", s.path);
    auto_free char *real = NULL;
    char deep[NAME_MAX + 2];
    struct stat st;

    memset(deep, 'x', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    scratch_write(&s, "file", "x");
    cr_assert_eq(symlinkat("loop", s.fd, "loop"), 0);
    cr_expect_eq(look_at(s.fd, "file", false, &st), 1);
    cr_expect(S_ISREG(st.st_mode));
    cr_expect_eq(look_at(s.fd, "absent", false, &st), 0);
    cr_expect_eq(look_at(s.fd, "file/below", false, &st), 0);
    cr_expect_eq(look_at(s.fd, "loop", true, &st), 0);
    cr_expect_eq(look_at(s.fd, "loop", false, &st), 1);
    cr_expect_eq(look_at(s.fd, deep, false, &st), 0);
    cr_expect_eq(look_at(-1, "file", false, &st), -EBADF);
    cr_expect_eq(look_readable(s.path), 1);
    cr_expect_eq(look_readable(loop), 0);
    cr_expect_eq(look_real(loop, &real), 0);
    cr_expect_null(real);
    cr_expect_eq(look_real(s.path, &real), 1);
    cr_expect_str_eq(real, s.path);
    scratch_drop(&s);
}

Test(look, listing)
{
    struct scratch s = scratch_new();
    const struct dirent *entry = NULL;
    auto_dir DIR *stream = NULL;
    auto_dir DIR *none = NULL;

    scratch_write(&s, "file", "x");
    cr_expect_eq(look_open_dir(s.fd, "file", 0, &none), 0);
    cr_expect_eq(look_open_dir(s.fd, "absent", 0, &none), 0);
    cr_expect_null(none);
    cr_expect_eq(look_open_dir(s.fd, ".", 0, &stream), 1);
    cr_expect_eq(look_next(stream, &entry), 1);
    cr_expect_str_eq(entry->d_name, "file");
    cr_expect_eq(look_next(stream, &entry), 0);
    scratch_drop(&s);
}

/* One descriptor more than there may be. */
static int without_descriptors(void *arg)
{
    const struct scratch *s = arg;
    struct rlimit none = {0};
    DIR *stream = NULL;

    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 1;
    return look_open_dir(s->fd, ".", 0, &stream) == -EMFILE ? 0 : 2;
}

Test(look, too_many_open_files_is_no_answer)
{
    struct scratch s = scratch_new();

    cr_expect_eq(in_child(without_descriptors, &s), 0);
    scratch_drop(&s);
}

Test(look, an_id_that_is_not_known_equals_none)
{
    struct scratch s = scratch_new();
    struct file_id absent = file_id_known(s.fd, "absent", false);
    struct file_id unknown = file_id_known(-1, "file", false);
    struct file_id file;

    scratch_write(&s, "file", "x");
    file = file_id_known(s.fd, "file", false);
    cr_expect(file_id_eq(&file, &file));
    cr_expect(file_id_eq(&absent, &absent));
    cr_expect_eq(absent.mode, 0);
    cr_expect_not(file_id_eq(&unknown, &unknown));
    cr_expect_not(file_id_eq(&unknown, &absent));
    cr_expect_not(file_id_eq(&file, &unknown));
    scratch_drop(&s);
}
