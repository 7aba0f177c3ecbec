/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are cut, malformed or endless: each is an error, none a short success.
 */
#include "lib/client/client.h"
#include "test/support/asker.h"

#include <event2/buffer.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* What the origin says, byte for byte, and how it ends. */
struct script {
    const char *text;
    size_t len;
    void (*then)(struct origin_connection *c);
};

static struct script script_now; /* guarded */
static pthread_mutex_t script_mutex = PTHREAD_MUTEX_INITIALIZER;

static void set_script(const char *text, size_t len, void (*then)(struct origin_connection *c))
{
    pthread_mutex_lock(&script_mutex);
    script_now = (struct script){text, len, then};
    pthread_mutex_unlock(&script_mutex);
}

static void recite(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    struct script script;

    (void)request, (void)arg;
    pthread_mutex_lock(&script_mutex);
    script = script_now;
    pthread_mutex_unlock(&script_mutex);
    origin_write(c, script.text, script.len);
    if (script.then != NULL)
        script.then(c);
}

static struct asker_result ask_for(const char *text, void (*then)(struct origin_connection *c))
{
    set_script(text, strlen(text), then);
    return asker_get("/");
}

/* ---- cut ---- */

/* @enough: bytes without which it is not whole */
static void cut_everywhere(const char *whole, size_t enough, const char *body,
                           void (*then)(struct origin_connection *c))
{
    for (size_t len = 0; len < enough; len++) {
        set_script(whole, len, then);
        auto_result result = asker_get("/");

        if (result.rc == 0)
            fail_msg("taken with %zu bytes of %zu", len, strlen(whole));
        assert_error(&result, ERROR_IO);
    }
    auto_result result = ask_for(whole, origin_close);

    assert_whole(&result, 200, body);
}

#define SIZED "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-More: yes\r\n\r\nhello"
#define CHUNKED                                                                                    \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"

ASKER_TEST(a_sized_answer_cut_at_any_byte_is_an_error, recite)
{
    cut_everywhere(SIZED, strlen(SIZED), "hello", origin_close);
    cut_everywhere(SIZED, strlen(SIZED), "hello", origin_reset);
}

ASKER_TEST(a_chunked_answer_cut_at_any_byte_is_an_error, recite)
{
    size_t enough = strlen(CHUNKED) - 1; /* all has been said before the very last line feed */

    cut_everywhere(CHUNKED, enough, "hello", origin_close);
    cut_everywhere(CHUNKED, enough, "hello", origin_reset);
}

/* On a connection that has served before, too: there curl asks again once, by itself. */
static void serve_then_cut(struct origin_connection *c, const struct origin_request *request,
                           void *arg)
{
    if (strcmp(request->target, "/fine") == 0)
        origin_reply(c, 200, "", "fine");
    else
        recite(c, request, arg);
}

ASKER_TEST(a_cut_on_a_connection_in_use_is_an_error, serve_then_cut)
{
    for (size_t len = 1; len < strlen(SIZED); len++) {
        auto_result fine = asker_get("/fine");

        assert_whole(&fine, 200, "fine");
        set_script(SIZED, len, origin_close);
        auto_result result = asker_get("/");

        assert_error(&result, ERROR_IO);
    }
}

/* ---- malformed ---- */

ASKER_TEST(what_is_no_answer_is_an_error, recite)
{
    static const char *const broken[] = {
        "hello\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 High\r\nContent-Length: 0\r\n\r\n",
        "HTTP/9.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Other\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: line\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX Y: blank\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: bell \a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 4\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nhel\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\nfffffffffffffffff\r\nhel\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n3\r\nhel\r\n0\r\n\r\n",
    };

    for (size_t i = 0; i < array_count(broken); i++) {
        auto_result result = ask_for(broken[i], origin_close);

        if (result.rc == 0)
            fail_msg("taken: %s", broken[i]);
        assert_error(&result, ERROR_IO);
    }
}

ASKER_TEST(a_nul_in_a_head_is_an_error, recite)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n";

    set_script(text, sizeof(text) - 1, origin_close);
    auto_result result = asker_get("/");

    assert_error(&result, ERROR_IO);
}

