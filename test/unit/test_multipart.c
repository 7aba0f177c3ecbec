/* SPDX-License-Identifier: Apache-2.0
 *
 * The text around the parts of a multipart/byteranges body.
 */
#include "lib/api/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void multipart_length_is_that_of_what_is_appended(void **state)
{
    struct range_set ranges = {.count = 2, .items = {{10, 5}, {0, 5}}};
    struct multipart multipart = {.boundary = {"B"}, .ranges = &ranges, .size = 1000};
    auto_str body = STR_INIT(1000);

    (void)state;
    multipart_append(&body, &multipart, 0);
    str_append_text(&body, "xxxxx");
    multipart_append(&body, &multipart, 1);
    str_append_text(&body, "yyyyy");
    multipart_append(&body, &multipart, 2);
    assert_string_equal(str_text(&body),
                        "--B\r\nContent-Range: bytes 10-14/1000\r\n"
                        "Content-Type: application/octet-stream\r\n\r\nxxxxx\r\n"
                        "--B\r\nContent-Range: bytes 0-4/1000\r\n"
                        "Content-Type: application/octet-stream\r\n\r\nyyyyy\r\n--B--\r\n");
    assert_int_equal(multipart_length(&multipart), body.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipart_length_is_that_of_what_is_appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
