/* SPDX-License-Identifier: Apache-2.0
 *
 * Where bodies end: every way to cut the bytes gives the same body and the same verdict.
 */
#include "lib/http/framing.h"
#include "lib/http/head.h"

#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

enum outcome { DONE, MORE, BROKEN };

static const struct {
    const char *raw;
    int64_t length;
    const char *body;
    enum outcome outcome;
    const char *left;
} cases[] = {
    {"", 0, "", DONE, ""},
    {"GET", 0, "", DONE, "GET"},
    {"abcde", 5, "abcde", DONE, ""},
    {"abcdeGET", 5, "abcde", DONE, "GET"},
    {"abc", 5, "abc", MORE, ""},
    {"0\r\n\r\n", HEAD_BODY_CHUNKED, "", DONE, ""},
    {"3\r\nabc\r\n0\r\n\r\nGET", HEAD_BODY_CHUNKED, "abc", DONE, "GET"},
    {"3\r\nabc\r\n00A\r\n0123456789\r\n000\r\n\r\n", HEAD_BODY_CHUNKED, "abc0123456789", DONE, ""},
    {"3;x=\"y\"\r\nabc\r\n0;z\r\n\r\n", HEAD_BODY_CHUNKED, "abc", DONE, ""},
    {"0\r\nX: y\r\nZ:\r\n\r\nq", HEAD_BODY_CHUNKED, "", DONE, "q"},
    {"3\r\nab", HEAD_BODY_CHUNKED, "ab", MORE, ""},
    {"3\r\nabcd\r\n", HEAD_BODY_CHUNKED, "abc", BROKEN, NULL},
    {"g\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"+3\r\nabc\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"0x3\r\nabc\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"3 \r\nabc\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"3\nabc\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"3;\x01\r\nabc\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"1000000000000000\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"ffffffffffffffffffff\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"0\r\nnocolon\r\n\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
    {"0\r\n folded: x\r\n\r\n", HEAD_BODY_CHUNKED, "", BROKEN, NULL},
};

/* Feeds the raw bytes in pieces of @step, taking at most @max at a time. */
static void run(size_t i, size_t step, size_t max)
{
    struct evbuffer *raw = evbuffer_new();
    struct evbuffer *out = evbuffer_new();
    struct framing framing;
    struct error err = ERROR_INIT;
    size_t len = strlen(cases[i].raw);
    enum outcome outcome = MORE;
    int rc = 0;

    framing_init(&framing, cases[i].length);
    for (size_t at = 0; at <= len && rc >= 0; at += step) {
        evbuffer_add(raw, cases[i].raw + at, len - at < step ? len - at : step);
        do {
            rc = framing_take(&framing, raw, out, max, &err);
        } while (rc > 0);
    }
    if (rc < 0)
        outcome = BROKEN;
    else if (is_framing_done(&framing))
        outcome = DONE;
    assert_int_equal(outcome, cases[i].outcome);
    assert_int_equal(err.code, outcome == BROKEN ? ERROR_BODY_INVALID : ERROR_NONE);
    assert_int_equal(evbuffer_get_length(out), strlen(cases[i].body));
    assert_memory_equal(evbuffer_pullup(out, -1), cases[i].body, strlen(cases[i].body));
    if (cases[i].left != NULL)
        assert_int_equal(evbuffer_get_length(raw), strlen(cases[i].left));
    evbuffer_free(raw);
    evbuffer_free(out);
}

static void framing_take_finds_the_end_however_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        run(i, 1, 100);
        run(i, 2, 1);
        run(i, 100, 2);
        run(i, 100, 100);
    }
}

static void framing_take_stays_broken(void **state)
{
    struct evbuffer *raw = evbuffer_new();
    struct evbuffer *out = evbuffer_new();
    struct framing framing;
    struct error err = ERROR_INIT;

    (void)state;
    framing_init(&framing, HEAD_BODY_CHUNKED);
    evbuffer_add_printf(raw, "x\r\n0\r\n\r\n");
    assert_int_equal(framing_take(&framing, raw, out, 100, &err), -1);
    assert_int_equal(framing_take(&framing, raw, out, 100, &err), -1);
    evbuffer_free(raw);
    evbuffer_free(out);
}

/* A size line or a trailer without end is not waited for. */
static void framing_take_bounds_lines_and_trailers(void **state)
{
    struct evbuffer *raw = evbuffer_new();
    struct evbuffer *out = evbuffer_new();
    struct framing framing;
    struct error err = ERROR_INIT;
    int rc = 0;

    (void)state;
    framing_init(&framing, HEAD_BODY_CHUNKED);
    evbuffer_add_printf(raw, "1;");
    for (int i = 0; i < 2000; i++)
        evbuffer_add_printf(raw, "x");
    assert_int_equal(framing_take(&framing, raw, out, 100, &err), -1);
    evbuffer_drain(raw, evbuffer_get_length(raw));
    framing_init(&framing, HEAD_BODY_CHUNKED);
    evbuffer_add_printf(raw, "0\r\n");
    for (int i = 0; i < 10000 && rc == 0; i++) {
        evbuffer_add_printf(raw, "x: y\r\n");
        rc = framing_take(&framing, raw, out, 100, &err);
    }
    assert_int_equal(rc, -1);
    evbuffer_free(raw);
    evbuffer_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_take_finds_the_end_however_bytes_are_cut),
        cmocka_unit_test(framing_take_stays_broken),
        cmocka_unit_test(framing_take_bounds_lines_and_trailers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
