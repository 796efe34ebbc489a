#include <criterion/criterion.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/sha256.h"

/* The standard's own examples, and lengths around the padding's edges. */
static const struct {
    const char *text;
    size_t times;
    const char *want;
} vectors[] = {
    {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
    {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
    {"a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
    {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

Test(sha256, vectors)
{
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        size_t each = strlen(vectors[i].text);
        size_t len = each * vectors[i].times;
        auto_free char *data = xcalloc(len + 1, 1);
        char got[SHA256_HEX_SIZE];

        for (size_t j = 0; j < vectors[i].times; j++)
            memcpy(data + j * each, vectors[i].text, each);
        sha256_hex(data, len, got);
        cr_expect_str_eq(got, vectors[i].want, "vector %zu", i);
    }
}
