/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole calls of the client: what goes out, what comes back, what is refused before it goes out.
 */
#include "lib/client/client.h"
#include "test/support/asker.h"

#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* ---- requests as they arrive ---- */

/* Answers with the head it got, and the sum of the body's bytes in a header. */
static void mirror(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    char headers[64];

    (void)arg;
    snprintf(headers, sizeof(headers), "X-Sum: %llu\r\n",
             (unsigned long long)origin_drain(c, request));
    origin_reply(c, 200, headers, strcmp(request->method, "HEAD") != 0 ? request->head : "");
}

static void assert_head_has(const struct asker_result *result, const char *line)
{
    assert_whole(result, 200, str_text(&result->body));
    if (strstr(str_text(&result->body), line) == NULL)
        fail_msg("no %s in %s", line, str_text(&result->body));
}

static void assert_head_lacks(const struct asker_result *result, const char *line)
{
    assert_null(strcasestr(str_text(&result->body), line));
}

ASKER_TEST(get_brings_status_and_body, mirror)
{
    auto_result result = asker_get("/some/path?query=1");

    assert_head_has(&result, "GET /some/path?query=1 HTTP/1.1\r\n");
    assert_head_has(&result, "User-Agent: kist");
    assert_head_lacks(&result, "Expect");
    assert_head_lacks(&result, "Content-Length");
    assert_head_lacks(&result, "Accept-Encoding");
}

ASKER_TEST(a_path_is_sent_as_it_is, mirror)
{
    auto_result result = asker_get("/a/../b/./%2e%2E/c%2Fd?x=%20");

    assert_head_has(&result, "GET /a/../b/./%2e%2E/c%2Fd?x=%20 HTTP/1.1\r\n");
}

ASKER_TEST(every_method_goes_out_by_its_name, mirror)
{
    static const char *const methods[] = {"GET",   "DELETE",   "PUT", "POST",
                                          "PATCH", "PROPFIND", "M-X"};

    for (size_t i = 0; i < array_count(methods); i++) {
        struct client_call call = {.method = methods[i],
                                   .url = asker_url("http", "127.0.0.1", "/x")};
        auto_result result = asker_do(&call);
        char line[64];

        snprintf(line, sizeof(line), "%s /x HTTP/1.1\r\n", methods[i]);
        assert_head_has(&result, line);
    }
}

ASKER_TEST(head_has_no_body, mirror)
{
    struct client_call call = {.method = "HEAD", .url = asker_url("http", "127.0.0.1", "/")};
    auto_result result = asker_do(&call);
    auto_result again = asker_get("/");

    assert_whole(&result, 200, "");
    assert_head_has(&again, "GET / HTTP/1.1\r\n");
    assert_int_equal(origin_connections(asker_origin), 1);
}

ASKER_TEST(an_empty_put_or_post_says_so, mirror)
{
    static const char *const methods[] = {"PUT", "POST", "PATCH"};

    for (size_t i = 0; i < array_count(methods); i++) {
        struct client_call call = {.method = methods[i],
                                   .url = asker_url("http", "127.0.0.1", "/")};
        auto_result result = asker_do(&call);

        assert_head_has(&result, "Content-Length: 0\r\n");
        assert_head_lacks(&result, "Transfer-Encoding");
        assert_head_lacks(&result, "Content-Type");
    }
}

ASKER_TEST(a_body_goes_out_whole, mirror)
{
    size_t len = 3 * 1024 * 1024 + 7;
    char *bytes = malloc(len);
    struct client_call call = {
        .method = "PUT", .url = asker_url("http", "127.0.0.1", "/"), .body = {bytes, len}};
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;
    char sum[32];

    memset(bytes, 3, len);
    snprintf(sum, sizeof(sum), "%zu", 3 * len);
    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    assert_string_equal(client_header(t, "x-sum"), sum);
    client_close(t);
    free(bytes);
}

ASKER_TEST(a_body_in_pieces_goes_out_whole_and_stays, mirror)
{
    struct evbuffer *pieces = evbuffer_new();
    struct client_call call = {
        .method = "POST", .url = asker_url("http", "127.0.0.1", "/"), .body_buffer = pieces};
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;

    for (int i = 0; i < 1000; i++) {
        char piece[501];

        memset(piece, 1, sizeof(piece));
        evbuffer_add(pieces, piece, sizeof(piece));
    }
    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    assert_string_equal(client_header(t, "X-Sum"), "501000");
    client_close(t);
    assert_int_equal(evbuffer_get_length(pieces), 501000);
    evbuffer_free(pieces);
}

