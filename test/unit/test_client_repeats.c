/* SPDX-License-Identifier: Apache-2.0
 *
 * Retries and redirects: when a call is asked again, where, and with what.
 */
#include "lib/base/clock.h"
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

#define HOUR_MS 3600000

static const struct client_retry soon = {.attempts = 4, .first_ms = 2, .max_ms = 10};

static struct asker_result ask(const char *method, const char *path, struct client_retry retry)
{
    return asker_do(
        &(struct client_call){.method = method,
                              .url = asker_url("http", "127.0.0.1", path),
                              .body = strcmp(method, "GET") != 0 ? SPAN("body") : SPAN(""),
                              .retry = retry});
}

/* ---- retries ---- */

static uint64_t body_sum(void)
{
    return 'b' + 'o' + 'd' + 'y';
}

/* "/<status>/<n>": n times that status, then 200; 0 is a connection that is closed, 1 one that is
 * reset within the answer. */
static void fail_first(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    int status = (int)strtol(request->target + 1, NULL, 10);
    unsigned times = (unsigned)strtol(strrchr(request->target, '/') + 1, NULL, 10);

    (void)arg;
    if (request->length >= 0 && origin_drain(c, request) != body_sum())
        origin_reply(c, 400, "", "not the body");
    else if (request->serial >= times)
        origin_reply(c, 200, "", "fine");
    else if (status == 0)
        origin_close(c);
    else if (status == 1 && origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))
        origin_reset(c);
    else
        origin_reply(c, status, "", "not now");
}

#define RETRY_TEST(name) ASKER_TEST(name, fail_first)

RETRY_TEST(a_busy_server_is_asked_again)
{
    auto_result result = ask("GET", "/503/3", soon);

    assert_whole(&result, 200, "fine");
    assert_int_equal(origin_requests(asker_origin), 4);
    assert_int_equal(origin_connections(asker_origin), 1);
}

RETRY_TEST(a_body_is_sent_again)
{
    auto_result result = ask("PUT", "/500/2", soon);

    assert_whole(&result, 200, "fine");
    assert_int_equal(origin_requests(asker_origin), 3);
}

RETRY_TEST(the_last_answer_counts)
{
    auto_result result = ask("GET", "/502/9", soon);

    assert_whole(&result, 502, "not now");
    assert_int_equal(origin_requests(asker_origin), 4);
}

RETRY_TEST(without_a_rule_nothing_is_asked_again)
{
    auto_result result = ask("GET", "/503/1", (struct client_retry){0});

    assert_whole(&result, 503, "not now");
    assert_int_equal(origin_requests(asker_origin), 1);
}

RETRY_TEST(what_will_not_change_is_not_asked_again)
{
    auto_result result = ask("GET", "/404/1", soon);

    assert_whole(&result, 404, "not now");
    assert_int_equal(origin_requests(asker_origin), 1);
}

RETRY_TEST(a_connection_lost_before_the_answer_is_asked_again)
{
    auto_result result = ask("PUT", "/0/2", soon);

    assert_whole(&result, 200, "fine");
}

RETRY_TEST(a_connection_lost_within_the_answer_is_asked_again)
{
    auto_result result = ask("GET", "/1/3", soon);

    assert_whole(&result, 200, "fine");
    assert_int_equal(origin_requests(asker_origin), 4);
}

/* The first request is answered; the second, on the connection that was kept, only read. */
static void fall_silent_once(struct origin_connection *c, const struct origin_request *request,
                             void *arg)
{
    (void)arg;
    if (request->length >= 0)
        (void)origin_drain(c, request);
    if (request->serial == 1)
        origin_close(c);
    else
        origin_reply(c, 200, "", "fine");
}

/* The server may have done what was asked: whether to ask again is the caller's to say. */
ASKER_TEST(what_may_have_been_done_is_not_asked_again_unseen, fall_silent_once)
{
    auto_result first = ask("GET", "/", (struct client_retry){0});
    auto_result second = ask("POST", "/", (struct client_retry){0});

    assert_whole(&first, 200, "fine");
    assert_error(&second, ERROR_IO);
    assert_int_equal(origin_requests(asker_origin), 2);
}

