/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors as values.
 */
#include "lib/base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void error_set_replaces_everything(void **state)
{
    struct error err = {.code = ERROR_IO, .sys = 5, .message = "old", .detail = "{}"};

    (void)state;
    assert_int_equal(error_set(&err, ERROR_TAG_INVALID, "tag %s", "x"), -1);
    assert_int_equal(err.code, ERROR_TAG_INVALID);
    assert_int_equal(err.sys, 0);
    assert_string_equal(err.message, "tag x");
    assert_string_equal(err.detail, "");
}

static void messages_are_cut_visibly(void **state)
{
    struct error err = ERROR_INIT;
    char fits[256];
    char longer[257];

    (void)state;
    memset(fits, 'x', sizeof(fits) - 1);
    fits[sizeof(fits) - 1] = '\0';
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    error_set(&err, ERROR_IO, "%s", fits);
    assert_string_equal(err.message, fits);
    error_set(&err, ERROR_IO, "%s", longer);
    assert_int_equal(strlen(err.message), 255);
    assert_string_equal(err.message + 251, "x...");
    error_set(&err, ERROR_IO, "end");
    error_wrap(&err, "%s", longer);
    assert_string_equal(err.message + 251, "x...");
    error_set_sys(&err, ENOENT, "%s", longer);
    assert_non_null(strstr(err.message, "x...: No such file"));
}

static void error_set_sys_says_which_kind(void **state)
{
    static const struct {
        int sys;
        enum error_code code;
    } kinds[] = {
        {ENOENT, ERROR_NOT_FOUND}, {ENOTDIR, ERROR_NOT_FOUND}, {EEXIST, ERROR_EXISTS},
        {ENOTEMPTY, ERROR_EXISTS}, {ENOSPC, ERROR_FULL},       {EDQUOT, ERROR_FULL},
        {ENAMETOOLONG, ERROR_KEY}, {EACCES, ERROR_IO},         {EIO, ERROR_IO},
    };
    struct error err = ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < array_count(kinds); i++) {
        assert_int_equal(error_set_sys(&err, kinds[i].sys, "open %s", "x"), -1);
        assert_int_equal(err.code, kinds[i].code);
        assert_int_equal(err.sys, kinds[i].sys);
    }
    error_set_sys(&err, ENOENT, "open x");
    assert_string_equal(err.message, "open x: No such file or directory");
}

static void wrap_and_translate_keep_the_rest(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    error_set(&err, ERROR_NOT_FOUND, "no link");
    error_detail_json(&err, "{\"n\":%d}", 7);
    assert_int_equal(error_wrap(&err, "tag %s", "x"), -1);
    assert_int_equal(error_translate(&err, ERROR_MANIFEST_UNKNOWN), -1);
    assert_int_equal(err.code, ERROR_MANIFEST_UNKNOWN);
    assert_string_equal(err.message, "tag x: no link");
    assert_string_equal(err.detail, "{\"n\":7}");
}

static void details_are_json_or_nothing(void **state)
{
    struct error err = ERROR_INIT;
    char longer[600];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    error_detail_string(&err, SPAN("a\"b<\xff"));
    assert_string_equal(err.detail, "\"a\\\"b\\u003c\\ufffd\"");
    error_detail_string(&err, span_of(longer));
    assert_string_equal(err.detail, "");
    error_detail_json(&err, "[\"%s\"]", longer);
    assert_string_equal(err.detail, "");
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CODE_COUNT; i++) {
        assert_non_null(error_code_name((enum error_code)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(error_code_name((enum error_code)i),
                                    error_code_name((enum error_code)j));
    }
    assert_string_equal(error_code_name(ERROR_CODE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_set_replaces_everything),
        cmocka_unit_test(messages_are_cut_visibly),
        cmocka_unit_test(error_set_sys_says_which_kind),
        cmocka_unit_test(wrap_and_translate_keep_the_rest),
        cmocka_unit_test(details_are_json_or_nothing),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