ASKER_TEST(headers_go_out_and_empty_ones_too, mirror)
{
    const char *headers[] = {"X-One: 1", "X-Empty:", "User-Agent: other/1", "Host: elsewhere",
                             NULL};
    struct client_call call = {
        .method = "GET", .url = asker_url("http", "127.0.0.1", "/"), .headers = headers};
    auto_result result = asker_do(&call);

    assert_head_has(&result, "X-One: 1\r\n");
    assert_head_has(&result, "X-Empty:\r\n");
    assert_head_has(&result, "User-Agent: other/1\r\n");
    assert_head_has(&result, "Host: elsewhere\r\n");
    assert_head_lacks(&result, "kist");
}

ASKER_TEST(what_cannot_be_sent_is_refused, mirror)
{
    static const struct {
        const char *method;
        const char *url;
        const char *header;
    } wrong[] = {
        {"GE T", "http://127.0.0.1/", NULL},
        {"", "http://127.0.0.1/", NULL},
        {"GET\r\nX: y", "http://127.0.0.1/", NULL},
        {"GET", "ftp://127.0.0.1/", NULL},
        {"GET", "file:///etc/passwd", NULL},
        {"GET", "127.0.0.1", NULL},
        {"GET", "http://", NULL},
        {"GET", "", NULL},
        {"GET", "http://127.0.0.1/a b", NULL},
        {"GET", "http://127.0.0.1/\r\nX: y", NULL},
        {"GET", "http://127.0.0.1:99999/", NULL},
        {"GET", "http://127.0.0.1/", "X: y\r\nZ: w"},
        {"GET", "http://127.0.0.1/", "no colon"},
        {"GET", "http://127.0.0.1/", "X Y: blank"},
        {"GET", "http://127.0.0.1/", "Content-Length: 3"},
        {"GET", "http://127.0.0.1/", "transfer-encoding: chunked"},
        {"GET", "http://127.0.0.1/", "Expect: 100-continue"},
    };

    for (size_t i = 0; i < array_count(wrong); i++) {
        const char *headers[] = {wrong[i].header, NULL};
        struct client_call call = {
            .method = wrong[i].method, .url = wrong[i].url, .headers = headers};
        auto_result result = asker_do(&call);

        assert_error(&result, ERROR_INVALID);
    }
    assert_int_equal(origin_connections(asker_origin), 0);
}

/* ---- connections ---- */

ASKER_TEST(a_connection_is_used_again, mirror)
{
    for (int i = 0; i < 10; i++) {
        auto_result result = asker_get("/");

        assert_int_equal(result.status, 200);
    }
    assert_int_equal(origin_connections(asker_origin), 1);
    assert_int_equal(origin_requests(asker_origin), 10);
}

/* Every second request is on a connection that the origin has closed meanwhile, without a word. */
static void mirror_then_close(struct origin_connection *c, const struct origin_request *request,
                              void *arg)
{
    mirror(c, request, arg);
    origin_close(c);
}

ASKER_TEST(a_connection_that_has_died_is_replaced, mirror_then_close)
{
    for (int i = 0; i < 20; i++) {
        struct client_call call = {
            .method = "PUT", .url = asker_url("http", "127.0.0.1", "/"), .body = SPAN("body")};
        auto_result result = asker_do(&call);

        assert_head_has(&result, "Content-Length: 4\r\n");
    }
}

ASKER_TEST(a_refused_connection_is_an_error, mirror)
{
    struct client_call call = {.method = "GET", .url = "http://127.0.0.1:1/path?secret=1"};
    auto_result result = asker_do(&call);

    assert_error(&result, ERROR_IO);
    assert_non_null(strstr(result.err.message, "http://127.0.0.1:1/path: "));
}

ASKER_TEST(a_name_that_does_not_exist_is_an_error, mirror)
{
    struct client_call call = {.method = "GET", .url = "http://nowhere.test/"};
    auto_result result = asker_do(&call);

    assert_error(&result, ERROR_IO);
    assert_non_null(strstr(result.err.message, "http://nowhere.test/: "));
}

ASKER_TEST(a_name_is_resolved, mirror)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "a.test", "/")};
    auto_result result = asker_do(&call);

    assert_head_has(&result, "Host: a.test:");
}

