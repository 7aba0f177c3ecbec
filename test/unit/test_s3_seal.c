/* SPDX-License-Identifier: Apache-2.0
 *
 * What an upload is known by when it is found again, and the ETag of the object it becomes.
 */
#include "drivers/s3/s3_etag.h"
#include "drivers/s3/seal.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MD5_OF_HELLO "5d41402abc4b2a76b9719d911017c592"
#define MD5_OF_WORLD "7d793037a0760186574b0282f2f435e7"
#define ETAG_OF_BOTH "\"065947336a2f2a95ba8899f3675c3be6-2\""

static struct parts parts_of(const char *first, int64_t first_size, const char *second)
{
    struct parts parts = {0};

    parts_add(&parts, 1, first_size, xstrdup(first));
    if (second != NULL)
        parts_add(&parts, 2, 5, xstrdup(second));
    return parts;
}

static bool is_same(const char *id, struct parts parts)
{
    struct parts sealed = parts_of("\"a\"", 5, "\"b\"");
    struct digest expected;
    struct digest actual;

    seal_of("id", &sealed, NULL, &expected);
    seal_of(id, &parts, NULL, &actual);
    parts_fini(&sealed);
    parts_fini(&parts);
    return digest_equals(&expected, &actual);
}

static void a_seal_is_of_an_upload_and_its_parts(void **state)
{
    (void)state;
    assert_true(is_same("id", parts_of("\"a\"", 5, "\"b\"")));
    assert_true(is_same("id", parts_of("a", 5, "b"))); /* without quotes */
    assert_false(is_same("other", parts_of("\"a\"", 5, "\"b\"")));
    assert_false(is_same("id", parts_of("\"a\"", 5, "\"c\"")));
    assert_false(is_same("id", parts_of("\"a\"", 6, "\"b\"")));
    assert_false(is_same("id", parts_of("\"a\"", 5, NULL)));
}

/* The end that a writer has still in its hands is a part like the others. */
static void a_seal_covers_the_end(void **state)
{
    struct parts one = parts_of("a", 5, NULL);
    struct parts both = parts_of("a", 5, "b");
    char etag[] = "\"b\"";
    struct part end = {2, 5, etag};
    struct digest expected;
    struct digest actual;

    (void)state;
    seal_of("id", &both, NULL, &expected);
    seal_of("id", &one, &end, &actual);
    assert_true(digest_equals(&expected, &actual));
    parts_fini(&one);
    parts_fini(&both);
}

static void assert_etag(const char *told, const char *second, const char *expected)
{
    struct parts parts = parts_of("\"" MD5_OF_HELLO "\"", 5, second);
    char etag[S3_ETAG_SIZE];

    s3_etag_of_answer(told, &parts, etag);
    assert_string_equal(etag, expected);
    parts_fini(&parts);
}

static void an_etag_is_what_the_service_says_or_made_up(void **state)
{
    char too_long[S3_ETAG_SIZE];

    (void)state;
    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    assert_etag("abc", NULL, "\"abc\"");
    assert_etag("\"abc\"", NULL, "\"abc\"");
    assert_etag(NULL, MD5_OF_WORLD, ETAG_OF_BOTH);
    assert_etag("", MD5_OF_WORLD, ETAG_OF_BOTH);
    assert_etag("\"\"", "no md5", "");
    assert_etag(too_long, NULL, "");
}

static void etags_are_compared_as_they_are_meant(void **state)
{
    (void)state;
    assert_true(s3_etag_equals("\"a\"", "\"a\""));
    assert_true(s3_etag_equals("\"a\"", "a"));
    assert_true(s3_etag_equals("W/\"a\"", "\"a\"")); /* by a proxy that compresses */
    assert_false(s3_etag_equals("\"a\"", "\"b\""));
    assert_false(s3_etag_equals("\"a\"", "\"\""));
    assert_false(s3_etag_equals("\"a\"", "\"a-1\""));
    assert_false(s3_etag_equals("a", ""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_is_of_an_upload_and_its_parts),
        cmocka_unit_test(a_seal_covers_the_end),
        cmocka_unit_test(etags_are_compared_as_they_are_meant),
        cmocka_unit_test(an_etag_is_what_the_service_says_or_made_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
