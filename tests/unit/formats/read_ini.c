/* Prints what ini_parse_text() takes for `home` in each file that is named: "=VALUE", "-" when
 * there is none, "!message" when it refuses the file. For test_ini_python.py. */
#include <fcntl.h>
#include <stdio.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/ini.h"

static int print_home(const char *path)
{
    static const char *const needed[] = {"home", NULL};
    auto_buf struct buf text = {0};
    struct arena arena = {0};
    struct ini_file file = {0};
    struct err err = {0};
    int rc = file_read(AT_FDCWD, path, (size_t)1 << 20, &text, &err);
    const char *home = NULL;

    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", path, err.msg);
        return rc;
    }
    rc = ini_parse_text(&arena, path, text.data, text.len, needed, &file, &err);
    home = ini_get(&file, "home");
    if (rc < 0)
        printf("!%s\n", err.msg);
    else if (home != NULL)
        printf("=%s\n", home);
    else
        puts("-");
    arena_finish(&arena);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (print_home(argv[i]) < 0)
            return 1;
    }
    return 0;
}
