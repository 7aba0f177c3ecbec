/* SPDX-License-Identifier: Apache-2.0
 *
 * A task that is canceled in a call: at every stage it ends at once, and so does the connection.
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

#define TURNS_MAX 8 /* of the loop: what is canceled has then ended */

/* A call that will not end by itself, and how far it has come. */
struct victim {
    struct client_call call;
    bool is_streaming; /* in the streaming form */
    bool is_ended;
    struct error err;
};

/* The part of a stream that waits: sends or receives, whatever there is. */
static int stream(const struct client_call *call, struct error *err)
{
    static char zeros[65536];
    struct evbuffer *data = evbuffer_new();
    struct client_transfer *t = NULL;
    int64_t left = call->has_stream ? call->stream_size : 0;
    int status;
    int rc = client_open(asker_client, call, &t, err);

    while (rc >= 0 && left > 0) {
        evbuffer_add(data, zeros, sizeof(zeros));
        left -= (int64_t)sizeof(zeros);
        rc = client_send(t, data, err);
    }
    if (rc >= 0)
        rc = client_receive_head(t, &status, err);
    if (rc >= 0) {
        while ((rc = client_read(t, data, 65536, err)) > 0)
            evbuffer_drain(data, 65536);
    }
    client_close(t);
    evbuffer_free(data);
    return rc;
}

static void victim_main(void *arg)
{
    struct victim *victim = arg;
    struct str body = STR_INIT(1000);
    int status;
    int rc = victim->is_streaming
                 ? stream(&victim->call, &victim->err)
                 : client_do(asker_client, &victim->call, &status, &body, &victim->err);

    assert_int_equal(rc, -1);
    victim->is_ended = true;
    str_fini(&body);
}

static void sleep_ms(int ms)
{
    struct error err = ERROR_INIT;

    assert_int_equal(task_sleep(ms, &err), 0);
}

static void turns(int count)
{
    for (int i = 0; i < count; i++)
        sleep_ms(0);
}

/* Whether the victim has come as far, as others can tell. */
typedef bool stage_cb(void);

static unsigned requests_before; /* those that are not the victim's */

static bool is_asked(void)
{
    return origin_requests(asker_origin) > requests_before;
}

static bool is_greeted(void)
{
    return origin_received(asker_origin) > 0;
}

static bool is_named(void)
{
    return asker_lookups() > 0;
}

static bool is_anything(void)
{
    return true;
}

/* Cancels the victim a while after it has come to the stage, where it must still be: it ends there
 * and then, not when somebody else lets it. */
static void cancel_at(struct victim *victim, stage_cb *is_there)
{
    struct task *task;

    requests_before = origin_requests(asker_origin);
    task = task_spawn("victim", victim_main, victim);
    while (!is_there())
        sleep_ms(1);
    sleep_ms(20);
    turns(10);
    assert_false(victim->is_ended);
    task_cancel(task);
    turns(TURNS_MAX);
    assert_true(victim->is_ended);
    assert_string_equal(error_code_name(victim->err.code), "CANCELED");
}

static void assert_connections_end(void)
{
    while (origin_open(asker_origin) > 0)
        sleep_ms(1);
}

/* ---- origins that keep one waiting ---- */

static void say_nothing(struct origin_connection *c, const struct origin_request *request,
                        void *arg)
{
    (void)request, (void)arg;
    origin_stall(c);
}

static void say_half(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    origin_stall(c);
}

static void say_not_now(struct origin_connection *c, const struct origin_request *request,
                        void *arg)
{
    (void)request, (void)arg;
    origin_reply(c, 503, "", "");
}

static void take_nothing(struct origin_connection *c, const struct origin_request *request,
                         void *arg)
{
    (void)request, (void)arg;
    origin_idle(c);
}

/* ---- stages ---- */

