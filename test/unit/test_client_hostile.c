/* SPDX-License-Identifier: Apache-2.0
 *
 * A server, or a proxy, that means harm: what it sends beyond its answers gets into no other, what
 * it never ends is ended, and what it asks for is not given.
 */
#include "lib/client/client.h"
#include "test/support/asker.h"

#include <event2/buffer.h>
#include <linux/sockios.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MIB (1024 * 1024)

static atomic_size_t said; /* bytes, by those who talk for ever */

/* Until the client has gone. */
static void talk_for_ever(struct origin_connection *c, const char *piece)
{
    while (origin_write(c, piece, strlen(piece)))
        atomic_fetch_add(&said, strlen(piece));
}

static struct asker_result ask(const char *method, const char *path)
{
    return asker_do(
        &(struct client_call){.method = method, .url = asker_url("http", "127.0.0.1", path)});
}

/* ---- more than an answer ---- */

/* "/<n>": the n-th of these, in one piece; "/fine": what it is. */
static const char *const too_much[] = {
    "HTTP/1.1 204 None\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    "HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\nevil",
    "HTTP/1.1 304 Same\r\nContent-Length: 4\r\n\r\nevil",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"
    "Content-Length: 4\r\n\r\nevil",
    "HTTP/1.1 200 OK\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    "HTTP/1.1 101 Switching\r\nUpgrade: evil\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
    "4\r\n\r\nevil",
};

static void say_too_much(struct origin_connection *c, const struct origin_request *request,
                         void *arg)
{
    (void)arg;
    if (strcmp(request->target, "/fine") == 0)
        origin_reply(c, 200, "", "fine");
    else
        origin_say(c, "%s", too_much[strtoul(request->target + 1, NULL, 10)]);
}

ASKER_TEST(what_follows_an_answer_is_not_the_next, say_too_much)
{
    for (size_t i = 0; i < array_count(too_much); i++) {
        char path[8];

        snprintf(path, sizeof(path), "/%zu", i);
        auto_result first = ask("GET", path);
        auto_result second = ask("GET", "/fine");

        assert_null(strstr(str_text(&first.body), "evil"));
        assert_whole(&second, 200, "fine");
    }
}

ASKER_TEST(a_body_that_answers_a_head_is_not_the_next_answer, say_too_much)
{
    auto_result first = ask("HEAD", "/5");
    auto_result second = ask("GET", "/fine");

    assert_whole(&first, 200, "");
    assert_whole(&second, 200, "fine");
}

/* The second answer comes when the first is read and its connection rests. */
static atomic_bool is_read, is_there;

static void speak_unasked(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    int left = 1;

    (void)arg;
    if (strcmp(request->target, "/fine") == 0) {
        origin_reply(c, 200, "", "fine");
        return;
    }
    origin_reply(c, 200, "", "first");
    while (!atomic_load(&is_read))
        usleep(1000);
    origin_reply(c, 200, "", "evil");
    while (left > 0) {
        usleep(1000);
        if (ioctl(origin_fd(c), SIOCOUTQ, &left) < 0)
            break;
    }
    atomic_store(&is_there, true);
}

static void unasked_body(void *arg)
{
    struct error err = ERROR_INIT;
    auto_result first = ask("GET", "/");

    assert_whole(&first, 200, "first");
    atomic_store(&is_read, true);
    while (!atomic_load(&is_there))
        assert_int_equal(task_sleep(1, &err), 0);
    auto_result second = ask(arg, "/fine");

    assert_whole(&second, 200, "fine");
    assert_int_equal(origin_connections(asker_origin), 2);
}

static void an_answer_nobody_has_asked_for_is_none(void **state)
{
    static char methods[][8] = {"GET", "POST", "PATCH"};

    (void)state;
    for (size_t i = 0; i < array_count(methods); i++) {
        atomic_store(&is_read, false);
        atomic_store(&is_there, false);
        asker_run(&(struct asker){.handler = speak_unasked}, unasked_body, methods[i]);
    }
}

/* ---- without end ---- */

static void extend_chunks(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;");
    talk_for_ever(c, "extension=extension;");
}

static void any_error_body(void *arg)
{
    auto_result result = ask("GET", "/");

    (void)arg;

    assert_int_equal(result.rc, -1);
}

static void extensions_of_a_chunk_that_do_not_end_are_ended(void **state)
{
    struct asker asker = {.handler = extend_chunks, .options = {.stall_timeout_ms = 200}};

    (void)state;
    asker_run(&asker, any_error_body, NULL);
}

static void pour(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    static char zeros[65536];

    (void)request, (void)arg;
    memset(zeros, '0', sizeof(zeros) - 1);
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n");
    talk_for_ever(c, zeros);
}

ASKER_TEST(a_body_that_does_not_end_is_not_taken, pour)
{
    auto_result result = ask("GET", "/");

    assert_error(&result, ERROR_TOO_LARGE);
}

static void redirect_with_endless_body(struct origin_connection *c,
                                       const struct origin_request *request, void *arg)
{
    (void)arg;
    if (strcmp(request->target, "/there") == 0) {
        origin_reply(c, 200, "", "there");
        return;
    }
    origin_say(c, "HTTP/1.1 302 Found\r\nLocation: /there\r\nTransfer-Encoding: chunked\r\n\r\n");
    talk_for_ever(c, "5\r\nhello\r\n");
}