ASKER_TEST(a_pooled_connection_that_was_dead_costs_no_attempt, fall_silent_once)
{
    auto_result first = ask("GET", "/", (struct client_retry){0});
    auto_result second = ask("PUT", "/", (struct client_retry){0});

    assert_whole(&first, 200, "fine");
    assert_whole(&second, 200, "fine");
    assert_int_equal(origin_requests(asker_origin), 3);
    assert_int_equal(origin_connections(asker_origin), 2);
}

RETRY_TEST(the_last_loss_counts)
{
    auto_result result = ask("GET", "/1/9", soon);

    assert_error(&result, ERROR_IO);
    assert_int_equal(origin_requests(asker_origin), 4);
}

/* A pause is half of the rule's at least. A machine may be so slow that the budget ends before the
 * second attempt: then another has more. */
RETRY_TEST(no_attempt_begins_after_the_budget)
{
    unsigned asked = 0;

    for (int ms = 60; asked <= 1 && ms < 60000; ms *= 4) {
        struct client_retry rule = {
            .attempts = 100000, .first_ms = 10, .max_ms = 10, .budget_ms = ms};
        unsigned before = origin_requests(asker_origin);
        auto_result result = ask("GET", "/503/999999", rule);

        assert_whole(&result, 503, "not now");
        asked = origin_requests(asker_origin) - before;
        assert_true(asked <= (unsigned)ms / 5 + 1);
    }
    assert_true(asked > 1);
}

/* Nor is the end of that time waited for. */
RETRY_TEST(no_attempt_begins_after_the_time_for_the_call)
{
    struct client_call call = {
        .method = "GET",
        .url = asker_url("http", "127.0.0.1", "/503/9999"),
        .timeout_ms = HOUR_MS,
        .retry = {.attempts = 3, .first_ms = 10 * HOUR_MS, .max_ms = 10 * HOUR_MS},
    };
    auto_result result = asker_do(&call);

    assert_whole(&result, 503, "not now");
}

RETRY_TEST(a_refused_connection_is_tried_again)
{
    struct client_call call = {.method = "GET",
                               .url = "http://127.0.0.1:1/",
                               .retry = {.attempts = 4, .first_ms = 20, .max_ms = 80}};
    int64_t begun = clock_monotonic_ns();
    auto_result result = asker_do(&call);

    assert_error(&result, ERROR_IO);
    assert_true(clock_monotonic_ns() - begun >= 50 * CLOCK_MS_NS); /* 10, 20 and 40 ms */
}

/* The same rule in the streaming form, up to the head. */
RETRY_TEST(a_stream_is_asked_again_until_its_head)
{
    struct client_call call = {
        .method = "GET", .url = asker_url("http", "127.0.0.1", "/429/2"), .retry = soon};
    struct str body = STR_INIT(100);
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;

    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    assert_int_equal(status, 200);
    assert_int_equal(client_read_all(t, &body, &err), 0);
    assert_string_equal(str_text(&body), "fine");
    client_close(t);
    str_fini(&body);
}

/* Asks for a pause of a second ("/1") or an hour ("/3600"). */
static void ask_for_pause(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    char header[64];

    (void)arg;
    snprintf(header, sizeof(header), "Retry-After: %s\r\n", request->target + 1);
    if (request->serial == 0)
        origin_reply(c, 429, header, "too many");
    else
        origin_reply(c, 200, "", "fine");
}

ASKER_TEST(a_pause_the_server_asks_for_is_made, ask_for_pause)
{
    struct client_retry rule = {.attempts = 2, .first_ms = 1, .max_ms = 5000};
    int64_t begun = clock_monotonic_ns();
    auto_result result = ask("GET", "/1", rule);

    assert_whole(&result, 200, "fine");
    assert_true(clock_monotonic_ns() - begun >= 990 * CLOCK_MS_NS); /* the loop's clock is coarse */
}

ASKER_TEST(a_pause_that_is_too_long_is_shortened, ask_for_pause)
{
    auto_result result = ask("GET", "/3600", soon);

    assert_whole(&result, 200, "fine");
}

/* ---- redirects ---- */

/* "/<status>/to?<location>" redirects; anything else is answered with the head it came with. */
static void redirect(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    const char *location = strchr(request->target, '?');
    uint64_t sum = origin_drain(c, request);
    char header[4200];

    (void)arg;
    if (strstr(request->target, "/to?") == NULL) {
        snprintf(header, sizeof(header), "X-Sum: %llu\r\n", (unsigned long long)sum);
        origin_reply(c, 200, header, strcmp(request->method, "HEAD") != 0 ? request->head : "");
        return;
    }
    snprintf(header, sizeof(header), "Location: %s\r\n", location + 1);
    origin_reply(c, (int)strtol(request->target + 1, NULL, 10), header, "moved");
}

