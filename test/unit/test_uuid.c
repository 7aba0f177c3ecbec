/* SPDX-License-Identifier: Apache-2.0
 *
 * Version 4 UUIDs.
 */
#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void uuid_new_is_random_version_4(void **state)
{
    struct uuid first = uuid_new();

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct uuid uuid = uuid_new();

        assert_int_equal(strlen(uuid.text), UUID_LEN);
        assert_true(is_uuid(span_of(uuid.text)));
        assert_int_equal(uuid.text[14], '4');
        assert_non_null(strchr("89ab", uuid.text[19]));
        assert_string_not_equal(uuid.text, first.text);
        assert_int_equal(strspn(uuid.text, "0123456789abcdef-"), UUID_LEN);
    }
}

static void is_uuid_takes_either_case_and_any_version(void **state)
{
    (void)state;
    assert_true(is_uuid(SPAN("177690b1-48e3-4b48-b530-02f51bb66f3a")));
    assert_true(is_uuid(SPAN("177690B1-48E3-1B48-0530-02F51BB66F3A")));
    assert_true(is_uuid(SPAN("00000000-0000-0000-0000-000000000000")));
}

static void is_uuid_refuses_everything_else(void **state)
{
    static const char *const broken[] = {
        "",
        "177690b1-48e3-4b48-b530-02f51bb66f3",
        "177690b1-48e3-4b48-b530-02f51bb66f3aa",
        "177690b148e34b48b53002f51bb66f3a",
        "177690b1-48e3-4b48-b530-02f51bb66f3g",
        "177690b1_48e3_4b48_b530_02f51bb66f3a",
        "177690b-148e3-4b48-b530-02f51bb66f3a",
        "{77690b1-48e3-4b48-b530-02f51bb66f3}",
        "../690b1-48e3-4b48-b530-02f51bb66f3a",
    };

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        if (is_uuid(span_of(broken[i])))
            fail_msg("accepted: %s", broken[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuid_new_is_random_version_4),
        cmocka_unit_test(is_uuid_takes_either_case_and_any_version),
        cmocka_unit_test(is_uuid_refuses_everything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
