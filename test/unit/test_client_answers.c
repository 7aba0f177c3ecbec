/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are cut, stalled, malformed or endless: each is an error, none a short success.
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

/* ---- late ---- */

static struct asker_result ask_within(const char *path, int timeout_ms)
{
    return asker_do(&(struct client_call){
        .method = "GET", .url = asker_url("http", "127.0.0.1", path), .timeout_ms = timeout_ms});
}

/* As far as "/<n>" bytes of an answer, then nothing. */
static void stall_after(struct origin_connection *c, const struct origin_request *request,
                        void *arg)
{
    (void)arg;
    origin_write(c, SIZED, strtoul(request->target + 1, NULL, 10));
    origin_stall(c);
}

static void standstill_body(void *arg)
{
    static const char *const places[] = {"/0", "/1", "/20", "/50", "/54"};

    (void)arg;
    for (size_t i = 0; i < array_count(places); i++) {
        auto_result result = ask_within(places[i], 0);

        assert_error(&result, ERROR_TIMEOUT);
        assert_non_null(strstr(result.err.message, "nothing moved for 100 ms"));
    }
}

static void a_standstill_times_out_wherever_it_is(void **state)
{
    struct asker asker = {.handler = stall_after, .options = {.stall_timeout_ms = 100}};

    (void)state;
    asker_run(&asker, standstill_body, NULL);
}

/* A call says for itself how much it bears, more or less than its client. */
static void own_standstill_body(void *arg)
{
    struct client_call call = {.method = "GET",
                               .url = asker_url("http", "127.0.0.1", "/20"),
                               .stall_timeout_ms = *(int *)arg};
    auto_result result = asker_do(&call);
    char reason[64];

    snprintf(reason, sizeof(reason), "nothing moved for %d ms", call.stall_timeout_ms);
    assert_error(&result, ERROR_TIMEOUT);
    assert_non_null(strstr(result.err.message, reason));
}

static void a_call_may_bear_another_standstill(void **state)
{
    struct asker short_one = {.handler = stall_after, .options = {.stall_timeout_ms = 20}};
    struct asker long_one = {.handler = stall_after};
    int ms = 150;

    (void)state;
    asker_run(&short_one, own_standstill_body, &ms);
    asker_run(&long_one, own_standstill_body, &ms);
}

struct queued {
    const char *path;
    int rc;
    struct error err;
    bool is_ended;
};

static void queued_main(void *arg)
{
    struct queued *queued = arg;
    auto_result result = ask_within(queued->path, 0);

    queued->rc = result.rc;
    queued->err = result.err;
    queued->is_ended = true;
}

/* Calls that all want the one connection there is. */
static void ask_in_a_queue(struct queued *queued, size_t count)
{
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < count; i++)
        task_spawn("queued", queued_main, &queued[i]);
    for (size_t i = 0; i < count; i++) {
        while (!queued[i].is_ended)
            assert_int_equal(task_sleep(1, &err), 0);
    }
}

/* None waits for its turn to be met by silence: the origin hears of few of them. */
static void silent_queue_body(void *arg)
{
    struct queued queued[20];

    (void)arg;
    for (size_t i = 0; i < array_count(queued); i++)
        queued[i] = (struct queued){.path = "/0"};
    ask_in_a_queue(queued, array_count(queued));
    for (size_t i = 0; i < array_count(queued); i++)
        assert_int_equal(queued[i].err.code, ERROR_TIMEOUT);
    assert_true(origin_requests(asker_origin) < array_count(queued) / 2);
}

static void a_queue_behind_silence_stands_still(void **state)
{
    struct asker asker = {
        .handler = stall_after,
        .options = {.stall_timeout_ms = 300, .connect_timeout_ms = 300, .connections_max = 1}};

    (void)state;
    asker_run(&asker, silent_queue_body, NULL);
}

ASKER_TEST(the_time_for_a_call_ends, stall_after)
{
    auto_result early = ask_within("/0", 80);
    auto_result late = ask_within("/54", 80);

    assert_error(&early, ERROR_TIMEOUT);
    assert_error(&late, ERROR_TIMEOUT);
    assert_non_null(strstr(late.err.message, "the time for the call is over"));
}

/* A standstill that no answer of the origin comes to, if the machine has time for it. One that has
 * none may come to it all the same: then the test is run again with a longer one. */
