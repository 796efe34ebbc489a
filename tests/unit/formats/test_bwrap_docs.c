/* docs/bwrap-compat.md and the table in the code have the same rows, word for word. BWRAP_DOC is
 * the document's path. */
#include "svenv/formats/bwrap.h"

#include <fcntl.h>
#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/str.h"

static void add_row(struct buf *out, const struct bwrap_doc *doc)
{
    buf_printf(out, "| `%s%s%s` | %s%s |\n", doc->name, doc->operands[0] != '\0' ? " " : "",
               doc->operands, doc->supported ? "" : "refused: ", doc->text);
}

/* The document's table rows: each line that begins with an option in code style. */
static void add_document_rows(struct buf *out, const char *text)
{
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");

        if (str_starts(line, "| `--")) {
            buf_add(out, line, len);
            buf_add_char(out, '\n');
        }
        line += len + (line[len] == '\n');
    }
}

Test(bwrap_docs, document_has_the_rows_of_the_code)
{
    auto_buf struct buf file = {0};
    auto_buf struct buf want = {0};
    auto_buf struct buf have = {0};
    struct err err = {0};
    size_t count = 0;
    const struct bwrap_doc *docs = bwrap_docs(&count);

    cr_assert_eq(file_read(AT_FDCWD, BWRAP_DOC, 1u << 20, &file, &err), 0, "%s", err.msg);
    for (size_t i = 0; i < count; i++)
        add_row(&want, &docs[i]);
    add_document_rows(&have, file.data);
    cr_assert_str_eq(have.data, want.data, "the table should be:\n%s", want.data);
}