static const char *const secrets[] = {"Authorization: Bearer hunter2", "Cookie: hunter2",
                                      "Proxy-Authorization: hunter2",  "X-Open: fine",
                                      "Content-Type: text/plain",      NULL};

static struct asker_result ask_via(const char *method, const char *path, int redirects_max)
{
    return asker_do(
        &(struct client_call){.method = method,
                              .url = asker_url("http", "a.test", path),
                              .headers = secrets,
                              .body = strcmp(method, "GET") != 0 ? SPAN("body") : SPAN(""),
                              .redirects_max = redirects_max});
}

/* As ask_via with 3; asserts that the place reached was asked with @line. */
static struct asker_result follow(const char *method, const char *path, const char *line)
{
    struct asker_result result = ask_via(method, path, 3);

    assert_whole(&result, 200, str_text(&result.body));
    if (strncmp(str_text(&result.body), line, strlen(line)) != 0)
        fail_msg("%s was followed by %s", path, str_text(&result.body));
    return result;
}

static bool has(const struct asker_result *result, const char *text)
{
    return strstr(str_text(&result->body), text) != NULL;
}

#define REDIRECT_TEST(name) ASKER_TEST(name, redirect)

REDIRECT_TEST(redirects_lead_where_they_say)
{
    char path[128];
    char place[64];

    snprintf(place, sizeof(place), "//b.test:%d/z", origin_port(asker_origin));
    snprintf(path, sizeof(path), "/307/to?%s", place);
    auto_result absolute = follow("GET", "/301/to?/there/x?y=z", "GET /there/x?y=z ");
    auto_result relative = follow("GET", "/302/to?c/d", "GET /302/c/d ");
    auto_result host = follow("GET", path, "GET /z ");

    (void)absolute, (void)relative;
    assert_true(has(&host, "Host: b.test:"));
}

REDIRECT_TEST(a_redirect_is_an_answer_to_who_follows_none)
{
    auto_result result = ask_via("GET", "/302/to?/x", 0);

    assert_whole(&result, 302, "moved");
}

REDIRECT_TEST(a_redirect_without_a_place_is_an_answer)
{
    auto_result result = ask_via("GET", "/304/to?/x", 3);

    assert_whole(&result, 304, "");
}

static void redirect_for_ever(struct origin_connection *c, const struct origin_request *request,
                              void *arg)
{
    (void)request, (void)arg;
    origin_reply(c, 302, "Location: /again\r\n", "");
}

ASKER_TEST(a_loop_ends, redirect_for_ever)
{
    auto_result result = ask_via("GET", "/", 5);

    assert_error(&result, ERROR_IO);
    assert_int_equal(origin_requests(asker_origin), 6);
}

REDIRECT_TEST(only_http_is_followed)
{
    static const char *const places[] = {"file:///etc/passwd",  "ftp://127.0.0.1/", "gopher://x/",
                                         "javascript:alert(1)", "http://",          "http://a b/"};

    for (size_t i = 0; i < array_count(places); i++) {
        char path[128];

        snprintf(path, sizeof(path), "/302/to?%s", places[i]);
        auto_result result = ask_via("GET", path, 3);

        if (strchr(places[i], ' ') != NULL) /* the request itself is refused */
            assert_error(&result, ERROR_INVALID);
        else
            assert_error(&result, ERROR_IO);
    }
}

REDIRECT_TEST(methods_follow_the_rules)
{
    auto_result seen = follow("POST", "/303/to?/x", "GET /x ");
    auto_result moved = follow("POST", "/302/to?/x", "GET /x ");
    auto_result kept = follow("PUT", "/302/to?/x", "PUT /x ");
    auto_result again = follow("POST", "/307/to?/x", "POST /x ");
    auto_result moved_for_good = follow("POST", "/308/to?/x", "POST /x ");

    assert_false(has(&seen, "Content-"));
    assert_false(has(&moved, "Content-"));
    assert_true(has(&kept, "Content-Type: text/plain\r\n"));
    assert_true(has(&kept, "Content-Length: 4\r\n"));
    assert_true(has(&again, "Content-Length: 4\r\n"));
    assert_true(has(&moved_for_good, "Content-Length: 4\r\n"));
}

