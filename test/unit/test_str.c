/* SPDX-License-Identifier: Apache-2.0
 *
 * Text under construction never exceeds its maximum.
 */
#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void str_is_empty_text_before_anything(void **state)
{
    auto_str str = STR_INIT(10);

    (void)state;
    assert_string_equal(str_text(&str), "");
    assert_int_equal(str_span(&str).len, 0);
}

static void str_holds_exactly_its_maximum(void **state)
{
    auto_str str = STR_INIT(3);

    (void)state;
    str_append_text(&str, "ab");
    str_append_char(&str, 'c');
    assert_false(str_overflowed(&str));
    assert_string_equal(str_text(&str), "abc");
    str_append_text(&str, "");
    assert_false(str_overflowed(&str));
    str_append_char(&str, 'd');
    assert_true(str_overflowed(&str));
    assert_string_equal(str_text(&str), "abc");
}

static void str_stays_overflowed_until_reset(void **state)
{
    auto_str str = STR_INIT(4);

    (void)state;
    str_append_text(&str, "12345");
    str_append_text(&str, "1");
    assert_true(str_overflowed(&str));
    assert_int_equal(str.len, 0);
    str_reset(&str);
    str_append_text(&str, "1234");
    assert_false(str_overflowed(&str));
    assert_string_equal(str_text(&str), "1234");
}

static void str_formats_all_or_nothing(void **state)
{
    auto_str str = STR_INIT(8);

    (void)state;
    str_append_format(&str, "%d-%s", 12, "ab");
    assert_string_equal(str_text(&str), "12-ab");
    str_append_format(&str, "%s", "1234");
    assert_true(str_overflowed(&str));
    assert_string_equal(str_text(&str), "12-ab");
}

static void str_keeps_nul_bytes(void **state)
{
    auto_str str = STR_INIT(8);

    (void)state;
    str_append(&str, SPAN("a\0b"));
    assert_int_equal(str.len, 3);
    assert_memory_equal(str_text(&str), "a\0b", 4);
}

static void str_grows_by_many_small_appends(void **state)
{
    auto_str str = STR_INIT(100000);

    (void)state;
    for (int i = 0; i < 100000; i++)
        str_append_char(&str, (char)('a' + i % 26));
    assert_false(str_overflowed(&str));
    assert_int_equal(str.len, 100000);
    assert_int_equal(str_text(&str)[99999], 'a' + 99999 % 26);
    assert_true(str.cap <= 100001);
}

static void str_reserve_refuses_more_than_is_left(void **state)
{
    auto_str str = STR_INIT(10);
    char *room;

    (void)state;
    room = str_reserve(&str, 10);
    assert_non_null(room);
    memset(room, 'x', 4);
    str_grown(&str, 4);
    assert_string_equal(str_text(&str), "xxxx");
    assert_null(str_reserve(&str, 7));
    assert_null(str_reserve(&str, SIZE_MAX));
}

static void str_take_gives_text_even_if_there_is_none(void **state)
{
    auto_str str = STR_INIT(10);
    char *text = str_take(&str);

    (void)state;
    assert_string_equal(text, "");
    free(text);
    str_append_text(&str, "abc");
    text = str_take(&str);
    assert_string_equal(text, "abc");
    free(text);
    assert_int_equal(str.len, 0);
    assert_int_equal(str.max, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_is_empty_text_before_anything),
        cmocka_unit_test(str_holds_exactly_its_maximum),
        cmocka_unit_test(str_stays_overflowed_until_reset),
        cmocka_unit_test(str_formats_all_or_nothing),
        cmocka_unit_test(str_keeps_nul_bytes),
        cmocka_unit_test(str_grows_by_many_small_appends),
        cmocka_unit_test(str_reserve_refuses_more_than_is_left),
        cmocka_unit_test(str_take_gives_text_even_if_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