ASKER_TEST(while_waiting_for_the_head, say_nothing)
{
    struct victim victim = {.call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")}};

    cancel_at(&victim, is_asked);
    assert_connections_end();
}

ASKER_TEST(while_the_body_comes, say_half)
{
    struct victim victim = {.call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")}};
    struct victim streaming = {.call = victim.call, .is_streaming = true};

    cancel_at(&victim, is_asked);
    cancel_at(&streaming, is_asked);
    assert_connections_end();
}

ASKER_TEST(while_the_body_is_sent, take_nothing)
{
    struct victim victim = {
        .call = {.method = "PUT",
                 .url = asker_url("http", "127.0.0.1", "/"),
                 .has_stream = true,
                 .stream_size = 1LL << 30},
        .is_streaming = true,
    };

    cancel_at(&victim, is_asked);
}

ASKER_TEST(while_a_large_body_is_sent_from_memory, take_nothing)
{
    size_t len = 64 << 20;
    char *bytes = calloc(1, len);
    struct victim victim = {.call = {.method = "PUT",
                                     .url = asker_url("http", "127.0.0.1", "/"),
                                     .body = {bytes, len}}};

    cancel_at(&victim, is_asked);
    free(bytes); /* nobody reads it any more */
}

ASKER_TEST(while_pausing_before_another_attempt, say_not_now)
{
    struct victim victim = {.call = {.method = "GET",
                                     .url = asker_url("http", "127.0.0.1", "/"),
                                     .retry = {.attempts = 2, .first_ms = 60000, .max_ms = 60000}}};

    cancel_at(&victim, is_asked);
}

static void handshake_body(void *arg)
{
    struct victim victim = {.call = {.method = "GET", .url = asker_url("https", "127.0.0.1", "/")}};

    (void)arg;
    cancel_at(&victim, is_greeted);
    assert_connections_end();
}

/* The origin waits for a head in plain text. */
static void while_the_handshake_is_not_answered(void **state)
{
    struct asker asker = {.handler = say_nothing, .options = {.ca_file = asker_pems()->ca}};

    (void)state;
    asker_run(&asker, handshake_body, NULL);
}

/* The thread that looks up the name goes on, and nobody waits for it: neither the call nor its
 * client. */
ASKER_TEST(while_the_name_is_looked_up, say_nothing)
{
    struct victim victim = {.call = {.method = "GET", .url = asker_url("http", "slow.test", "/")}};

    cancel_at(&victim, is_named);
    assert_int_equal(asker_lookups(), 1);
    assert_int_equal(origin_connections(asker_origin), 0);
}

ASKER_TEST(before_anything_has_begun, say_nothing)
{
    struct victim victim = {.call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")}};
    struct task *task = task_spawn("victim", victim_main, &victim);

    task_cancel(task);
    while (!victim.is_ended)
        sleep_ms(0);
    assert_string_equal(error_code_name(victim.err.code), "CANCELED");
}

static void queue_body(void *arg)
{
    struct victim first = {.call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")}};
    struct victim second = {.call = first.call};
    struct task *task = task_spawn("first", victim_main, &first);

    (void)arg;
    while (origin_requests(asker_origin) == 0)
        sleep_ms(1);
    cancel_at(&second, is_anything); /* it has waited for the one connection */
    assert_int_equal(origin_connections(asker_origin), 1);
    task_cancel(task);
    while (!first.is_ended)
        sleep_ms(0);
}

static void while_waiting_for_a_connection(void **state)
{
    struct asker asker = {.handler = say_nothing, .options = {.connections_max = 1}};

    (void)state;
    asker_run(&asker, queue_body, NULL);
}

/* ---- every moment ---- */

static void talk(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    static const char zeros[300000];

    (void)arg;
    origin_drain(c, request);
    origin_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n");
    origin_write(c, zeros, sizeof(zeros));
    origin_say(c, "\r\n0\r\n\r\n");
}

struct moment {
    struct client_call call;
    bool is_ended;
    bool is_canceled;
};

static void moment_main(void *arg)
{
    struct moment *moment = arg;
    struct error err = ERROR_INIT;

    moment->is_canceled = stream(&moment->call, &err) < 0;
    if (moment->is_canceled)
        assert_string_equal(error_code_name(err.code), "CANCELED");
    moment->is_ended = true;
}

/* After the loop's first turn, its second, its third ... until the call is faster. The later ones,
 * which wait for the origin, are too many to be taken one by one. */
static void cancel_at_every_turn(const struct client_call *call)
{
    bool was_canceled = true;

    for (int count = 0; was_canceled; count += 1 + count / 16) {
        struct moment moment = {.call = *call};
        struct task *task = task_spawn("moment", moment_main, &moment);

        for (int i = 0; i < count && !moment.is_ended; i++)
            sleep_ms(0);
        if (!moment.is_ended)
            task_cancel(task);
        while (!moment.is_ended)
            sleep_ms(0);
        was_canceled = moment.is_canceled;
    }
}

ASKER_TEST(at_every_turn_of_the_loop, talk)
{
    struct client_call get = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")};
    struct client_call put = {
        .method = "PUT", .url = get.url, .has_stream = true, .stream_size = 10 * 65536};

    for (int i = 0; i < 5; i++) {
        cancel_at_every_turn(&get);
        cancel_at_every_turn(&put);
    }
}

static void tls_turns_body(void *arg)
{
    struct client_call get = {.method = "GET", .url = asker_url("https", "127.0.0.1", "/")};

    (void)arg;
    for (int i = 0; i < 5; i++)
        cancel_at_every_turn(&get);
}

static void at_every_turn_of_the_loop_over_tls(void **state)
{
    struct origin_tls tls = {asker_pems()->server, asker_pems()->server, NULL};
    struct asker asker = {.handler = talk, .tls = &tls, .options = {.ca_file = asker_pems()->ca}};

    (void)state;
    asker_run(&asker, tls_turns_body, NULL);
}

/* What is closed just before the client goes is closed with it. */
static void close_then_free_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")};
    struct client_transfer *t;
    struct error err = ERROR_INIT;

    (void)arg;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
        sleep_ms(i);
        client_close(t);
    }
}

static void transfers_are_closed_with_their_client(void **state)
{
    (void)state;
    asker_run(&(struct asker){.handler = say_half}, close_then_free_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_waiting_for_the_head),
        cmocka_unit_test(while_the_body_comes),
        cmocka_unit_test(while_the_body_is_sent),
        cmocka_unit_test(while_a_large_body_is_sent_from_memory),
        cmocka_unit_test(while_pausing_before_another_attempt),
        cmocka_unit_test(while_the_handshake_is_not_answered),
        cmocka_unit_test(while_the_name_is_looked_up),
        cmocka_unit_test(before_anything_has_begun),
        cmocka_unit_test(while_waiting_for_a_connection),
        cmocka_unit_test(at_every_turn_of_the_loop),
        cmocka_unit_test(at_every_turn_of_the_loop_over_tls),
        cmocka_unit_test(transfers_are_closed_with_their_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
