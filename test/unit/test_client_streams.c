/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's streaming form: both ways, with bounded memory, and answers that come early.
 */
#include "lib/base/clock.h"
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
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MIB             (1024 * 1024)
#define SOCKETS_AT_BEST (24 * MIB) /* more than the kernel holds of one connection */

static struct client_transfer *open_stream(const char *method, const char *path, int64_t size,
                                           bool is_expecting)
{
    struct client_call call = {
        .method = method,
        .url = asker_url("http", "127.0.0.1", path),
        .has_stream = size >= 0,
        .stream_size = size >= 0 ? size : 0,
        .is_expecting = is_expecting,
    };
    struct error err = ERROR_INIT;
    struct client_transfer *t = NULL;

    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    return t;
}

/* Sends @len bytes of value 1; what client_send says of the last piece, or the first that is not 1.
 */
static int send_ones(struct client_transfer *t, int64_t len, int64_t *out_sent, struct error *err)
{
    static char ones[65536];
    struct evbuffer *piece = evbuffer_new();
    int rc = 1;

    memset(ones, 1, sizeof(ones));
    for (*out_sent = 0; rc == 1 && *out_sent < len;) {
        size_t now =
            len - *out_sent < (int64_t)sizeof(ones) ? (size_t)(len - *out_sent) : sizeof(ones);

        evbuffer_add(piece, ones, now);
        rc = client_send(t, piece, err);
        assert_int_equal(evbuffer_get_length(piece), 0);
        *out_sent += (int64_t)now;
    }
    evbuffer_free(piece);
    return rc;
}

static int receive_status(struct client_transfer *t)
{
    struct error err = ERROR_INIT;
    int status = 0;

    if (client_receive_head(t, &status, &err) < 0)
        fail_msg("%s: %s", error_code_name(err.code), err.message);
    return status;
}

static void assert_body(struct client_transfer *t, const char *text)
{
    struct str body = STR_INIT(1000);
    struct error err = ERROR_INIT;

    if (client_read_all(t, &body, &err) < 0)
        fail_msg("%s: %s", error_code_name(err.code), err.message);
    assert_string_equal(str_text(&body), text);
    str_fini(&body);
}

/* ---- sending ---- */

static void tell_sum(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    char text[32];

    (void)arg;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)origin_drain(c, request));
    origin_reply(c, 201, "ETag: \"one\"\r\netag: \"two\"\r\nX-Empty:\r\n", text);
}

ASKER_TEST(a_body_is_streamed, tell_sum)
{
    struct client_transfer *t = open_stream("PUT", "/", 8 * MIB + 5, false);
    struct error err = ERROR_INIT;
    int64_t sent;

    assert_int_equal(send_ones(t, 8 * MIB + 5, &sent, &err), 1);
    assert_int_equal(receive_status(t), 201);
    assert_body(t, "8388613");
    client_close(t);
}

ASKER_TEST(headers_of_an_answer_are_found, tell_sum)
{
    struct client_transfer *t = open_stream("PUT", "/", 0, false);
    size_t cursor = 0;

    assert_int_equal(receive_status(t), 201);
    assert_string_equal(client_header(t, "ETAG"), "\"one\"");
    assert_string_equal(client_header_next(t, "etag", &cursor), "\"one\"");
    assert_string_equal(client_header_next(t, "etag", &cursor), "\"two\"");
    assert_null(client_header_next(t, "etag", &cursor));
    assert_string_equal(client_header(t, "x-empty"), "");
    assert_null(client_header(t, "X-Emp"));
    assert_int_equal(client_length(t), 1);
    assert_body(t, "0");
    client_close(t);
}

ASKER_TEST(more_than_announced_is_refused, tell_sum)
{
    struct client_transfer *t = open_stream("PUT", "/", 10, false);
    struct error err = ERROR_INIT;
    int64_t sent;

    assert_int_equal(send_ones(t, 11, &sent, &err), -1);
    assert_string_equal(error_code_name(err.code), "INVALID");
    client_close(t);
}

ASKER_TEST(less_than_announced_is_refused, tell_sum)
{
    struct client_transfer *t = open_stream("PUT", "/", 10, false);
    struct error err = ERROR_INIT;
    int status = 7;
    int64_t sent;

    assert_int_equal(send_ones(t, 9, &sent, &err), 1);
    assert_int_equal(client_receive_head(t, &status, &err), -1);
    assert_string_equal(error_code_name(err.code), "INVALID");
    assert_int_equal(status, 7);
    client_close(t);
}

static void take_nothing(struct origin_connection *c, const struct origin_request *request,
                         void *arg)
{
    (void)request, (void)arg;
    origin_idle(c);
}

static void take_nothing_body(void *arg)
{
    struct client_transfer *t = open_stream("PUT", "/", 1024LL * MIB, false);
    struct error err = ERROR_INIT;
    int64_t sent;

    (void)arg;
    assert_int_equal(send_ones(t, 1024LL * MIB, &sent, &err), -1);
    assert_string_equal(error_code_name(err.code), "TIMEOUT");
    assert_true(sent < SOCKETS_AT_BEST);
    client_close(t);
}

