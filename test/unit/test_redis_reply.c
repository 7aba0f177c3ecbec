/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of a Redis server, whole, in pieces, malformed, and without end.
 */
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/cache/redis_keys.h"
#include "lib/redis/redis_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define DIGEST "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define OTHER  "sha256:0000000000000000000000000000000000000000000000000000000000000000"

/* Feeds byte by byte: what redis_replies_feed said to the last one. */
static int feed_slowly(struct redis_replies *replies, struct span bytes)
{
    struct error err = ERROR_INIT;
    int rc = 0;

    for (size_t i = 0; i < bytes.len && rc == 0; i++) {
        rc = redis_replies_feed(replies, span_make(bytes.data + i, 1), &err);
        if (rc == 1 && i + 1 < bytes.len)
            return -1;
    }
    return rc;
}

static void kinds_of_replies_are_told_apart(void **state)
{
    static const char bytes[] = "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n$4\r\na\r\nb\r\n*3\r\n$1\r\nx\r\n"
                                "$-1\r\n:7\r\n*-1\r\n";
    struct redis_replies replies;
    struct span text = {0};
    int64_t number = 0;

    (void)state;
    redis_replies_init(&replies, 7);
    assert_int_equal(feed_slowly(&replies, span_of(bytes)), 1);
    assert_true(redis_reply_text(&replies, 0, &text) && span_is(text, "OK"));
    assert_true(redis_reply_error(&replies, 1, &text) && span_is(text, "ERR no"));
    assert_false(redis_reply_text(&replies, 1, &text));
    assert_true(redis_reply_integer(&replies, 2, &number));
    assert_int_equal(number, -42);
    assert_false(redis_reply_text(&replies, 3, &text));
    assert_true(redis_reply_text(&replies, 4, &text) && span_is(text, "a\r\nb"));
    assert_int_equal(redis_reply_length(&replies, 5), 3);
    assert_true(redis_reply_element(&replies, 5, 0, &text) && span_is(text, "x"));
    assert_false(redis_reply_element(&replies, 5, 1, &text));
    assert_false(redis_reply_element(&replies, 5, 2, &text));
    assert_false(redis_reply_element(&replies, 5, 3, &text));
    assert_int_equal(redis_reply_length(&replies, 6), 0);
    assert_false(redis_reply_text(&replies, 7, &text));
    redis_replies_fini(&replies);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const streams[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "*65\r\n",
        "*2147483647\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        "+OK\r\n+OK\r\n",
        "+OK\r\nx",
    };

    (void)state;
    for (size_t i = 0; i < array_count(streams); i++) {
        struct redis_replies replies;
        struct error err = ERROR_INIT;

        redis_replies_init(&replies, 1);
        assert_int_equal(redis_replies_feed(&replies, span_of(streams[i]), &err), -1);
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        redis_replies_fini(&replies);
        redis_replies_init(&replies, 1);
        assert_int_equal(feed_slowly(&replies, span_of(streams[i])), -1);
        redis_replies_fini(&replies);
    }
}

static void what_is_cut_waits_for_more(void **state)
{
    static const char *const streams[] = {"+OK\r", "$5\r\nabcde\r", "*2\r\n$1\r\na\r\n", ":",
                                          "$2147483647\r\nabc"};

    (void)state;
    for (size_t i = 0; i < array_count(streams); i++) {
        struct redis_replies replies;

        redis_replies_init(&replies, 1);
        assert_int_equal(feed_slowly(&replies, span_of(streams[i])), 0);
        redis_replies_fini(&replies);
    }
}

static void an_answer_without_end_is_refused(void **state)
{
    struct redis_replies replies;
    struct error err = ERROR_INIT;
    auto_free char *piece = xmalloc(8192);
    size_t fed = 8192;

    (void)state;
    memset(piece, 'x', 8192);
    redis_replies_init(&replies, 1);
    assert_int_equal(redis_replies_feed(&replies, SPAN("$99999999\r\n"), &err), 0);
    while (redis_replies_feed(&replies, span_make(piece, 8192), &err) == 0)
        fed += 8192;
    assert_true(fed <= REDIS_REPLY_BYTES_MAX + 8192);
    redis_replies_fini(&replies);
}

/* The size in an answer to HMGET; -1: none. */
static int64_t read_size(const char *digest, const char *size)
{
    struct redis_replies replies;
    struct digest canonical;
    auto_str bytes = STR_INIT(4096);
    int64_t found = -1;

    assert_true(digest_parse(SPAN(DIGEST), &canonical));
    str_append_format(&bytes, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$-1\r\n", strlen(digest), digest,
                      strlen(size), size);
    redis_replies_init(&replies, 1);
    assert_int_equal(feed_slowly(&replies, str_span(&bytes)), 1);
    if (!redis_keys_read(&replies, &canonical, &found))
        assert_int_equal(found, -1);
    redis_replies_fini(&replies);
    return found;
}

static void only_a_descriptor_of_that_digest_is_read(void **state)
{
    static const char *const wrong[] = {
        "", "-1", "+5", " 5", "5 ", "05", "5x", "1e", "5.", "0x10", "9999999999999999999"};

    (void)state;
    assert_int_equal(read_size(DIGEST, "5"), 5);
    assert_int_equal(read_size(DIGEST, "0"), 0);
    assert_int_equal(read_size(DIGEST, "999999999999999999"), INT64_C(999999999999999999));
    assert_int_equal(read_size(OTHER, "5"), -1);
    assert_int_equal(read_size("", "5"), -1);
    assert_int_equal(read_size("5", "5"), -1);
    for (size_t i = 0; i < array_count(wrong); i++)
        assert_int_equal(read_size(DIGEST, wrong[i]), -1);
}

static void a_repository_of_any_length_has_its_keys(void **state)
{
    char name[REPOSITORY_LEN_MAX + 1];
    struct redis_keys keys;
    struct digest digest;

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    digest_of(DIGEST_SHA512, SPAN("hello"), &digest);
    redis_keys_make(&keys, name, &digest, INT64_MAX);
    assert_int_equal(strlen(keys.blob), strlen("repository::::blobs::") + REPOSITORY_LEN_MAX +
                                            strlen("sha512:") + 128);
    assert_string_equal(keys.size, "9223372036854775807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_replies_are_told_apart),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(what_is_cut_waits_for_more),
        cmocka_unit_test(an_answer_without_end_is_refused),
        cmocka_unit_test(only_a_descriptor_of_that_digest_is_read),
        cmocka_unit_test(a_repository_of_any_length_has_its_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
