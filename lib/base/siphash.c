/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash - see siphash.h.
 */
#include "lib/base/siphash.h"

#include <stddef.h>

#include "lib/base/banned.h"

#define COMPRESSION_ROUNDS  2
#define FINALIZATION_ROUNDS 4
#define WORD_LEN            8

struct state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

/* Up to eight bytes, the first of them lowest. */
static uint64_t word_of(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static void round_of(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void mix(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    for (int i = 0; i < COMPRESSION_ROUNDS; i++)
        round_of(s);
    s->v0 ^= word;
}

/* The last word holds what is left over and, in its highest byte, the length. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], struct span text)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    uint64_t k0 = word_of(key, WORD_LEN);
    uint64_t k1 = word_of(key + WORD_LEN, WORD_LEN);
    struct state s = {
        .v0 = k0 ^ 0x736f6d6570736575,
        .v1 = k1 ^ 0x646f72616e646f6d,
        .v2 = k0 ^ 0x6c7967656e657261,
        .v3 = k1 ^ 0x7465646279746573,
    };
    size_t left = text.len;

    for (; left >= WORD_LEN; left -= WORD_LEN, bytes += WORD_LEN)
        mix(&s, word_of(bytes, WORD_LEN));
    mix(&s, word_of(bytes, left) | (uint64_t)text.len << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < FINALIZATION_ROUNDS; i++)
        round_of(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
