/* SHA-1, because git names contents by it. It decides nothing where somebody could look for two
 * contents with one name: see guard/judge.c. */
#ifndef SVENV_GIT_SHA1_H
#define SVENV_GIT_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_BYTES 20

struct sha1 {
    uint32_t state[5];
    uint64_t len;
    unsigned char block[64];
};

void sha1_init(struct sha1 *sha1);
void sha1_add(struct sha1 *sha1, const void *data, size_t len);
void sha1_finish(struct sha1 *sha1, unsigned char out[SHA1_BYTES]);

#endif
