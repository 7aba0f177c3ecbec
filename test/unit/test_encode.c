/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as text and back.
 */
#include "lib/base/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void hex_goes_both_ways(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0xff, 0x1a};
    uint8_t back[sizeof(bytes)];
    char text[2 * sizeof(bytes) + 1];

    (void)state;
    encode_hex(bytes, sizeof(bytes), text);
    assert_string_equal(text, "007f80ff1a");
    assert_true(decode_hex(span_of(text), back, sizeof(back)));
    assert_memory_equal(back, bytes, sizeof(bytes));
    encode_hex(NULL, 0, text);
    assert_string_equal(text, "");
}

static void decode_hex_is_strict(void **state)
{
    uint8_t out[2];

    (void)state;
    assert_false(decode_hex(SPAN("00FF"), out, 2));
    assert_false(decode_hex(SPAN("00f"), out, 2));
    assert_false(decode_hex(SPAN("00ff0"), out, 2));
    assert_false(decode_hex(SPAN("00fg"), out, 2));
    assert_false(decode_hex(SPAN("0x0f"), out, 2));
    assert_false(decode_hex(SPAN("00f\0"), out, 2));
    assert_false(decode_hex(SPAN(""), out, 2));
}

static const struct {
    const char *text;
    const char *bytes;
    size_t len;
} base64url[] = {
    {"", "", 0},         {"Zg==", "f", 1},        {"Zm8=", "fo", 2},
    {"Zm9v", "foo", 3},  {"Zm9vYg==", "foob", 4}, {"-_-_", "\xfb\xff\xbf", 3},
    {"AAA=", "\0\0", 2},
};

static void base64url_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(base64url); i++) {
        auto_str text = STR_INIT(100);
        auto_str bytes = STR_INIT(100);

        encode_base64url(&text, span_make(base64url[i].bytes, base64url[i].len));
        assert_string_equal(str_text(&text), base64url[i].text);
        assert_true(decode_base64url(&bytes, span_of(base64url[i].text)));
        assert_int_equal(bytes.len, base64url[i].len);
        assert_memory_equal(str_text(&bytes), base64url[i].bytes, base64url[i].len);
    }
}

static void decode_base64url_is_strict(void **state)
{
    static const char *const broken[] = {
        "Z",    "Zg",      "Zg=",  "Zg===", "====",  "=AAA", "A=AA",     "AA=A",  "Zm9v\n",
        "+/+/", "Zm9v===", "Zm9 ", " Zm9",  "Zm9v ", "A===", "Zg==Zg==", "\tZm9", "Zm\n9",
    };

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        auto_str bytes = STR_INIT(100);

        if (decode_base64url(&bytes, span_of(broken[i])))
            fail_msg("accepted: %s", broken[i]);
    }
}

static void bare_base64url_has_no_padding(void **state)
{
    static const char *const broken[] = {"Z", "Zg==", "Zg=", "Zm9vY", "Zm8=", "+/+/", "=", " Zg"};

    (void)state;
    for (size_t i = 0; i < array_count(base64url); i++) {
        auto_str text = STR_INIT(100);
        auto_str bytes = STR_INIT(100);

        encode_base64url_bare(&text, span_make(base64url[i].bytes, base64url[i].len));
        assert_null(strchr(str_text(&text), '='));
        assert_int_equal(strncmp(str_text(&text), base64url[i].text, text.len), 0);
        assert_true(decode_base64url_bare(&bytes, str_span(&text)));
        assert_int_equal(bytes.len, base64url[i].len);
        assert_memory_equal(str_text(&bytes), base64url[i].bytes, base64url[i].len);
    }
    for (size_t i = 0; i < array_count(broken); i++) {
        auto_str bytes = STR_INIT(100);

        if (decode_base64url_bare(&bytes, span_of(broken[i])))
            fail_msg("accepted: %s", broken[i]);
    }
}

static void base64_has_the_standard_alphabet(void **state)
{
    static const char *const broken[] = {"-_-_", "Zg", "Zg=", "Z===", "Zm9v\n", " Zm9"};
    auto_str bytes = STR_INIT(100);

    (void)state;
    assert_true(decode_base64(&bytes, SPAN("+/+/")));
    assert_string_equal(str_text(&bytes), "\xfb\xff\xbf");
    str_reset(&bytes);
    assert_true(decode_base64(&bytes, SPAN("Zm8=")));
    assert_string_equal(str_text(&bytes), "fo");
    for (size_t i = 0; i < array_count(broken); i++) {
        str_reset(&bytes);
        if (decode_base64(&bytes, span_of(broken[i])))
            fail_msg("accepted: %s", broken[i]);
    }
}

static void base64url_minds_the_maximum(void **state)
{
    auto_str text = STR_INIT(7);
    auto_str bytes = STR_INIT(2);

    (void)state;
    encode_base64url(&text, SPAN("four"));
    assert_true(str_overflowed(&text));
    assert_false(decode_base64url(&bytes, SPAN("Zm9v")));
}

static void decode_percent_decodes(void **state)
{
    auto_str out = STR_INIT(100);

    (void)state;
    assert_true(decode_percent(&out, SPAN("a%2Fb%2fc+d%00e"), false));
    assert_int_equal(out.len, 9);
    assert_memory_equal(str_text(&out), "a/b/c+d\0e", 9);
    str_reset(&out);
    assert_true(decode_percent(&out, SPAN("a+b%2B"), true));
    assert_string_equal(str_text(&out), "a b+");
    str_reset(&out);
    assert_true(decode_percent(&out, SPAN(""), true));
}

static void decode_percent_refuses_broken_escapes(void **state)
{
    static const char *const broken[] = {"%", "%2", "a%", "%zz", "%2x", "%%41", "% 1", "%-1"};
    auto_str small = STR_INIT(2);

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        auto_str out = STR_INIT(100);

        assert_false(decode_percent(&out, span_of(broken[i]), false));
    }
    assert_false(decode_percent(&small, SPAN("abc"), false));
}

static void encode_query_keeps_the_unreserved_only(void **state)
{
    auto_str out = STR_INIT(100);

    (void)state;
    encode_query(&out, SPAN("aZ9-._~ /:=&+\xff\n"));
    assert_string_equal(str_text(&out), "aZ9-._~+%2F%3A%3D%26%2B%FF%0A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(decode_hex_is_strict),
        cmocka_unit_test(base64url_goes_both_ways),
        cmocka_unit_test(decode_base64url_is_strict),
        cmocka_unit_test(bare_base64url_has_no_padding),
        cmocka_unit_test(base64_has_the_standard_alphabet),
        cmocka_unit_test(base64url_minds_the_maximum),
        cmocka_unit_test(decode_percent_decodes),
        cmocka_unit_test(decode_percent_refuses_broken_escapes),
        cmocka_unit_test(encode_query_keeps_the_unreserved_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
