/* SPDX-License-Identifier: Apache-2.0
 *
 * test_s3_xml - what an object store answers, and what it means.
 */
#include "drivers/s3/s3_object.h"
#include "drivers/s3/verdict.h"
#include "drivers/s3/xml.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void expect_answer(const char *text, struct xml_answer *out)
{
    struct error err = ERROR_INIT;

    if (xml_parse(span_of(text), out, &err) < 0)
        fail_msg("%s", err.message);
}

static void lists_give_objects_and_prefixes(void **state)
{
    auto_xml_answer answer = {0};

    (void)state;
    expect_answer("<?xml version='1.0'?>\n<ListBucketResult xmlns='urn:x'><Prefix>p/</Prefix>"
                  "<IsTruncated>true</IsTruncated><NextMarker>p/c</NextMarker>"
                  "<Contents><Key>p/a&amp;&lt;b</Key><Size>7</Size>"
                  "<LastModified>1970-01-01T00:00:09.000Z</LastModified>"
                  "<Owner><ID>Key</ID></Owner></Contents>"
                  "<CommonPrefixes><Prefix>p/c/</Prefix></CommonPrefixes></ListBucketResult>",
                  &answer);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.rows[0].kind, XML_OBJECT);
    assert_string_equal(answer.rows[0].key, "p/a&<b");
    assert_int_equal(answer.rows[0].size, 7);
    assert_int_equal(answer.rows[0].modified_at.tv_sec, 9);
    assert_int_equal(answer.rows[1].kind, XML_PREFIX);
    assert_string_equal(answer.rows[1].key, "p/c/");
    assert_string_equal(s3_object_list_next(&answer), "p/c");
}

static void the_last_name_is_the_marker_where_none_is_given(void **state)
{
    auto_xml_answer answer = {0};

    (void)state;
    expect_answer("<L><IsTruncated>true</IsTruncated><Contents><Key>b</Key></Contents>"
                  "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></L>",
                  &answer);
    assert_string_equal(s3_object_list_next(&answer), "c/");
}

static void the_last_page_has_no_next(void **state)
{
    auto_xml_answer answer = {0};

    (void)state;
    expect_answer("<L><IsTruncated>false</IsTruncated><NextMarker>x</NextMarker></L>", &answer);
    assert_null(s3_object_list_next(&answer));
}

static void an_error_document_is_no_row(void **state)
{
    auto_xml_answer answer = {0};

    (void)state;
    expect_answer("<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", &answer);
    assert_int_equal(answer.count, 0);
    assert_string_equal(answer.root, "Error");
    assert_string_equal(answer.code, "NoSuchKey");
}

static void what_is_no_such_xml_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "text",
        "<a>",
        "<a><b></a>",
        "<a/><b/>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<a>&x;</a>",
        "<1><2><3/></2></1>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></"
        "a>"
        "</a></a></a></a></a></a>",
    };

    (void)state;
    for (size_t i = 0; i < array_count(texts); i++) {
        struct xml_answer answer = {0};
        struct error err = ERROR_INIT;

        assert_int_equal(xml_parse(span_of(texts[i]), &answer, &err), -1);
        assert_int_equal(err.code, ERROR_IO);
        assert_null(answer.root);
    }
}

/* ---- what it means ---- */

