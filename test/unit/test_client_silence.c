/* SPDX-License-Identifier: Apache-2.0
 *
 * Servers that fall silent, let bytes drip, or do not even take a connection: every call ends. And
 * what is no silence: slow answers, queues, our own rests.
 */
#include "lib/client/client.h"
#include "test/support/asker.h"

#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define SIZED "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-More: yes\r\n\r\nhello"

/* ---- standstills ---- */

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

#define DRIPS 8

/* Takes longer than half a standstill, and for "/slow" longer than a whole one. */
static void drip(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    bool is_slow = strcmp(request->target, "/slow") == 0;
    size_t len = strlen(SIZED) / DRIPS;

    (void)arg;
    _Static_assert((sizeof(SIZED) - 1) % DRIPS == 0, "whole drips");
    for (size_t i = 0; i < DRIPS; i++) {
        if (!origin_write(c, &SIZED[i * len], len))
            return;
        usleep((useconds_t)(is_slow ? stall_ms * 160 : stall_ms * 80));
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

/* ---- crawls ---- */

/* "/<what>": a byte of it now and then, until the client has gone. */
static void crawl(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    static const char chunk[] = "1\r\n.\r\n";
    const char *what = request->target + 1;

    (void)arg;
    if (strcmp(what, "head") == 0)
        origin_say(c, "HTTP/1.1 200 OK\r\n");
    else if (strcmp(what, "body") == 0)
        origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    else if (strcmp(what, "interim") != 0)
        origin_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                   strcmp(what, "trailers") == 0 ? "0\r\n" : "");
    for (;;) {
        bool is_said = strcmp(what, "head") == 0 || strcmp(what, "trailers") == 0
                           ? origin_say(c, "X: y\r\n")
                       : strcmp(what, "interim") == 0 ? origin_say(c, "HTTP/1.1 102 Yes\r\n\r\n")
                       : strcmp(what, "chunks") == 0  ? origin_write(c, chunk, strlen(chunk))
                                                      : origin_say(c, ".");

        if (!is_said)
            return;
        usleep(20000);
    }
}

/* It never stands still, and never ends. */
static void crawl_body(void *arg)
{
    static const char *const places[] = {"/head", "/interim", "/body", "/chunks", "/trailers"};

    (void)arg;
    for (size_t i = 0; i < array_count(places); i++) {
        auto_result result = ask_within(places[i], 0);

        assert_error(&result, ERROR_TIMEOUT);
    }
}

static void a_crawl_times_out_wherever_it_is(void **state)
{
    struct asker asker = {.handler = crawl, .options = {.stall_timeout_ms = 200}};

    (void)state;
    asker_run(&asker, crawl_body, NULL);
}

/* Blanks for two standstills, then the answer. */
static void say_blanks(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 105\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        if (!origin_say(c, " "))
            return;
        usleep((useconds_t)(stall_ms * 20));
    }
    origin_say(c, "hello");
}

static void blanks_body(void *arg)
{
    struct client_call call = {.method = "GET",
                               .url = asker_url("http", "127.0.0.1", "/"),
                               .body_timeout_ms = *(int *)arg};
    auto_result result = asker_do(&call);

    is_in_time = result.rc == 0 && strstr(str_text(&result.body), "hello") != NULL;
}

/* Work to who has asked for it, else a crawl. */
static void blanks_are_borne_where_they_are_expected(void **state)
{
    int long_ms = 3600 * 1000, none_ms = 0;

    (void)state;
    for (stall_ms = STALL_FIRST_MS, is_in_time = false; !is_in_time; stall_ms *= 4) {
        struct asker asker = {.handler = say_blanks, .options = {.stall_timeout_ms = stall_ms}};

        asker_run(&asker, blanks_body, &none_ms);
        assert_false(is_in_time);
        asker_run(&asker, blanks_body, &long_ms);
    }
}