static void a_sender_waits_for_a_server_that_takes_nothing(void **state)
{
    struct asker asker = {.handler = take_nothing, .options = {.stall_timeout_ms = 300}};

    (void)state;
    asker_run(&asker, take_nothing_body, NULL);
}

/* ---- answers that come early ---- */

/* At the head: "/<keep or close>". */
static void refuse_at_once(struct origin_connection *c, const struct origin_request *request,
                           void *arg)
{
    bool is_close = strcmp(request->target, "/close") == 0;

    (void)arg;
    origin_reply(c, 403, is_close ? "Connection: close\r\n" : "", "denied");
    origin_drain(c, request);
}

static void refused_early(const char *path)
{
    struct client_transfer *t = open_stream("PUT", path, 1024LL * MIB, false);
    struct error err = ERROR_INIT;
    int64_t sent;

    assert_int_equal(send_ones(t, 1024LL * MIB, &sent, &err), 0);
    assert_true(sent < 64 * MIB);
    assert_int_equal(receive_status(t), 403);
    assert_body(t, "denied");
    client_close(t);
}

ASKER_TEST(an_early_refusal_ends_the_sending, refuse_at_once)
{
    refused_early("/keep");
    refused_early("/close");
}

/* The sender has nothing to say just then. */
ASKER_TEST(an_early_refusal_is_received_by_who_sends_nothing, refuse_at_once)
{
    static const char *const paths[] = {"/keep", "/close"};

    for (size_t i = 0; i < array_count(paths); i++) {
        struct client_transfer *t = open_stream("PUT", paths[i], 100, false);
        struct error err = ERROR_INIT;
        int64_t sent;
        int rc;

        do {
            assert_int_equal(task_sleep(5, &err), 0);
            rc = send_ones(t, 1, &sent, &err);
        } while (rc == 1);
        assert_int_equal(rc, 0);
        assert_int_equal(receive_status(t), 403);
        assert_body(t, "denied");
        client_close(t);
    }
}

/* ---- 100-continue ---- */

#define CONSENT_MS 1000 /* libcurl waits no longer */

static atomic_uint bodies; /* requests whose body came */

/* "/go": asks for the body. "/no": refuses. "/417": cannot; "/mute": says nothing. */
static void expect(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    bool is_expecting = strcmp(origin_header(request, "Expect"), "100-continue") == 0;

    (void)arg;
    if (strcmp(request->target, "/no") == 0) {
        origin_reply(c, 401, "Connection: close\r\n", "who");
        return;
    }
    if (strcmp(request->target, "/417") == 0 && is_expecting) {
        origin_reply(c, 417, "", "cannot");
        return;
    }
    if (strcmp(request->target, "/go") == 0)
        origin_say(c, "HTTP/1.1 100 Continue\r\n\r\n");
    if (origin_drain(c, request) == 100000 && atomic_fetch_add(&bodies, 1) < 3)
        origin_reply(c, is_expecting ? 201 : 200, "", "");
}

static int expect_of(const char *path)
{
    struct client_transfer *t = open_stream("PUT", path, 100000, true);
    struct error err = ERROR_INIT;
    int64_t sent;
    int status;

    if (send_ones(t, 100000, &sent, &err) < 0 || client_receive_head(t, &status, &err) < 0)
        status = -1;
    client_close(t);
    return status;
}

ASKER_TEST(a_body_waits_for_the_servers_consent, expect)
{
    int go, no, cannot;
    unsigned sent;
    int64_t begun_ms;

    do { /* until the machine is fast enough for the origin to be heard within the time it has */
        begun_ms = clock_monotonic_ms();
        atomic_store(&bodies, 0);
        no = expect_of("/no");
        sent = atomic_load(&bodies);
        go = expect_of("/go");
        cannot = expect_of("/417");
    } while (clock_monotonic_ms() - begun_ms >= CONSENT_MS);
    assert_int_equal(no, 401);
    assert_int_equal(sent, 0);
    assert_int_equal(go, 201);
    assert_int_equal(cannot, 200);
    assert_int_equal(expect_of("/mute"), 201);
    assert_int_equal(atomic_load(&bodies), 3);
}

/* ---- receiving ---- */

static atomic_llong written;
static atomic_bool is_blocked;

/* "/<mebibytes>" of zeros, sized; notes how far it has got when the client takes no more. */
static void pour(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    static const char zeros[65536];
    long long left = strtoll(request->target + 1, NULL, 10) * MIB;

    (void)arg;
    atomic_store(&written, 0);
    atomic_store(&is_blocked, false);
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", left);
    for (int tries = 0; left > 0;) {
        ssize_t sent = send(origin_fd(c), zeros, left < 65536 ? (size_t)left : 65536,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            left -= sent;
            tries = 0;
            atomic_fetch_add(&written, sent);
        } else if (++tries > 20) {
            atomic_store(&is_blocked, true);
            if (!origin_write(c, zeros, 1))
                return;
            left--;
            tries = 0;
        } else {
            usleep(10000);
        }
    }
}

