/* SHA-256 (FIPS 180-4), to name texts by what they say. */
#ifndef SVENV_BASE_SHA256_H
#define SVENV_BASE_SHA256_H

#include <stddef.h>

enum {
    SHA256_HEX_SIZE = 65 /* 64 digits and the NUL */
};

/* Writes the digest of data[0..len) as lower-case hex digits. */
void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_SIZE]);

#endif
