/* git's names for contents, its index in the versions that it writes, and what is none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/git/index.h"
#include "svenv/git/sha1.h"

/* The standard's own examples, and lengths around the padding's edges. */
static const struct {
    const char *text;
    size_t times;
    const char *want;
} vectors[] = {
    {"", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {"a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
    {"a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
    {"a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
    {"a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
    {"a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
};

Test(sha1, vectors)
{
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        unsigned char hash[SHA1_BYTES];
        char got[2 * SHA1_BYTES + 1];
        struct sha1 sha1;

        sha1_init(&sha1);
        for (size_t j = 0; j < vectors[i].times; j++)
            sha1_add(&sha1, vectors[i].text, strlen(vectors[i].text));
        sha1_finish(&sha1, hash);
        for (size_t j = 0; j < SHA1_BYTES; j++)
            snprintf(got + 2 * j, 3, "%02x", hash[j]);
        cr_expect_str_eq(got, vectors[i].want, "vector %zu", i);
    }
}

/* An index as git writes it. */
struct made {
    unsigned char bytes[4096];
    size_t len;
    uint32_t version;
    char before[64]; /* version 4: the path of the entry before */
};

static void put_number(struct made *m, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++)
        m->bytes[m->len++] = (unsigned char)(number >> (24 - 8 * i));
}

static struct made begin(uint32_t version, uint32_t count)
{
    struct made m = {.version = version};

    memcpy(m.bytes, "DIRC", 4);
    m.len = 4;
    put_number(&m, version);
    put_number(&m, count);
    return m;
}

static void put_entry(struct made *m, const char *path, unsigned char hash, unsigned flags)
{
    size_t begin_at = m->len, same = 0;

    for (unsigned i = 0; i < 6; i++)
        put_number(m, 1);
    put_number(m, GIT_MODE_FILE);
    for (unsigned i = 0; i < 3; i++)
        put_number(m, 1);
    memset(m->bytes + m->len, hash, SHA1_BYTES);
    m->len += SHA1_BYTES;
    m->bytes[m->len++] = (unsigned char)(flags >> 8);
    m->bytes[m->len++] = (unsigned char)strlen(path);
    if (flags & 0x4000)
        m->len += 2;
    if (m->version == 4) {
        while (path[same] != '\0' && path[same] == m->before[same])
            same++;
        m->bytes[m->len++] = (unsigned char)(strlen(m->before) - same);
        snprintf(m->before, sizeof(m->before), "%s", path);
    }
    memcpy(m->bytes + m->len, path + same, strlen(path + same) + 1);
    m->len += strlen(path + same) + 1;
    while (m->version != 4 && (m->len - begin_at) % 8 != 0)
        m->len++;
}

static void put_extension(struct made *m, const char *name, uint32_t len)
{
    memcpy(m->bytes + m->len, name, 4);
    m->len += 4;
    put_number(m, len);
    m->len += len;
}

static int found(const struct made *m, size_t len, const char *path, unsigned char *hash_out)
{
    const struct git_index index = {.bytes = m->bytes, .len = len};
    struct git_entry entry = {.mode = 0};
    int rc = git_index_find(&index, path, &entry);

    *hash_out = entry.hash[0];
    return rc;
}

static struct made usual(uint32_t version)
{
    struct made m = begin(version, 4);

    put_entry(&m, ".envrc", 1, 0);
    put_entry(&m, ".vscode/settings.json", 2, version > 2 ? 0x4000 : 0);
    put_entry(&m, ".vscode/tasks.json", 3, 0);
    put_entry(&m, "merged", 4, 0x1000);
    put_extension(&m, "TREE", 5);
    m.len += SHA1_BYTES;
    return m;
}

Test(git_index, versions)
{
    static const struct {
        const char *path;
        int rc;
        unsigned char hash;
    } asked[] = {
        {".envrc", 1, 1},
        {".vscode/settings.json", 1, 2},
        {".vscode/tasks.json", 1, 3},
        {"merged", 0, 0},
        {".vscode", 0, 0},
        {"tasks.json", 0, 0},
        {"sub/.envrc", 0, 0},
        {".ENVRC", 0, 0},
        {"", 0, 0},
    };

    for (uint32_t version = 2; version <= 4; version++) {
        const struct made m = usual(version);

        for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
            unsigned char hash = 0;

            cr_expect_eq(found(&m, m.len, asked[i].path, &hash), asked[i].rc, "%u %s", version,
                         asked[i].path);
            cr_expect_eq(hash, asked[i].hash, "%u %s", version, asked[i].path);
        }
    }
}

/* However it is cut, and whatever byte is another. */
Test(git_index, damage)
{
    for (uint32_t version = 2; version <= 4; version++) {
        struct made m = usual(version);
        size_t whole = m.len;
        unsigned char hash = 0;

        for (size_t len = 0; len < whole; len++) {
            bool is_index = len == whole - 8 - 5; /* without its extension */

            cr_expect_eq(found(&m, len, ".envrc", &hash), is_index ? 1 : -EBADMSG, "%u, %zu bytes",
                         version, len);
        }
        for (size_t at = 0; at < whole - SHA1_BYTES; at++) {
            unsigned char kept = m.bytes[at];

            m.bytes[at] = 0xff;
            (void)found(&m, whole, ".envrc", &hash);
            m.bytes[at] = kept;
        }
    }
}

Test(git_index, what_it_does_not_know)
{
    struct made m = begin(5, 0);
    unsigned char hash = 0;

    cr_expect_eq(found(&m, m.len + SHA1_BYTES, "x", &hash), -EBADMSG, "a later version");
    m = begin(2, 0);
    put_extension(&m, "link", 4);
    cr_expect_eq(found(&m, m.len + SHA1_BYTES, "x", &hash), -EBADMSG, "one in two files");
    m = begin(2, 1);
    put_entry(&m, "x", 1, 0);
    cr_expect_eq(found(&m, m.len + 32, "x", &hash), -EBADMSG, "a longer hash");
    m = begin(2, 1);
    put_entry(&m, "x", 1, 0x4000);
    cr_expect_eq(found(&m, m.len + SHA1_BYTES, "x", &hash), -EBADMSG, "flags of a later version");
}
