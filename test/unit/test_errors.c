/* SPDX-License-Identifier: Apache-2.0
 *
 * The table from our error codes to what clients see, and the envelope.
 */
#include "lib/api/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* Source: OCI distribution-spec "Error Codes", code-1 to code-14; then upstream's own. */
static const char *const known_ids[] = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "UNKNOWN",
    "UNAVAILABLE",
    "PAGINATION_NUMBER_INVALID",
    "RANGE_INVALID",
    "TAG_INVALID",
    "TOOMANYREQUESTS",
    "MANIFEST_UNKNOWN",
};

static bool is_known(const char *id)
{
    for (size_t i = 0; i < array_count(known_ids); i++) {
        if (strcmp(known_ids[i], id) == 0)
            return true;
    }
    return false;
}

static void errors_table_has_a_row_for_every_code(void **state)
{
    (void)state;
    for (int code = 0; code < ERROR_CODE_COUNT; code++) {
        const struct errors_row *row = errors_row_of((enum error_code)code);

        print_message("%s\n", error_code_name((enum error_code)code));
        assert_non_null(row->id);
        assert_true(is_known(row->id));
        assert_true(row->status >= 400 && row->status < 600);
        assert_true(strlen(row->text) > 0);
    }
}

static void errors_table_uses_every_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(known_ids); i++) {
        bool is_used = false;

        for (int code = 0; code < ERROR_CODE_COUNT; code++)
            is_used |= strcmp(errors_row_of((enum error_code)code)->id, known_ids[i]) == 0;
        print_message("%s\n", known_ids[i]);
        assert_true(is_used);
    }
}

static void errors_table_has_the_statuses_of_upstream(void **state)
{
    (void)state;
    assert_int_equal(errors_row_of(ERROR_BLOB_UNKNOWN)->status, 404);
    assert_int_equal(errors_row_of(ERROR_UPLOAD_INVALID)->status, 404);
    assert_int_equal(errors_row_of(ERROR_MANIFEST_BLOB_UNKNOWN)->status, 400);
    assert_int_equal(errors_row_of(ERROR_UNSUPPORTED)->status, 405);
    assert_int_equal(errors_row_of(ERROR_UPLOAD_OFFSET)->status, 416);
    assert_int_equal(errors_row_of((enum error_code)999)->status, 500);
}

static void errors_envelope_lists_all_in_order(void **state)
{
    struct error errors[2] = {ERROR_INIT, ERROR_INIT};
    auto_str out = STR_INIT(4096);

    (void)state;
    error_set(&errors[0], ERROR_NAME_UNKNOWN, "not for clients: /var/lib");
    error_detail_string(&errors[0], SPAN("a\"<&\x01\xff"));
    error_set(&errors[1], ERROR_DIGEST_INVALID, "neither");
    errors_envelope(&out, errors, 2);
    assert_string_equal(
        str_text(&out),
        "{\"errors\":["
        "{\"code\":\"NAME_UNKNOWN\",\"message\":\"repository name not known to registry\","
        "\"detail\":\"a\\\"\\u003c\\u0026\\u0001\\ufffd\"},"
        "{\"code\":\"DIGEST_INVALID\","
        "\"message\":\"provided digest did not match uploaded content\"}]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_table_has_a_row_for_every_code),
        cmocka_unit_test(errors_table_uses_every_id),
        cmocka_unit_test(errors_table_has_the_statuses_of_upstream),
        cmocka_unit_test(errors_envelope_lists_all_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
