/* Code that every target shares. */
#ifndef SVENV_TESTS_FUZZ_H
#define SVENV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
