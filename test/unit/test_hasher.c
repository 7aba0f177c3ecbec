/* SPDX-License-Identifier: Apache-2.0
 *
 * Streamed computation, and its state in upstream's form, with vectors that upstream wrote.
 */
#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/oci/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define INITIAL_CHAIN "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
#define ZERO_8        "0000000000000000"
#define ZERO_32       ZERO_8 ZERO_8 ZERO_8 ZERO_8

static const struct {
    enum digest_algorithm algorithm;
    const char *content;
    const char *digest;
} known[] = {
    {DIGEST_SHA256, "",
     "sha256:"
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {DIGEST_SHA256, "abc",
     "sha256:"
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA384, "",
     "sha384:"
     "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
     "274edebfe76f65fbd51ad2f14898b95b"},
    {DIGEST_SHA384, "abc",
     "sha384:"
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {DIGEST_SHA512, "",
     "sha512:"
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {DIGEST_SHA512, "abc",
     "sha512:"
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void digest_of_known_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(known); i++) {
        struct digest digest;
        char text[DIGEST_TEXT_SIZE];

        digest_of(known[i].algorithm, span_of(known[i].content), &digest);
        assert_string_equal(digest_format(&digest, text), known[i].digest);
    }
}

static void pieces_do_not_matter(void **state)
{
    static const enum digest_algorithm algorithms[] = {DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512};
    char content[1000];

    (void)state;
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (char)(i * 7);
    for (size_t i = 0; i < array_count(algorithms); i++) {
        struct digest whole;

        digest_of(algorithms[i], span_make(content, sizeof(content)), &whole);
        for (size_t step = 1; step < 300; step += 13) {
            struct hasher *hasher = hasher_new(algorithms[i]);
            struct digest pieced;

            for (size_t at = 0; at < sizeof(content); at += step)
                hasher_update(hasher, content + at,
                              step < sizeof(content) - at ? step : sizeof(content) - at);
            hasher_digest(hasher, &pieced);
            assert_int_equal(hasher_count(hasher), sizeof(content));
            assert_true(digest_equals(&pieced, &whole));
            hasher_free(hasher);
        }
    }
}

static void a_hasher_goes_on_after_its_digest(void **state)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA512);
    struct digest first;
    struct digest again;
    struct digest expected;

    (void)state;
    hasher_update(hasher, "ab", 2);
    hasher_digest(hasher, &first);
    hasher_digest(hasher, &again);
    assert_true(digest_equals(&first, &again));
    hasher_update(hasher, NULL, 0);
    hasher_update(hasher, "c", 1);
    hasher_digest(hasher, &again);
    digest_of(DIGEST_SHA512, SPAN("abc"), &expected);
    assert_true(digest_equals(&again, &expected));
    hasher_free(hasher);
}

/* What upstream wrote after 0 bytes, after the text, and after 100 bytes 0x00, 0x01 ... more. */
static const struct {
    int64_t count;
    const char *state;
} vectors[] = {
    {0, "73686103" INITIAL_CHAIN ZERO_32 ZERO_32 ZERO_8},
    {22,
     "73686103" INITIAL_CHAIN
     "68656c6c6f20776f726c642c2070617274206f6e653b00000000000000000000" ZERO_32 "0000000000000016"},
    {122, "73686103"
          "c6e8c75d969d2bafde928392f8efc2ce72f9628be5ed950771fb26246b2e2cb6"
          "2a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243444546474849"
          "4a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263000000000000"
          "000000000000007a"},
};
#define VECTOR_DIGEST "sha256:5267e9edc78a69cabd9cd42bba9a13374becadd1c34185c2526c55f8fda13ca0"

static const char part_one[] = "hello world, part one;";

static void part_two(uint8_t out[100])
{
    for (int i = 0; i < 100; i++)
        out[i] = (uint8_t)i;
}

static void assert_exports(const struct hasher *hasher, const char *expected)
{
    uint8_t bytes[HASHER_STATE_SIZE];
    char text[2 * HASHER_STATE_SIZE + 1];

    hasher_export(hasher, bytes);
    encode_hex(bytes, sizeof(bytes), text);
    assert_string_equal(text, expected);
}

/* Given: hasher_free. */
static struct hasher *import_vector(size_t index)
{
    uint8_t bytes[HASHER_STATE_SIZE];
    struct hasher *hasher;

    assert_true(decode_hex(span_of(vectors[index].state), bytes, sizeof(bytes)));
    hasher = hasher_import(span_make(bytes, sizeof(bytes)), vectors[index].count);
    assert_non_null(hasher);
    assert_int_equal(hasher_count(hasher), vectors[index].count);
    return hasher;
}

static void hasher_exports_what_upstream_writes(void **state)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA256);
    uint8_t rest[100];

    (void)state;
    part_two(rest);
    assert_exports(hasher, vectors[0].state);
    hasher_update(hasher, part_one, sizeof(part_one) - 1);
    assert_exports(hasher, vectors[1].state);
    hasher_update(hasher, rest, sizeof(rest));
    assert_exports(hasher, vectors[2].state);
    hasher_free(hasher);
}

