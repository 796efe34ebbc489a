/* Tests which words of a command line are taken for paths. */
#include <criterion/criterion.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/command_words.h"

static void note_word(void *context, const char *word, bool maybe_absent)
{
    if (strchr(word, '/') != NULL || strchr(word, '.') != NULL)
        buf_printf(context, "%s%s ", word, maybe_absent ? "!" : "");
}

/* "!": counts also when it is not there yet. */
Test(command_words, paths_in_commands)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"less", ""},
        {"git-lfs clean -- %f", ""},
        {"./tools/pager", "./tools/pager! "},
        {"tools/pager -R", "tools/pager! "},
        {"sh scripts/x.sh %f", "scripts/x.sh! "},
        {"sh scripts/x", "scripts/x "},
        {"sh -c 'scripts/x \"$1\"' -", "scripts/x "},
        {"python3 conv.py", "conv.py "},
        {"conv.py", ""},
        {"git diff origin/main", "origin/main "},
        {"git log v1..v2 -- a/b.c", "v1..v2 a/b.c! "},
        {"f() { ./deploy \"$@\"; }; f", "./deploy! "},
        {"true && ./b/run", "./b/run! "},
        {"true;./run", "./run! "},
        {"(cd x; ../y/run)", "../y/run! "},
        {"A=1 ./run", "./run! "},
        {"env A=./conf.d/x ./run", "A=./conf.d/x ./conf.d/x! ./run! "},
        {"x --rc=./conf/rc.ini", "--rc=./conf/rc.ini ./conf/rc.ini! "},
        {"$TOP/tools/x", "tools/x! "},
        {"${TOP}/tools/x", "tools/x! "},
        {"\"$(git rev-parse --show-toplevel)\"/tools/fmt", "tools/fmt! "},
        {"https://host/a.git", "https://host/a.git "},
        {"cat a/*.txt", "a/*.txt "},
        {"$HOME/bin/x", "~/bin/x! "},
        {"/usr/bin/x", "/usr/bin/x! "},
        {"~/bin/x", "~/bin/x! "},
        {"`./a/b`", "./a/b! "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf out = {0};

        buf_add_str(&out, "");
        command_words(rows[i].text, note_word, &out);
        cr_expect_str_eq(out.data, rows[i].want, "%s: '%s'", rows[i].text, out.data);
    }
}