static void statuses_and_codes_become_our_errors(void **state)
{
    static const struct {
        int status;
        const char *code;
        enum error_code error;
        enum verdict verdict;
    } cases[] = {
        {404, "", ERROR_NOT_FOUND, VERDICT_FINAL},
        {404, "NoSuchKey", ERROR_NOT_FOUND, VERDICT_FINAL},
        {404, "NoSuchUpload", ERROR_NOT_FOUND, VERDICT_FINAL},
        {404, "NoSuchBucket", ERROR_IO, VERDICT_FINAL},
        {403, "AccessDenied", ERROR_IO, VERDICT_FINAL},
        {403, "QuotaExceeded", ERROR_FULL, VERDICT_FINAL},
        {507, "", ERROR_FULL, VERDICT_FINAL},
        {416, "InvalidRange", ERROR_INVALID, VERDICT_FINAL},
        {400, "RequestTimeout", ERROR_IO, VERDICT_AGAIN},
        {400, "ExpiredToken", ERROR_IO, VERDICT_CREDENTIALS},
        {500, "InternalError", ERROR_IO, VERDICT_AGAIN},
        {502, "", ERROR_IO, VERDICT_AGAIN},
        {503, "SlowDown", ERROR_IO, VERDICT_SLOWER},
        {200, "InternalError", ERROR_IO, VERDICT_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct s3_answer answer = {.status = cases[i].status};
        struct error err = ERROR_INIT;

        if (cases[i].code[0] != '\0') {
            answer.xml.root = xstrdup("Error");
            answer.xml.code = xstrdup(cases[i].code);
        }
        assert_int_equal(verdict_of(&answer, &err), -1);
        assert_int_equal(err.code, cases[i].error);
        assert_int_equal(verdict_on_repeating(&answer, &err), cases[i].verdict);
        s3_answer_fini(&answer);
    }
}

static void what_stays_as_it_is_is_not_tried_again(void **state)
{
    struct error lost = {.code = ERROR_IO};

    (void)state;
    assert_int_equal(verdict_on_repeating(&(struct s3_answer){0}, &lost), VERDICT_AGAIN);
    assert_int_equal(verdict_on_repeating(&(struct s3_answer){.is_hopeless = true}, &lost),
                     VERDICT_FINAL);
}

static void a_wrong_clock_is_named(void **state)
{
    struct s3_answer answer = {.status = 403};
    struct error err = ERROR_INIT;

    (void)state;
    answer.xml.root = xstrdup("Error");
    answer.xml.code = xstrdup("RequestTimeTooSkewed");
    assert_int_equal(verdict_of(&answer, &err), -1);
    assert_non_null(strstr(err.message, "clock"));
    s3_answer_fini(&answer);
}

static void what_may_have_been_done_is_told_from_what_was_refused(void **state)
{
    static const struct {
        struct s3_answer answer;
        bool is_lost;
    } cases[] = {
        {{.status = 0}, true},
        {{.status = 200}, true}, /* cut short */
        {{.status = 504}, true}, /* of a gateway */
        {{.status = 200, .code = "InternalError"}, false},
        {{.status = 500}, false},
        {{.status = 501, .code = "NotImplemented"}, false},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_int_equal(is_verdict_lost(&cases[i].answer), cases[i].is_lost);
}

static void headers_tell_sizes_and_times(void **state)
{
    struct timespec at;

    (void)state;
    assert_int_equal(verdict_total(SPAN("bytes 5-9/10")), 10);
    assert_int_equal(verdict_total(SPAN("bytes */123")), 123);
    assert_int_equal(verdict_total(SPAN("bytes 5-9/*")), -1);
    assert_int_equal(verdict_total(SPAN("nonsense")), -1);
    assert_true(verdict_time("Thu, 01 Jan 1970 00:01:00 GMT", &at));
    assert_int_equal(at.tv_sec, 60);
    assert_false(verdict_time("yesterday", &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_give_objects_and_prefixes),
        cmocka_unit_test(the_last_name_is_the_marker_where_none_is_given),
        cmocka_unit_test(the_last_page_has_no_next),
        cmocka_unit_test(an_error_document_is_no_row),
        cmocka_unit_test(what_is_no_such_xml_is_refused),
        cmocka_unit_test(statuses_and_codes_become_our_errors),
        cmocka_unit_test(what_stays_as_it_is_is_not_tried_again),
        cmocka_unit_test(a_wrong_clock_is_named),
        cmocka_unit_test(what_may_have_been_done_is_told_from_what_was_refused),
        cmocka_unit_test(headers_tell_sizes_and_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