ASKER_TEST(the_body_of_a_redirect_is_not_waited_for, redirect_with_endless_body)
{
    auto_result result = asker_do(&(struct client_call){
        .method = "GET", .url = asker_url("http", "127.0.0.1", "/"), .redirects_max = 1});

    assert_whole(&result, 200, "there");
}

/* ---- uploads ---- */

/* Says that all is well before it has seen any of it. */
static void praise_early(struct origin_connection *c, const struct origin_request *request,
                         void *arg)
{
    (void)request, (void)arg;
    origin_reply(c, 200, "", "well");
    origin_idle(c);
}

static void early_praise_body(void *arg)
{
    static char zeros[32 * MIB]; /* more than the kernel holds */
    auto_result result = asker_do(&(struct client_call){.method = "PUT",
                                                        .url = asker_url("http", "127.0.0.1", "/"),
                                                        .body = span_make(zeros, sizeof(zeros))});

    (void)arg;
    assert_error(&result, ERROR_TIMEOUT);
}

static void an_upload_is_not_done_before_it_is_out(void **state)
{
    struct asker asker = {.handler = praise_early, .options = {.stall_timeout_ms = 300}};

    (void)state;
    asker_run(&asker, early_praise_body, NULL);
}

/* ---- what it asks for ---- */

static void compress(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)arg;
    if (origin_header(request, "Accept-Encoding")[0] != '\0')
        origin_reply(c, 500, "", "asked for");
    else
        origin_reply(c, 200, "Content-Encoding: gzip, br, zstd, deflate\r\n",
                     "\x1f\x8bnot unpacked");
}

ASKER_TEST(a_body_is_taken_as_it_is, compress)
{
    auto_result result = ask("GET", "/");

    assert_whole(&result, 200, "\x1f\x8bnot unpacked");
}

static void want_more(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    bool has_secret = origin_header(request, "Cookie")[0] != '\0' ||
                      origin_header(request, "Authorization")[0] != '\0';

    (void)arg;
    origin_reply(c, has_secret ? 200 : 401,
                 "Set-Cookie: a=b; Path=/\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                 "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
                 "Alt-Svc: h2=\"127.0.0.1:1\"\r\nStrict-Transport-Security: max-age=9999\r\n"
                 "Refresh: 0; url=/other\r\n",
                 "more");
}

ASKER_TEST(cookies_and_challenges_change_nothing, want_more)
{
    auto_result first = ask("GET", "/");
    auto_result second = ask("GET", "/");

    assert_whole(&first, 401, "more");
    assert_whole(&second, 401, "more");
    assert_int_equal(origin_requests(asker_origin), 2);
    assert_int_equal(origin_connections(asker_origin), 1);
}

/* ---- proxies ---- */

static void flood_with_headers(struct origin_connection *c, const struct origin_request *request,
                               void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 200 Connected\r\n");
    talk_for_ever(c, "X-Header: of some length, again and again and again and again\r\n");
}

static void refuse_at_length(struct origin_connection *c, const struct origin_request *request,
                             void *arg)
{
    (void)request, (void)arg;
    origin_say(c, "HTTP/1.1 407 Who\r\nContent-Length: 9000000000000000000\r\n\r\n");
    talk_for_ever(c, "nobody knows you, nobody knows you, nobody knows you ");
}

static void promise_for_ever(struct origin_connection *c, const struct origin_request *request,
                             void *arg)
{
    (void)request, (void)arg;
    talk_for_ever(c, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void tunnel_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", "a.test", "/")};
    auto_result result = asker_do(&call);

    (void)arg;
    assert_int_equal(result.rc, -1);
}

static void ask_through(origin_cb *handler)
{
    struct origin *proxy = origin_start(handler, NULL, NULL);
    char url[64];

    atomic_store(&said, 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", origin_port(proxy));
    setenv("https_proxy", url, 1);
    asker_run(&(struct asker){.handler = compress, .options = {.connect_timeout_ms = 500}},
              tunnel_body, NULL);
    unsetenv("https_proxy");
    origin_stop(proxy);
}

static void a_proxy_that_does_not_end_is_ended(void **state)
{
    (void)state;
    ask_through(refuse_at_length);
    ask_through(promise_for_ever);
}

/* Of what it says no more is kept than what is said until somebody notices. */
static void headers_of_a_proxy_have_a_limit(void **state)
{
    (void)state;
    ask_through(flood_with_headers);
    assert_true(atomic_load(&said) < 32 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_an_answer_is_not_the_next),
        cmocka_unit_test(a_body_that_answers_a_head_is_not_the_next_answer),
        cmocka_unit_test(an_answer_nobody_has_asked_for_is_none),
        cmocka_unit_test(extensions_of_a_chunk_that_do_not_end_are_ended),
        cmocka_unit_test(a_body_that_does_not_end_is_not_taken),
        cmocka_unit_test(the_body_of_a_redirect_is_not_waited_for),
        cmocka_unit_test(an_upload_is_not_done_before_it_is_out),
        cmocka_unit_test(a_body_is_taken_as_it_is),
        cmocka_unit_test(cookies_and_challenges_change_nothing),
        cmocka_unit_test(a_proxy_that_does_not_end_is_ended),
        cmocka_unit_test(headers_of_a_proxy_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
