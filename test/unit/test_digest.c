/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests as text.
 */
#include "lib/oci/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HEX32  "0123456789abcdef0123456789abcdef"
#define HEX64  HEX32 HEX32
#define HEX96  HEX64 HEX32
#define HEX128 HEX64 HEX64

static void digest_parse_takes_three_algorithms(void **state)
{
    static const struct {
        const char *text;
        enum digest_algorithm algorithm;
        size_t size;
    } valid[] = {
        {"sha256:" HEX64, DIGEST_SHA256, 32},
        {"sha384:" HEX96, DIGEST_SHA384, 48},
        {"sha512:" HEX128, DIGEST_SHA512, 64},
    };

    (void)state;
    for (size_t i = 0; i < array_count(valid); i++) {
        struct digest digest;
        char text[DIGEST_TEXT_SIZE];
        char hex[DIGEST_HEX_MAX + 1];

        assert_true(digest_parse(span_of(valid[i].text), &digest));
        assert_int_equal(digest.algorithm, valid[i].algorithm);
        assert_int_equal(digest_size(digest.algorithm), valid[i].size);
        for (size_t j = valid[i].size; j < DIGEST_BYTES_MAX; j++)
            assert_int_equal(digest.bytes[j], 0);
        assert_ptr_equal(digest_format(&digest, text), text);
        assert_string_equal(text, valid[i].text);
        assert_string_equal(digest_format_hex(&digest, hex), valid[i].text + 7);
        assert_true(is_digest_shaped(span_of(valid[i].text)));
    }
}

static const struct {
    struct span text;
    bool is_shaped;
} refused[] = {
    {{"", 0}, false},
    {{":", 1}, false},
    {{"sha256", 6}, false},
    {{"sha256:", 7}, false},
    {{":" HEX64, 65}, false},
    {{HEX64, 64}, false},
    {{"sha256:abc", 10}, true},
    {{"sha256:" HEX32, 39}, true},
    {{"sha256:" HEX64 "0", 72}, true},
    {{"sha256:" HEX96, 103}, true},
    {{"sha512:" HEX64, 71}, true},
    {{"sha256:" HEX32 "0123456789ABCDEF0123456789abcdef", 71}, true},
    {{"sha256:" HEX32 "0123456789abcdeg0123456789abcdef", 71}, true},
    {{"sha256:" HEX32 "0123456789abcde\0"
      "0123456789abcdef",
      71},
     false},
    {{"SHA256:" HEX64, 71}, false},
    {{"sha1:" HEX32 "01234567", 45}, true},
    {{"md5:" HEX32, 36}, true},
    {{"blake3:" HEX64, 71}, true},
    {{"sha256+b64:LCa0a2j_xo=", 22}, true},
    {{"a.b-c_d+e:-", 11}, true},
    {{"a..b:x", 6}, false},
    {{".a:x", 4}, false},
    {{"a.:x", 4}, false},
    {{"sha256::" HEX64, 72}, false},
    {{" sha256:" HEX64, 72}, false},
    {{"sha256:" HEX64 "\n", 72}, false},
    {{"sha256:" HEX64 "\0", 72}, false},
    {{"sha256:../../../../etc/passwd", 29}, false},
};

static void digest_parse_refuses_everything_else(void **state)
{
    struct digest digest = {.algorithm = DIGEST_SHA384, .bytes = {7}};
    struct digest before = digest;

    (void)state;
    for (size_t i = 0; i < array_count(refused); i++) {
        if (digest_parse(refused[i].text, &digest))
            fail_msg("accepted: %.*s", SPAN_ARGS(refused[i].text));
        if (is_digest_shaped(refused[i].text) != refused[i].is_shaped)
            fail_msg("shape: %.*s", SPAN_ARGS(refused[i].text));
    }
    assert_memory_equal(&digest, &before, sizeof(digest));
    assert_false(digest_parse((struct span){NULL, 0}, &digest));
}

static void digest_equals_compares_algorithm_and_bytes(void **state)
{
    struct digest a;
    struct digest b;

    (void)state;
    assert_true(digest_parse(SPAN("sha256:" HEX64), &a));
    b = a;
    assert_true(digest_equals(&a, &b));
    b.bytes[31] ^= 1;
    assert_false(digest_equals(&a, &b));
    b = a;
    b.algorithm = DIGEST_SHA384;
    assert_false(digest_equals(&a, &b));
}

static void algorithms_have_names(void **state)
{
    (void)state;
    assert_string_equal(digest_algorithm_name(DIGEST_SHA256), "sha256");
    assert_string_equal(digest_algorithm_name(DIGEST_SHA384), "sha384");
    assert_string_equal(digest_algorithm_name(DIGEST_SHA512), "sha512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_parse_takes_three_algorithms),
        cmocka_unit_test(digest_parse_refuses_everything_else),
        cmocka_unit_test(digest_equals_compares_algorithm_and_bytes),
        cmocka_unit_test(algorithms_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