ASKER_TEST(a_length_said_twice_alike_is_fine, recite)
{
    auto_result result = ask_for(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", origin_close);

    assert_whole(&result, 200, "hello");
}

ASKER_TEST(bytes_after_an_answer_are_no_part_of_it, recite)
{
    auto_result first =
        ask_for("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n"
                "Content-Length: 4\r\n\r\nevil",
                NULL);
    auto_result second = ask_for("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", NULL);

    assert_whole(&first, 200, "hello");
    assert_whole(&second, 200, "fine");
}

ASKER_TEST(interim_answers_are_passed_over, recite)
{
    auto_result result =
        ask_for("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"
                "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
                NULL);

    assert_whole(&result, 201, "ok");
}

ASKER_TEST(answers_without_a_body_by_rule_end_at_their_head, recite)
{
    auto_result none = ask_for("HTTP/1.1 204 No Content\r\n\r\n", NULL);
    auto_result same = ask_for("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", NULL);

    assert_whole(&none, 204, "");
    assert_whole(&same, 304, "");
    assert_int_equal(origin_connections(asker_origin), 1);
}

ASKER_TEST(an_answer_without_framing_ends_with_its_connection, recite)
{
    auto_result result = ask_for("HTTP/1.0 200 OK\r\n\r\nhello", origin_close);

    assert_whole(&result, 200, "hello");
}

static bool is_framed(const char *method, const char *text)
{
    struct client_call call = {.method = method, .url = asker_url("http", "127.0.0.1", "/")};
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;
    bool is_so;

    set_script(text, strlen(text), origin_close);
    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    is_so = is_client_framed(t);
    client_close(t);
    return is_so;
}

ASKER_TEST(an_answer_tells_whether_it_is_framed, recite)
{
    assert_false(is_framed("GET", "HTTP/1.0 200 OK\r\n\r\nhello"));
    assert_false(is_framed("GET", "HTTP/1.1 404 None\r\n\r\n"));
    assert_true(is_framed("HEAD", "HTTP/1.1 200 OK\r\n\r\n"));
    assert_true(is_framed("GET", "HTTP/1.1 204 None\r\n\r\n"));
    assert_true(is_framed("GET", SIZED));
    assert_true(is_framed("GET", CHUNKED));
}

/* ---- endless ---- */

static void send_headers_for_ever(struct origin_connection *c, const struct origin_request *request,
                                  void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\n");
    while (origin_say(c, "X-Header: value\r\n"))
        ;
}

ASKER_TEST(endless_headers_are_refused, send_headers_for_ever)
{
    auto_result result = asker_get("/");

    assert_error(&result, ERROR_TOO_LARGE);
}

static void send_one_header_for_ever(struct origin_connection *c,
                                     const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nX-Header: ");
    while (origin_say(c, "valuevaluevaluevaluevaluevalue"))
        ;
}

ASKER_TEST(an_endless_header_is_refused, send_one_header_for_ever)
{
    auto_result result = asker_get("/");

    assert_int_equal(result.rc, -1);
}

static void send_interim_for_ever(struct origin_connection *c, const struct origin_request *request,
                                  void *arg)
{
    (void)request, (void)arg;
    while (origin_say(c, "HTTP/1.1 103 Early Hints\r\n\r\n"))
        ;
}

ASKER_TEST(endless_interim_answers_are_refused, send_interim_for_ever)
{
    auto_result result = asker_get("/");

    assert_error(&result, ERROR_TOO_LARGE);
}

static void send_trailers_for_ever(struct origin_connection *c,
                                   const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    while (origin_say(c, "X-Trailer: value\r\n"))
        ;
}

ASKER_TEST(endless_trailers_are_refused, send_trailers_for_ever)
{
    auto_result result = asker_get("/");

    assert_error(&result, ERROR_TOO_LARGE);
}

static void send_most_headers(struct origin_connection *c, const struct origin_request *request,
                              void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3000; i++)
        origin_say(c, "X-%04d: 0123456789\r\n", i); /* 60 000 bytes */
    origin_say(c, "Content-Length: 2\r\n\r\nok");
}

ASKER_TEST(many_headers_are_fine, send_most_headers)
{
    auto_result result = asker_get("/");

    assert_whole(&result, 200, "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sized_answer_cut_at_any_byte_is_an_error),
        cmocka_unit_test(a_chunked_answer_cut_at_any_byte_is_an_error),
        cmocka_unit_test(a_cut_on_a_connection_in_use_is_an_error),
        cmocka_unit_test(what_is_no_answer_is_an_error),
        cmocka_unit_test(a_nul_in_a_head_is_an_error),
        cmocka_unit_test(a_length_said_twice_alike_is_fine),
        cmocka_unit_test(bytes_after_an_answer_are_no_part_of_it),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(answers_without_a_body_by_rule_end_at_their_head),
        cmocka_unit_test(an_answer_without_framing_ends_with_its_connection),
        cmocka_unit_test(an_answer_tells_whether_it_is_framed),
        cmocka_unit_test(endless_headers_are_refused),
        cmocka_unit_test(an_endless_header_is_refused),
        cmocka_unit_test(endless_interim_answers_are_refused),
        cmocka_unit_test(endless_trailers_are_refused),
        cmocka_unit_test(many_headers_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
