/* The sum over a compiled plan by which damage to it is noticed. */
#include <string.h>

#include "codec-internal.h"

#define WORD sizeof(uint64_t)

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, WORD);
    return word;
}

/* Different words never make the same of one sum, nor one word the same of different sums. */
static uint64_t codec_sum_add_word(uint64_t sum, uint64_t word)
{
    return (sum << 29 | sum >> 35) + word;
}

/* Four sums side by side, written out: half the time that one takes, and a plan is summed at every
 * start. */
uint64_t codec_sum(const void *data, size_t len)
{
    const unsigned char *at = data;
    uint64_t a = len, b = 1, c = 2, d = 3;
    unsigned char rest[WORD] = {0};

    for (; len >= 4 * WORD; len -= 4 * WORD, at += 4 * WORD) {
        a = codec_sum_add_word(a, word_at(at));
        b = codec_sum_add_word(b, word_at(at + WORD));
        c = codec_sum_add_word(c, word_at(at + 2 * WORD));
        d = codec_sum_add_word(d, word_at(at + 3 * WORD));
    }
    for (; len >= WORD; len -= WORD, at += WORD)
        a = codec_sum_add_word(a, word_at(at));
    memcpy(rest, at, len);
    a = codec_sum_add_word(a, word_at(rest));
    return codec_sum_add_word(codec_sum_add_word(codec_sum_add_word(a, b), c), d);
}
