/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request head may look like, and what is refused with which status.
 */
#include "lib/base/cleanup.h"
#include "lib/base/memory.h"
#include "lib/http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HOST "Host: a\r\n"

static const struct {
    const char *text;
    int status;
} verdicts[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", 0},
    {"GET / HTTP/1.0\r\n\r\n", 0},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 0},
    {"PROPFIND /x?y=%zz HTTP/1.1\r\n" HOST "\r\n", 0},
    {"GET http://h:80/x HTTP/1.1\r\n" HOST "\r\n", 0},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: [::1]:5000\r\nX: \x80\xff\r\n\r\n", 0},
    /* the request line */
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
    {"PRI * HTTP/2.0\r\n\r\n", 505},
    {"GET / http/1.1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", 400},
    {"GET /\r\n" HOST "\r\n", 400},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\r/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC / HTTP/1.1\r\n" HOST "\r\n", 400},
    /* header lines */
    {"GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST "nocolon\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST "~ontent-Length: 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    /* framing */
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 0},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 9999999999999999999\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 0},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", 0},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 400},
    {"PUT / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n", 0},
    {"PUT / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\nContent-Length: 5\r\n\r\n", 417},
};

static void head_parse_judges_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(verdicts); i++) {
        auto_free char *text = xstrdup(verdicts[i].text);
        struct head head;

        head_parse(text, strlen(text), &head);
        if (head.status != verdicts[i].status)
            fail_msg("%s: %d (%s)", verdicts[i].text, head.status, head.reason);
        assert_int_equal(head.reason != NULL, head.status != 0);
    }
}

static void head_parse_hides_the_headers_of_the_body(void **state)
{
    char text[] = "PATCH /u HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\nExpect: 100-continue\r\n"
                  "Connection: keep-alive, Close\r\n\r\n";
    struct head head;

    (void)state;
    head_parse(text, sizeof(text) - 1, &head);
    assert_int_equal(head.status, 0);
    assert_int_equal(head.body_length, 12);
    assert_true(head.is_continue_expected);
    assert_true(head.is_close_asked);
    assert_true(span_is(head.method, "PATCH"));
    assert_true(span_is(head.target, "/u"));
    assert_int_equal(head.line_len, strlen("PATCH /u HTTP/1.1\r\n"));
    assert_non_null(strstr(text, "\r\n~ontent-length: 12\r\n~xpect: 100-continue\r\n"));
}

static void head_parse_expects_nothing_without_a_body(void **state)
{
    char text[] = "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
    struct head head;

    (void)state;
    head_parse(text, sizeof(text) - 1, &head);
    assert_false(head.is_continue_expected);
    assert_int_equal(head.body_length, 0);
}

static void head_find_end_sees_it_whatever_the_pieces(void **state)
{
    const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    size_t whole = sizeof(text) - 1 - strlen("rest");

    (void)state;
    for (size_t first = 0; first < sizeof(text); first++) {
        size_t from = 0;
        size_t len = 0;
        enum head_end end = head_find_end(span_make(text, first), &from, &len);

        if (end == HEAD_INCOMPLETE)
            end = head_find_end(span_make(text, sizeof(text) - 1), &from, &len);
        assert_int_equal(end, HEAD_COMPLETE);
        assert_int_equal(len, whole);
    }
}

static void head_find_end_refuses_bare_line_feeds_and_nul(void **state)
{
    size_t from = 0;
    size_t len = 0;

    (void)state;
    assert_int_equal(head_find_end(SPAN("GET / HTTP/1.1\nHost"), &from, &len), HEAD_BROKEN);
    from = 0;
    assert_int_equal(head_find_end(SPAN("\n"), &from, &len), HEAD_BROKEN);
    from = 0;
    assert_int_equal(head_find_end(SPAN("GET /\0 HTTP"), &from, &len), HEAD_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_parse_judges_heads),
        cmocka_unit_test(head_parse_hides_the_headers_of_the_body),
        cmocka_unit_test(head_parse_expects_nothing_without_a_body),
        cmocka_unit_test(head_find_end_sees_it_whatever_the_pieces),
        cmocka_unit_test(head_find_end_refuses_bare_line_feeds_and_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