static int64_t read_rest(struct client_transfer *t, size_t max)
{
    struct evbuffer *piece = evbuffer_new();
    struct error err = ERROR_INIT;
    int64_t total = 0;
    int rc;

    while ((rc = client_read(t, piece, max, &err)) > 0) {
        size_t len = evbuffer_get_length(piece);

        assert_true(len > 0 && len <= max);
        total += (int64_t)len;
        evbuffer_drain(piece, len);
    }
    evbuffer_free(piece);
    if (rc < 0)
        fail_msg("%s: %s", error_code_name(err.code), err.message);
    return total;
}

ASKER_TEST(a_body_is_read_in_pieces, pour)
{
    struct client_transfer *t = open_stream("GET", "/3", -1, false);

    assert_int_equal(receive_status(t), 200);
    assert_int_equal(client_length(t), 3 * MIB);
    assert_int_equal(read_rest(t, 1000), 3 * MIB);
    client_close(t);
    t = open_stream("GET", "/3", -1, false);
    assert_int_equal(receive_status(t), 200);
    assert_int_equal(read_rest(t, 100 * MIB), 3 * MIB);
    client_close(t);
    assert_int_equal(origin_connections(asker_origin), 1);
}

ASKER_TEST(a_server_waits_for_a_reader_that_takes_nothing, pour)
{
    struct client_transfer *t = open_stream("GET", "/256", -1, false);
    struct error err = ERROR_INIT;

    assert_int_equal(receive_status(t), 200);
    while (!atomic_load(&is_blocked))
        assert_int_equal(task_sleep(10, &err), 0);
    assert_true(atomic_load(&written) < SOCKETS_AT_BEST);
    assert_int_equal(read_rest(t, 65536), 256LL * MIB);
    client_close(t);
}

ASKER_TEST(an_answer_left_half_read_closes_its_connection, pour)
{
    struct client_transfer *t = open_stream("GET", "/64", -1, false);
    struct error err = ERROR_INIT;

    assert_int_equal(receive_status(t), 200);
    client_close(t);
    while (origin_open(asker_origin) > 0)
        assert_int_equal(task_sleep(1, &err), 0);
}

/* Chunks of every size from 1 to 400 000 in steps, sums told at the end by a trailer. */
static void pour_chunks(struct origin_connection *c, const struct origin_request *request,
                        void *arg)
{
    static const char zeros[400000];

    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t len = 1; len <= sizeof(zeros); len = len * 3 + 1) {
        origin_say(c, "%zx;name=value\r\n", len);
        origin_write(c, zeros, len);
        origin_say(c, "\r\n");
    }
    origin_say(c, "0\r\nX-Trailer: late\r\n\r\n");
}

ASKER_TEST(chunks_are_read_as_one_body, pour_chunks)
{
    struct client_transfer *t = open_stream("GET", "/", -1, false);
    struct error err = ERROR_INIT;
    int64_t expected = 0;

    for (int64_t len = 1; len <= 400000; len = len * 3 + 1)
        expected += len;
    assert_int_equal(receive_status(t), 200);
    assert_int_equal(client_length(t), -1);
    assert_int_equal(task_sleep(20, &err), 0); /* the window fills, and curl is paused */
    assert_int_equal(read_rest(t, 7000), expected);
    assert_null(client_header(t, "X-Trailer"));
    client_close(t);
}

/* ---- both at once ---- */

struct pair {
    int left;
    int64_t size;
};

static void exchange_main(void *arg)
{
    struct pair *pair = arg;
    struct client_transfer *t = open_stream("PUT", "/", pair->size, false);
    struct error err = ERROR_INIT;
    char text[32];
    int64_t sent;

    assert_int_equal(send_ones(t, pair->size, &sent, &err), 1);
    assert_int_equal(receive_status(t), 201);
    snprintf(text, sizeof(text), "%lld", (long long)pair->size);
    assert_body(t, text);
    client_close(t);
    pair->left--;
}

ASKER_TEST(many_bodies_are_streamed_at_once, tell_sum)
{
    struct pair pair = {64, 3 * MIB + 1};
    struct error err = ERROR_INIT;

    for (int i = 0; i < 64; i++)
        task_spawn("one of many", exchange_main, &pair);
    while (pair.left > 0)
        assert_int_equal(task_sleep(1, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_streamed),
        cmocka_unit_test(headers_of_an_answer_are_found),
        cmocka_unit_test(more_than_announced_is_refused),
        cmocka_unit_test(less_than_announced_is_refused),
        cmocka_unit_test(a_sender_waits_for_a_server_that_takes_nothing),
        cmocka_unit_test(an_early_refusal_ends_the_sending),
        cmocka_unit_test(an_early_refusal_is_received_by_who_sends_nothing),
        cmocka_unit_test(a_body_waits_for_the_servers_consent),
        cmocka_unit_test(a_body_is_read_in_pieces),
        cmocka_unit_test(a_server_waits_for_a_reader_that_takes_nothing),
        cmocka_unit_test(an_answer_left_half_read_closes_its_connection),
        cmocka_unit_test(chunks_are_read_as_one_body),
        cmocka_unit_test(many_bodies_are_streamed_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
