/* The SHA-1 of what is added bit by bit. */
#include "svenv/git/sha1.h"

#include <string.h>

#define BLOCK_SIZE 64
#define LENGTH_AT 56 /* where the last block has the message's length */

static uint32_t sha1_rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

/* FIPS 180-4, 4.1.1 and 4.2.1 */
static uint32_t sha1_round(unsigned i, const uint32_t v[5])
{
    if (i < 20)
        return ((v[1] & v[2]) ^ (~v[1] & v[3])) + 0x5a827999;
    if (i < 40)
        return (v[1] ^ v[2] ^ v[3]) + 0x6ed9eba1;
    if (i < 60)
        return ((v[1] & v[2]) ^ (v[1] & v[3]) ^ (v[2] & v[3])) + 0x8f1bbcdc;
    return (v[1] ^ v[2] ^ v[3]) + 0xca62c1d6;
}

/* 6.1.2; v[0..4] are the standard's a to e. */
static void sha1_add_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t w[80];
    uint32_t v[5];

    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = sha1_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    memcpy(v, state, sizeof(v));
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = sha1_rotate(v[0], 5) + sha1_round(i, v) + v[4] + w[i];

        v[4] = v[3];
        v[3] = v[2];
        v[2] = sha1_rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (unsigned i = 0; i < 5; i++)
        state[i] += v[i];
}

void sha1_init(struct sha1 *sha1)
{
    *sha1 = (struct sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_add(struct sha1 *sha1, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    size_t held = (size_t)(sha1->len % BLOCK_SIZE);

    sha1->len += len;
    while (len > 0) {
        size_t part = BLOCK_SIZE - held < len ? BLOCK_SIZE - held : len;

        memcpy(sha1->block + held, bytes, part);
        bytes += part;
        len -= part;
        held += part;
        if (held == BLOCK_SIZE) {
            sha1_add_block(sha1->state, sha1->block);
            held = 0;
        }
    }
}

void sha1_finish(struct sha1 *sha1, unsigned char out[SHA1_BYTES])
{
    static const unsigned char padding[BLOCK_SIZE] = {0x80};
    uint64_t bits = sha1->len * 8;
    size_t held = (size_t)(sha1->len % BLOCK_SIZE);
    unsigned char length[8];

    for (unsigned i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha1_add(sha1, padding, held < LENGTH_AT ? LENGTH_AT - held : BLOCK_SIZE + LENGTH_AT - held);
    sha1_add(sha1, length, sizeof(length));
    for (unsigned i = 0; i < SHA1_BYTES; i++)
        out[i] = (unsigned char)(sha1->state[i / 4] >> (24 - 8 * (i % 4)));
}