static int stall_ms;
static bool is_in_time;

#define STALL_FIRST_MS 400
#define STALL_MAX_MS   60000

static void run_in_time(const struct client_options *options, origin_cb *answers, asker_cb *body)
{
    is_in_time = false;
    for (stall_ms = STALL_FIRST_MS; !is_in_time && stall_ms < STALL_MAX_MS; stall_ms *= 4) {
        struct asker asker = {.handler = answers, .options = *options};

        asker.options.stall_timeout_ms = asker.options.connect_timeout_ms = stall_ms;
        asker_run(&asker, body, NULL);
    }
    assert_true(is_in_time);
}

/* Takes longer than half a standstill, and for "/slow" longer than a whole one. */
static void drip(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    bool is_slow = strcmp(request->target, "/slow") == 0;

    (void)arg;
    for (size_t i = 0; i < strlen(SIZED); i++) {
        if (!origin_write(c, &SIZED[i], 1))
            return;
        usleep((useconds_t)(is_slow ? stall_ms * 20 : stall_ms * 10));
    }
}

/* The last call waits longer for its turn than it would for a byte. */
static void slow_queue_body(void *arg)
{
    struct queued queued[4];

    (void)arg;
    for (size_t i = 0; i < array_count(queued); i++)
        queued[i] = (struct queued){.path = "/"};
    ask_in_a_queue(queued, array_count(queued));
    is_in_time = true;
    for (size_t i = 0; i < array_count(queued); i++)
        is_in_time = is_in_time && queued[i].rc == 0;
}

static void a_queue_behind_a_slow_answer_moves(void **state)
{
    (void)state;
    run_in_time(&(struct client_options){.connections_max = 1}, drip, slow_queue_body);
}

static void drip_body(void *arg)
{
    auto_result result = ask_within("/slow", 0);

    (void)arg;
    is_in_time = result.rc == 0;
    if (is_in_time)
        assert_whole(&result, 200, "hello");
}

static void a_slow_answer_is_no_standstill(void **state)
{
    (void)state;
    run_in_time(&(struct client_options){0}, drip, drip_body);
}

static void drip_for_ever(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (origin_say(c, "."))
        usleep(1000);
}

ASKER_TEST(the_time_for_a_call_ends_while_bytes_come, drip_for_ever)
{
    auto_result result = ask_within("/", 80);

    assert_error(&result, ERROR_TIMEOUT);
    assert_non_null(strstr(result.err.message, "the time for the call is over"));
}

/* ---- connections that are not made ---- */

/* The thread that looks it up is not waited for. */
static void slow_name_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "slow.test", "/")};
    struct error err = ERROR_INIT;
    auto_result result = asker_do(&call);

    (void)arg;
    assert_error(&result, ERROR_TIMEOUT);
    while (asker_lookups() == 0)
        assert_int_equal(task_sleep(1, &err), 0);
}

static void a_name_that_is_slow_to_come_times_out(void **state)
{
    struct asker asker = {.handler = recite, .options = {.connect_timeout_ms = 100}};

    (void)state;
    asker_run(&asker, slow_name_body, NULL);
}

static void silent_tls_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", "127.0.0.1", "/")};
    auto_result result = asker_do(&call);

    (void)arg;
    assert_error(&result, ERROR_TIMEOUT);
}

static void a_handshake_that_is_not_answered_times_out(void **state)
{
    struct asker asker = {.handler = recite,
                          .options = {.connect_timeout_ms = 100, .ca_file = asker_pems()->ca}};

    (void)state;
    asker_run(&asker, silent_tls_body, NULL); /* the origin waits for a head in plain text */
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
        cmocka_unit_test(a_standstill_times_out_wherever_it_is),
        cmocka_unit_test(a_call_may_bear_another_standstill),
        cmocka_unit_test(a_queue_behind_silence_stands_still),
        cmocka_unit_test(a_queue_behind_a_slow_answer_moves),
        cmocka_unit_test(the_time_for_a_call_ends),
        cmocka_unit_test(a_slow_answer_is_no_standstill),
        cmocka_unit_test(the_time_for_a_call_ends_while_bytes_come),
        cmocka_unit_test(a_name_that_is_slow_to_come_times_out),
        cmocka_unit_test(a_handshake_that_is_not_answered_times_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