REDIRECT_TEST(secrets_stay_with_their_server)
{
    auto_result result = follow("GET", "/302/to?/x", "GET /x ");

    assert_true(has(&result, "Authorization: Bearer hunter2"));
    assert_true(has(&result, "Cookie: hunter2"));
}

REDIRECT_TEST(secrets_are_not_sent_to_another_host)
{
    char path[128];

    snprintf(path, sizeof(path), "/302/to?%s", asker_url("http", "b.test", "/x"));
    auto_result result = follow("GET", path, "GET /x ");

    assert_true(has(&result, "Host: b.test"));
    assert_true(has(&result, "X-Open: fine"));
    assert_false(has(&result, "hunter2"));
}

/* There and back: who has been elsewhere is not trusted again. */
REDIRECT_TEST(secrets_do_not_come_back)
{
    char path[256];

    snprintf(path, sizeof(path), "/302/to?%s/302/to?%s", asker_url("http", "b.test", ""),
             asker_url("http", "a.test", "/x"));
    auto_result result = follow("GET", path, "GET /x ");

    assert_true(has(&result, "Host: a.test"));
    assert_false(has(&result, "hunter2"));
}

/* The second attempt begins at the first place. */
static void redirect_to_failure(struct origin_connection *c, const struct origin_request *request,
                                void *arg)
{
    (void)arg;
    if (strcmp(request->target, "/first") == 0)
        origin_reply(c, 307, request->serial == 0 ? "Location: /bad\r\n" : "Location: /good\r\n",
                     "");
    else
        origin_reply(c, strcmp(request->target, "/bad") == 0 ? 503 : 200, "", "");
}

ASKER_TEST(an_attempt_begins_at_the_first_place, redirect_to_failure)
{
    struct client_call call = {.method = "GET",
                               .url = asker_url("http", "127.0.0.1", "/first"),
                               .redirects_max = 1,
                               .retry = soon};
    auto_result result = asker_do(&call);

    assert_whole(&result, 200, "");
    assert_int_equal(origin_requests(asker_origin), 4);
}

REDIRECT_TEST(a_stream_tells_where_it_comes_from)
{
    struct client_call call = {
        .method = "GET", .url = asker_url("http", "127.0.0.1", "/302/to?/x"), .redirects_max = 1};
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;

    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    assert_string_equal(client_url(t), asker_url("http", "127.0.0.1", "/x"));
    client_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_server_is_asked_again),
        cmocka_unit_test(a_body_is_sent_again),
        cmocka_unit_test(the_last_answer_counts),
        cmocka_unit_test(without_a_rule_nothing_is_asked_again),
        cmocka_unit_test(what_will_not_change_is_not_asked_again),
        cmocka_unit_test(a_connection_lost_before_the_answer_is_asked_again),
        cmocka_unit_test(a_connection_lost_within_the_answer_is_asked_again),
        cmocka_unit_test(what_may_have_been_done_is_not_asked_again_unseen),
        cmocka_unit_test(a_pooled_connection_that_was_dead_costs_no_attempt),
        cmocka_unit_test(the_last_loss_counts),
        cmocka_unit_test(no_attempt_begins_after_the_budget),
        cmocka_unit_test(no_attempt_begins_after_the_time_for_the_call),
        cmocka_unit_test(a_refused_connection_is_tried_again),
        cmocka_unit_test(a_stream_is_asked_again_until_its_head),
        cmocka_unit_test(a_pause_the_server_asks_for_is_made),
        cmocka_unit_test(a_pause_that_is_too_long_is_shortened),
        cmocka_unit_test(redirects_lead_where_they_say),
        cmocka_unit_test(a_redirect_is_an_answer_to_who_follows_none),
        cmocka_unit_test(a_redirect_without_a_place_is_an_answer),
        cmocka_unit_test(a_loop_ends),
        cmocka_unit_test(only_http_is_followed),
        cmocka_unit_test(methods_follow_the_rules),
        cmocka_unit_test(secrets_stay_with_their_server),
        cmocka_unit_test(secrets_are_not_sent_to_another_host),
        cmocka_unit_test(secrets_do_not_come_back),
        cmocka_unit_test(an_attempt_begins_at_the_first_place),
        cmocka_unit_test(a_stream_tells_where_it_comes_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