static void short_body_body(void *arg)
{
    struct client_call call = {
        .method = "GET", .url = asker_url("http", "127.0.0.1", "/body"), .body_timeout_ms = 100};
    auto_result result = asker_do(&call);

    (void)arg;
    assert_error(&result, ERROR_TIMEOUT);
    assert_non_null(strstr(result.err.message, "no whole answer in 100 ms"));
}

static void a_body_may_have_a_time_of_its_own(void **state)
{
    (void)state;
    asker_run(&(struct asker){.handler = crawl}, short_body_body, NULL);
}

/* An upload that nobody takes. */
static void take_nothing(struct origin_connection *c, const struct origin_request *request,
                         void *arg)
{
    (void)request, (void)arg;
    origin_idle(c);
}

static void stuck_upload_body(void *arg)
{
    static char zeros[32 << 20]; /* more than the kernel holds */
    struct client_call call = {.method = "PUT",
                               .url = asker_url("http", "127.0.0.1", "/"),
                               .body = span_make(zeros, sizeof(zeros))};
    auto_result result = asker_do(&call);

    (void)arg;
    assert_error(&result, ERROR_TIMEOUT);
}

static void an_upload_that_is_not_taken_times_out(void **state)
{
    struct asker asker = {.handler = take_nothing, .options = {.stall_timeout_ms = 300}};

    (void)state;
    asker_run(&asker, stuck_upload_body, NULL);
}

/* ---- time that does not count ---- */

static atomic_bool is_rested;

/* A few bytes before the reader has rested, the others after. */
static void wait_for_reader(struct origin_connection *c, const struct origin_request *request,
                            void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    while (!atomic_load(&is_rested))
        usleep(1000);
    origin_say(c, "hello");
}

/* The reader rests for longer than a crawl may last, with bytes in its hand. */
static void resting_reader_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")};
    struct evbuffer *in = evbuffer_new();
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;
    int rc = 1;

    (void)arg;
    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    is_in_time = client_receive_head(t, &status, &err) == 0 && client_read(t, in, 1, &err) == 1;
    assert_int_equal(task_sleep(2 * stall_ms, &err), 0);
    atomic_store(&is_rested, true);
    while (is_in_time && rc > 0)
        rc = client_read(t, in, 100, &err);
    is_in_time = rc == 0;
    if (is_in_time)
        assert_int_equal(evbuffer_get_length(in), 10);
    evbuffer_free(in);
    client_close(t);
}

static void the_rest_of_a_slow_reader_is_no_crawl(void **state)
{
    (void)state;
    atomic_store(&is_rested, false);
    run_in_time(&(struct client_options){0}, wait_for_reader, resting_reader_body);
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
    struct asker asker = {.handler = stall_after, .options = {.connect_timeout_ms = 100}};

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
    struct asker asker = {.handler = stall_after,
                          .options = {.connect_timeout_ms = 100, .ca_file = asker_pems()->ca}};

    (void)state;
    asker_run(&asker, silent_tls_body, NULL); /* the origin waits for a head in plain text */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standstill_times_out_wherever_it_is),
        cmocka_unit_test(a_call_may_bear_another_standstill),
        cmocka_unit_test(a_queue_behind_silence_stands_still),
        cmocka_unit_test(a_queue_behind_a_slow_answer_moves),
        cmocka_unit_test(the_time_for_a_call_ends),
        cmocka_unit_test(a_slow_answer_is_no_standstill),
        cmocka_unit_test(a_crawl_times_out_wherever_it_is),
        cmocka_unit_test(blanks_are_borne_where_they_are_expected),
        cmocka_unit_test(a_body_may_have_a_time_of_its_own),
        cmocka_unit_test(an_upload_that_is_not_taken_times_out),
        cmocka_unit_test(the_rest_of_a_slow_reader_is_no_crawl),
        cmocka_unit_test(the_time_for_a_call_ends_while_bytes_come),
        cmocka_unit_test(a_name_that_is_slow_to_come_times_out),
        cmocka_unit_test(a_handshake_that_is_not_answered_times_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
