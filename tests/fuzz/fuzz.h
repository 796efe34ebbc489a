/* Code that every target shares. */
#ifndef SVENV_TESTS_FUZZ_H
#define SVENV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum {
    FUZZ_SEED_MAX = 8192 /* -max_len of the runs: a longer seed would be cut */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