static void hasher_goes_on_from_what_upstream_wrote(void **state)
{
    uint8_t rest[100];

    (void)state;
    part_two(rest);
    for (size_t i = 0; i < array_count(vectors); i++) {
        struct hasher *hasher = import_vector(i);
        struct digest digest;
        char text[DIGEST_TEXT_SIZE];

        assert_exports(hasher, vectors[i].state);
        if (i < 1)
            hasher_update(hasher, part_one, sizeof(part_one) - 1);
        if (i < 2)
            hasher_update(hasher, rest, sizeof(rest));
        hasher_digest(hasher, &digest);
        assert_string_equal(digest_format(&digest, text), VECTOR_DIGEST);
        hasher_free(hasher);
    }
}

/* A hasher handed on after every piece says the same as one that was not. */
static void hasher_survives_being_handed_on_anywhere(void **state)
{
    char content[500];
    struct hasher *handed_on = hasher_new(DIGEST_SHA256);
    struct digest expected;
    struct digest digest;

    (void)state;
    for (size_t i = 0; i < sizeof(content); i++) {
        uint8_t bytes[HASHER_STATE_SIZE];

        content[i] = (char)(i * 31);
        hasher_update(handed_on, content + i, 1);
        hasher_export(handed_on, bytes);
        hasher_free(handed_on);
        handed_on = hasher_import(span_make(bytes, sizeof(bytes)), (int64_t)i + 1);
        assert_non_null(handed_on);
        hasher_digest(handed_on, &digest);
        digest_of(DIGEST_SHA256, span_make(content, i + 1), &expected);
        assert_true(digest_equals(&digest, &expected));
    }
    hasher_free(handed_on);
}

/* The length of all that was hashed goes into the digest, beyond 2^32 bits too. */
static void hasher_import_keeps_large_counts(void **state)
{
    uint8_t bytes[HASHER_STATE_SIZE];
    uint8_t again[HASHER_STATE_SIZE];
    struct hasher *hasher;
    struct hasher *small = import_vector(0);
    int64_t count = ((int64_t)10 << 30) + 64;
    struct digest digest;
    struct digest other;

    (void)state;
    assert_true(decode_hex(span_of(vectors[0].state), bytes, sizeof(bytes)));
    for (int i = 0; i < 8; i++)
        bytes[100 + i] = (uint8_t)(count >> (8 * (7 - i)));
    hasher = hasher_import(span_make(bytes, sizeof(bytes)), count);
    assert_non_null(hasher);
    hasher_export(hasher, again);
    assert_memory_equal(again, bytes, sizeof(bytes));
    hasher_digest(hasher, &digest);
    hasher_digest(small, &other);
    assert_false(digest_equals(&digest, &other));
    hasher_free(hasher);
    hasher_free(small);
}

static void hasher_import_refuses_what_does_not_fit(void **state)
{
    uint8_t bytes[HASHER_STATE_SIZE + 1] = {0};

    (void)state;
    assert_true(decode_hex(span_of(vectors[2].state), bytes, HASHER_STATE_SIZE));
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE), 121));
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE), -1));
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE - 1), 122));
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE + 1), 122));
    assert_null(hasher_import((struct span){NULL, 0}, 0));
    bytes[3] ^= 1;
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE), 122));
    bytes[3] ^= 1;
    memset(bytes + 100, 0xff, 8);
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE), -1));
    memset(bytes + 100, 0, 8);
    bytes[100] = 0x10; /* more bits than can be counted on from */
    assert_null(hasher_import(span_make(bytes, HASHER_STATE_SIZE), (int64_t)1 << 60));
}

static void hasher_import_ignores_what_is_behind_the_pending_bytes(void **state)
{
    uint8_t bytes[HASHER_STATE_SIZE];
    struct hasher *hasher;

    (void)state;
    assert_true(decode_hex(span_of(vectors[2].state), bytes, sizeof(bytes)));
    memset(bytes + 36 + 58, 0xaa, 6);
    hasher = hasher_import(span_make(bytes, sizeof(bytes)), 122);
    assert_non_null(hasher);
    assert_exports(hasher, vectors[2].state);
    hasher_free(hasher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_of_known_texts),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(a_hasher_goes_on_after_its_digest),
        cmocka_unit_test(hasher_exports_what_upstream_writes),
        cmocka_unit_test(hasher_goes_on_from_what_upstream_wrote),
        cmocka_unit_test(hasher_survives_being_handed_on_anywhere),
        cmocka_unit_test(hasher_import_keeps_large_counts),
        cmocka_unit_test(hasher_import_refuses_what_does_not_fit),
        cmocka_unit_test(hasher_import_ignores_what_is_behind_the_pending_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