struct many {
    int left;
    int fine;
};

static void many_main(void *arg)
{
    struct many *many = arg;
    auto_result result = asker_get("/");

    many->fine += result.rc == 0 && result.status == 200;
    many->left--;
}

static void many_at_once(int count)
{
    struct many many = {.left = count};
    struct error err = ERROR_INIT;

    for (int i = 0; i < count; i++)
        task_spawn("one of many", many_main, &many);
    while (many.left > 0)
        assert_int_equal(task_sleep(1, &err), 0);
    assert_int_equal(many.fine, count);
}

/* Lets others come meanwhile. */
static void mirror_slowly(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    usleep(20000);
    mirror(c, request, arg);
}

#define MEETING 9
static atomic_uint met;

/* Answers when as many have come, or nobody comes any more. */
static void mirror_to_many(struct origin_connection *c, const struct origin_request *request,
                           void *arg)
{
    unsigned seen = atomic_fetch_add(&met, 1);

    for (int ms = 0; seen < MEETING && ms < 30000; ms++) {
        usleep(1000);
        seen = atomic_load(&met);
    }
    mirror(c, request, arg);
}

ASKER_TEST(many_calls_run_at_once, mirror_to_many)
{
    atomic_store(&met, 0);
    many_at_once(64);
    assert_true(origin_open_most(asker_origin) >= MEETING);
}

static void few_connections_body(void *arg)
{
    (void)arg;
    many_at_once(32);
    assert_true(origin_open_most(asker_origin) <= 4);
    assert_int_equal(origin_requests(asker_origin), 32);
}

static void calls_queue_for_the_connections_of_a_host(void **state)
{
    struct asker asker = {.handler = mirror_slowly, .options = {.connections_max = 4}};

    (void)state;
    asker_run(&asker, few_connections_body, NULL);
}

/* ---- messages ---- */

static void hang_up(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_close(c);
}

ASKER_TEST(messages_keep_secrets, hang_up)
{
    const char *headers[] = {"Authorization: Bearer hunter2", NULL};
    char url[256];
    struct client_call call = {.method = "GET", .url = url, .headers = headers};

    snprintf(url, sizeof(url), "http://user:hunter2@127.0.0.1:%d/path?hunter2=hunter2#hunter2",
             origin_port(asker_origin));
    auto_result result = asker_do(&call);

    assert_error(&result, ERROR_IO);
    assert_non_null(strstr(result.err.message, "/path: "));
    assert_null(strstr(result.err.message, "hunter2"));
    assert_null(strstr(result.err.message, "user"));
}

ASKER_TEST(a_password_in_the_url_is_sent, mirror)
{
    char url[256];
    struct client_call call = {.method = "GET", .url = url};

    snprintf(url, sizeof(url), "http://user:pass@127.0.0.1:%d/", origin_port(asker_origin));
    auto_result result = asker_do(&call);

    assert_head_has(&result, "Authorization: Basic dXNlcjpwYXNz\r\n");
}

ASKER_TEST(a_body_beyond_its_maximum_is_refused, mirror)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "127.0.0.1", "/")};
    struct str body = STR_INIT(10);
    struct error err = ERROR_INIT;
    int status = 7;

    assert_int_equal(client_do(asker_client, &call, &status, &body, &err), -1);
    assert_string_equal(error_code_name(err.code), "TOO_LARGE");
    assert_int_equal(status, 7);
    assert_int_equal(body.len, 0);
    str_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_brings_status_and_body),
        cmocka_unit_test(a_path_is_sent_as_it_is),
        cmocka_unit_test(every_method_goes_out_by_its_name),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(an_empty_put_or_post_says_so),
        cmocka_unit_test(a_body_goes_out_whole),
        cmocka_unit_test(a_body_in_pieces_goes_out_whole_and_stays),
        cmocka_unit_test(headers_go_out_and_empty_ones_too),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(a_connection_that_has_died_is_replaced),
        cmocka_unit_test(a_refused_connection_is_an_error),
        cmocka_unit_test(a_name_that_does_not_exist_is_an_error),
        cmocka_unit_test(a_name_is_resolved),
        cmocka_unit_test(many_calls_run_at_once),
        cmocka_unit_test(calls_queue_for_the_connections_of_a_host),
        cmocka_unit_test(messages_keep_secrets),
        cmocka_unit_test(a_password_in_the_url_is_sent),
        cmocka_unit_test(a_body_beyond_its_maximum_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
