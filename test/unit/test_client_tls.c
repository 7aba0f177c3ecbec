/* SPDX-License-Identifier: Apache-2.0
 *
 * The client over TLS: whom it trusts, who it says it is, and what a cut means there. Proxies, too.
 */
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/client/trust.h"
#include "lib/task/loop.h"
#include "test/support/asker.h"

#include <event2/buffer.h>
#include <limits.h>
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

static void fine(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)arg;
    origin_drain(c, request);
    origin_reply(c, 200, "", "fine");
}

/* One GET over TLS for @host. */
static const char *host;
static enum error_code expected;
static const char *reason; /* in the message */

static void ask_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", host, "/path?hunter2")};
    auto_result result = asker_do(&call);

    (void)arg;
    if (expected == ERROR_NONE) {
        assert_whole(&result, 200, "fine");
        return;
    }
    assert_error(&result, expected);
    if (strstr(result.err.message, reason) == NULL)
        fail_msg("no \"%s\" in \"%s\"", reason, result.err.message);
    assert_null(strstr(result.err.message, "hunter2"));
}

static void ask(const char *at, const struct origin_tls *tls, struct client_options options,
                enum error_code code, const char *in_message)
{
    host = at;
    expected = code;
    reason = in_message;
    asker_run(&(struct asker){.handler = fine, .tls = tls, .options = options}, ask_body, NULL);
}

static struct origin_tls server(void)
{
    return (struct origin_tls){asker_pems()->server, asker_pems()->server, NULL};
}

static void a_server_of_ones_own_authority_is_trusted(void **state)
{
    struct origin_tls tls = server();
    struct client_options options = {.ca_file = asker_pems()->ca};

    (void)state;
    ask("127.0.0.1", &tls, options, ERROR_NONE, NULL);
    ask("localhost", &tls, options, ERROR_NONE, NULL);
    ask("a.test", &tls, options, ERROR_NONE, NULL);
}

static void a_server_of_an_unknown_authority_is_refused(void **state)
{
    struct origin_tls tls = server();
    struct client_options foreign = {.ca_file = asker_pems()->foreign_ca};
    struct client_options system = {.ca_file = NULL};

    (void)state;
    ask("127.0.0.1", &tls, foreign, ERROR_IO, "certificate");
    ask("127.0.0.1", &tls, system, ERROR_IO, "certificate");
}

static void a_systems_authority_is_named_by_the_environment(void **state)
{
    struct origin_tls tls = server();
    struct client_options system = {.ca_file = NULL};

    (void)state;
    setenv("SSL_CERT_FILE", asker_pems()->ca, 1);
    ask("127.0.0.1", &tls, system, ERROR_NONE, NULL);
    setenv("SSL_CERT_FILE", asker_pems()->foreign_ca, 1);
    ask("127.0.0.1", &tls, system, ERROR_IO, "certificate");
    unsetenv("SSL_CERT_FILE");
}

static void authorities_are_in_directories_too(void **state)
{
    struct origin_tls tls = server();
    struct client_options system = {.ca_file = NULL};
    auto_free char *folder = xstrdup(asker_pems()->ca);
    auto_str both = STR_INIT(PATH_MAX);

    (void)state;
    *strrchr(folder, '/') = '\0';
    str_append_format(&both, "/nowhere::%s", folder);
    setenv("SSL_CERT_DIR", str_text(&both), 1);
    setenv("SSL_CERT_FILE", "/nowhere/ca.pem", 1);
    ask("127.0.0.1", &tls, system, ERROR_NONE, NULL);
    setenv("SSL_CERT_DIR", "/nowhere", 1);
    ask("127.0.0.1", &tls, system, ERROR_INVALID, "/nowhere/ca.pem");
    setenv("SSL_CERT_FILE", asker_pems()->ca, 1);
    ask("127.0.0.1", &tls, system, ERROR_NONE, NULL);
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/sys/kernel", 1);
    ask("127.0.0.1", &tls, system, ERROR_INVALID, "/dev/null");
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

static void what_the_environment_names_does_not_hide_the_systems(void **state)
{
    struct trust trust;

    (void)state;
    setenv("SSL_CERT_FILE", "/my/ca.pem", 1);
    trust_init(&trust, NULL);
    assert_string_equal(trust.file, "/my/ca.pem");
    assert_string_not_equal(trust.more, "");
    trust_fini(&trust);
    setenv("SSL_CERT_DIR", "/my/cas:/your/cas", 1);
    trust_init(&trust, NULL);
    assert_string_equal(trust.more, "/my/cas:/your/cas");
    trust_fini(&trust);
    trust_init(&trust, "/the/only/one.pem");
    assert_string_equal(trust.file, "/the/only/one.pem");
    assert_string_equal(trust.more, "");
    trust_fini(&trust);
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

static void a_server_of_another_name_is_refused(void **state)
{
    struct origin_tls mine = server();
    struct origin_tls other = {asker_pems()->other, asker_pems()->other, NULL};
    struct client_options options = {.ca_file = asker_pems()->ca};

    (void)state;
    ask("b.test", &mine, options, ERROR_IO, "b.test");
    ask("127.0.0.1", &other, options, ERROR_IO, "127.0.0.1");
}

static void any_server_is_taken_without_verification(void **state)
{
    struct origin_tls other = {asker_pems()->other, asker_pems()->other, NULL};
    struct client_options options = {.is_verify_skipped = true};

    (void)state;
    ask("b.test", &other, options, ERROR_NONE, NULL);
}

static void a_client_certificate_is_shown(void **state)
{
    struct origin_tls tls = {asker_pems()->server, asker_pems()->server, asker_pems()->ca};
    struct client_options without = {.ca_file = asker_pems()->ca};
    struct client_options with = {.ca_file = asker_pems()->ca,
                                  .certificate = asker_pems()->client,
                                  .key = asker_pems()->client};

    (void)state;
    ask("127.0.0.1", &tls, without, ERROR_IO, "127.0.0.1");
    ask("127.0.0.1", &tls, with, ERROR_NONE, NULL);
}

/* What is wrong with a file is told at once, by its name. */
static void files_are_looked_at_first(void **state)
{
    const struct {
        struct client_options options;
        const char *name;
    } wrong[] = {
        {{.ca_file = "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
        {{.ca_file = "/dev/null"}, "/dev/null"},
        {{.certificate = "/nowhere/c.pem", .key = asker_pems()->client}, "/nowhere/c.pem"},
        {{.certificate = asker_pems()->client, .key = "/nowhere/k.pem"}, "/nowhere/k.pem"},
        {{.certificate = asker_pems()->client, .key = asker_pems()->server}, asker_pems()->server},
        {{.certificate = asker_pems()->client}, "key"},
        {{.key = asker_pems()->client}, "certificate"},
    };
    struct error err = ERROR_INIT;
    struct client *client = NULL;

    (void)state;
    assert_int_equal(loop_open(1, &err), 0);
    for (size_t i = 0; i < array_count(wrong); i++) {
        assert_int_equal(client_new(&wrong[i].options, &client, &err), -1);
        assert_string_equal(error_code_name(err.code), "INVALID");
        assert_non_null(strstr(err.message, wrong[i].name));
    }
    loop_close();
}

static void reuse_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        struct client_call call = {
            .method = "PUT", .url = asker_url("https", "127.0.0.1", "/"), .body = SPAN("body")};
        auto_result result = asker_do(&call);

        assert_whole(&result, 200, "fine");
    }
    assert_int_equal(origin_connections(asker_origin), 1);
}

static void a_tls_connection_is_used_again(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    asker_run(
        &(struct asker){.handler = fine, .tls = &tls, .options = {.ca_file = asker_pems()->ca}},
        reuse_body, NULL);
}

/* ---- cut ---- */

static const char sized[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/* "/<n>": n bytes of an answer, and no goodbye. */
static void cut(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)arg;
    origin_write(c, sized, strtoul(request->target + 1, NULL, 10));
    origin_close(c);
}

static void cut_body(void *arg)
{
    (void)arg;
    for (size_t len = 0; len < sizeof(sized); len++) {
        struct client_call call = {.method = "GET"};
        char path[32];

        snprintf(path, sizeof(path), "/%zu", len);
        call.url = asker_url("https", "127.0.0.1", path);
        auto_result result = asker_do(&call);

        if (len == sizeof(sized) - 1)
            assert_whole(&result, 200, "hello");
        else
            assert_error(&result, ERROR_IO);
    }
}

static void an_answer_cut_at_any_byte_is_an_error(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    asker_run(
        &(struct asker){.handler = cut, .tls = &tls, .options = {.ca_file = asker_pems()->ca}},
        cut_body, NULL);
}

/* ---- what another attempt mends ---- */

static const struct client_retry often = {.attempts = 4, .first_ms = 1, .max_ms = 2};

static struct asker_result ask_often(const char *at)
{
    return asker_do(
        &(struct client_call){.method = "GET", .url = asker_url("https", at, "/"), .retry = often});
}

/* Which host was asked, and what is wrong with it. */
static void once_body(void *arg)
{
    auto_result result = ask_often(host);

    (void)arg;
    assert_error(&result, ERROR_IO);
    assert_non_null(strstr(result.err.message, host));
    if (strstr(result.err.message, reason) == NULL)
        fail_msg("no \"%s\" in \"%s\"", reason, result.err.message);
    assert_int_equal(origin_connections(asker_origin), 1);
}

static void ask_in_vain(const char *at, const struct origin_tls *tls, struct client_options options,
                        const char *in_message)
{
    host = at;
    reason = in_message;
    asker_run(&(struct asker){.handler = fine, .tls = tls, .options = options}, once_body, NULL);
}

static void a_certificate_that_is_refused_is_refused_once(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    ask_in_vain("127.0.0.1", &tls, (struct client_options){.ca_file = asker_pems()->foreign_ca},
                "SSL certificate problem");
    ask_in_vain("b.test", &tls, (struct client_options){.ca_file = asker_pems()->ca}, "subject");
}

/* Knows no TLS, and says so at the first bytes of it. */
static void speak_plainly(struct origin_connection *c, const struct origin_request *request,
                          void *arg)
{
    char hello[16];

    (void)arg;
    if (strcmp(request->method, "CONNECT") == 0) {
        origin_say(c, "HTTP/1.1 200 Connected\r\n\r\n");
        origin_read(c, hello, sizeof(hello));
        origin_say(c, "HTTP/1.1 400 What\r\n\r\n");
        origin_stall(c);
    }
}

/* In the place of a server, behind CONNECT: it cuts three handshakes. */
static void cut_handshakes(struct origin_connection *c, const struct origin_request *request,
                           void *arg)
{
    char hello[16];

    (void)arg;
    origin_say(c, "HTTP/1.1 200 Connected\r\n\r\n");
    if (request->serial >= 3) {
        origin_tunnel(c, origin_port(asker_origin));
        return;
    }
    origin_read(c, hello, sizeof(hello));
    if (request->serial == 1)
        origin_reset(c);
    else
        origin_close(c);
}

static void refuse_tunnels(struct origin_connection *c, const struct origin_request *request,
                           void *arg)
{
    (void)arg;
    if (request->serial >= 2)
        origin_reply(c, 403, "", "no");
    else
        origin_reply(c, 503, "", "not now");
}

static struct origin *between; /* what takes the client's connections */

/* @body, with @handler as the proxy of all. */
static void ask_through(origin_cb *handler, asker_cb *body)
{
    struct origin_tls tls = server();
    char url[64];

    between = origin_start(handler, NULL, NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", origin_port(between));
    setenv("https_proxy", url, 1);
    asker_run(
        &(struct asker){.handler = fine, .tls = &tls, .options = {.ca_file = asker_pems()->ca}},
        body, NULL);
    unsetenv("https_proxy");
    origin_stop(between);
}

static void plain_server_body(void *arg)
{
    auto_result result = ask_often("a.test");

    (void)arg;
    assert_error(&result, ERROR_IO);
    assert_int_equal(origin_requests(between), 1);
}

static void a_server_without_tls_is_asked_once(void **state)
{
    (void)state;
    ask_through(speak_plainly, plain_server_body);
}

static void cut_handshake_body(void *arg)
{
    auto_result result = ask_often("a.test");

    (void)arg;
    assert_whole(&result, 200, "fine");
    assert_int_equal(origin_requests(between), 4);
}

static void a_handshake_that_is_cut_is_tried_again(void **state)
{
    (void)state;
    ask_through(cut_handshakes, cut_handshake_body);
}

static void refusing_proxy_body(void *arg)
{
    auto_result result = ask_often("a.test");

    (void)arg;
    assert_error(&result, ERROR_IO);
    assert_non_null(strstr(result.err.message, "403"));
    assert_int_equal(origin_requests(between), 3);
}

static void a_proxy_that_refuses_is_asked_once_and_a_busy_one_again(void **state)
{
    (void)state;
    ask_through(refuse_tunnels, refusing_proxy_body);
}

/* ---- streams ---- */

#define STREAM_SIZE (8 * 1024 * 1024)

/* Sends back as much as has come. */
static void echo_size(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    static const char zeros[65536];
    int64_t left = request->length;

    (void)arg;
    origin_drain(c, request);
    origin_say(c, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", (long long)left);
    for (; left > 0; left -= 65536)
        origin_write(c, zeros, left < 65536 ? (size_t)left : 65536);
}

static void send_zeros(struct client_transfer *t)
{
    static const char zeros[50000];
    struct evbuffer *piece = evbuffer_new();
    struct error err = ERROR_INIT;

    for (size_t left = STREAM_SIZE; left > 0;) {
        size_t len = left < sizeof(zeros) ? left : sizeof(zeros);

        evbuffer_add(piece, zeros, len);
        assert_int_equal(client_send(t, piece, &err), 1);
        left -= len;
    }
    evbuffer_free(piece);
}

static void stream_main(void *arg)
{
    int *left = arg;
    struct client_call call = {.method = "PUT",
                               .url = asker_url("https", "127.0.0.1", "/"),
                               .has_stream = true,
                               .stream_size = STREAM_SIZE};
    struct evbuffer *in = evbuffer_new();
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;
    int rc;

    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    send_zeros(t);
    assert_int_equal(client_receive_head(t, &status, &err), 0);
    while ((rc = client_read(t, in, 30000, &err)) > 0)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(evbuffer_get_length(in), STREAM_SIZE);
    evbuffer_free(in);
    client_close(t);
    --*left;
}

static void stream_body(void *arg)
{
    struct error err = ERROR_INIT;
    int left = 8;

    (void)arg;
    for (int i = 0; i < 8; i++)
        task_spawn("one of many", stream_main, &left);
    while (left > 0)
        assert_int_equal(task_sleep(1, &err), 0);
}

static void bodies_are_streamed_over_tls(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    asker_run(&(struct asker){.handler = echo_size,
                              .tls = &tls,
                              .options = {.ca_file = asker_pems()->ca}},
              stream_body, NULL);
}

/* ---- proxies ---- */

static struct origin *proxy;

/* Forwards nothing in plain text, but tells what it was asked; opens tunnels to the origin, unless
 * the user is wrong. */
static void serve_proxy(struct origin_connection *c, const struct origin_request *request,
                        void *arg)
{
    bool is_known = strcmp(origin_header(request, "Proxy-Authorization"),
                           "Basic dXNlcjpodW50ZXIy") == 0; /* user:hunter2 */

    (void)arg;
    if (!is_known) {
        origin_reply(c, 407, "Proxy-Authenticate: Basic realm=\"x\"\r\n", "who are you");
    } else if (strcmp(request->method, "CONNECT") != 0) {
        origin_reply(c, 200, "", request->target);
    } else {
        origin_say(c, "HTTP/1.1 200 Connected\r\nX-Of-Proxy: yes\r\n\r\n");
        origin_tunnel(c, origin_port(asker_origin));
    }
}

static void with_proxy(const char *user, struct asker *asker, asker_cb *body)
{
    char url[128];

    proxy = origin_start(serve_proxy, NULL, NULL);
    snprintf(url, sizeof(url), "http://%s@127.0.0.1:%d", user, origin_port(proxy));
    setenv("http_proxy", url, 1);
    setenv("HTTPS_PROXY", url, 1);
    asker_run(asker, body, NULL);
    unsetenv("http_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("NO_PROXY");
    origin_stop(proxy);
}

static void plain_proxy_body(void *arg)
{
    const char *url = asker_url("http", "a.test", "/path?query");
    auto_result result = asker_do(&(struct client_call){.method = "GET", .url = url});

    (void)arg;
    assert_whole(&result, 200, url);
    assert_int_equal(origin_connections(asker_origin), 0);
}

static void a_proxy_of_the_environment_is_asked(void **state)
{
    (void)state;
    with_proxy("user:hunter2", &(struct asker){.handler = fine}, plain_proxy_body);
}

static void tunnel_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", "a.test", "/")};
    struct client_transfer *t;
    struct error err = ERROR_INIT;
    int status = 0;

    (void)arg;
    assert_int_equal(client_open(asker_client, &call, &t, &err), 0);
    if (client_receive_head(t, &status, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(status, 200);
    assert_null(client_header(t, "X-Of-Proxy"));
    client_close(t);
    assert_int_equal(origin_requests(proxy), 1);
    assert_int_equal(origin_requests(asker_origin), 1);
}

static void tls_goes_through_a_tunnel(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    with_proxy(
        "user:hunter2",
        &(struct asker){.handler = fine, .tls = &tls, .options = {.ca_file = asker_pems()->ca}},
        tunnel_body);
}

static void refused_tunnel_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", "a.test", "/")};
    auto_result result = asker_do(&call);

    (void)arg;
    assert_error(&result, ERROR_IO);
    assert_null(strstr(result.err.message, "secret"));
    assert_int_equal(origin_connections(asker_origin), 0);
}

static void a_proxy_that_refuses_is_an_error_without_the_password(void **state)
{
    struct origin_tls tls = server();

    (void)state;
    with_proxy("user:secret", &(struct asker){.handler = fine, .tls = &tls}, refused_tunnel_body);
}

static void broken_proxy_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("http", "a.test", "/")};

    (void)arg;
    setenv("http_proxy", "nonsense://user:secret@127.0.0.1:1", 1);
    auto_result strange = asker_do(&call);
    setenv("http_proxy", "http://user:secret@nowhere.test:1", 1);
    auto_result nowhere = asker_do(&call);
    unsetenv("http_proxy");

    assert_error(&strange, ERROR_IO);
    assert_null(strstr(strange.err.message, "secret"));
    assert_error(&nowhere, ERROR_IO);
    assert_null(strstr(nowhere.err.message, "secret"));
}

static void a_proxy_that_is_not_there_is_an_error_without_the_password(void **state)
{
    (void)state;
    asker_run(&(struct asker){.handler = fine}, broken_proxy_body, NULL);
}

static void direct_body(void *arg)
{
    auto_result result = asker_get("/");

    (void)arg;
    assert_whole(&result, 200, "fine");
    assert_int_equal(origin_connections(proxy), 0);
}

static void the_proxy_is_passed_by_where_told_so(void **state)
{
    (void)state;
    with_proxy("user:hunter2",
               &(struct asker){.handler = fine, .options = {.is_proxy_ignored = true}},
               direct_body);
    setenv("NO_PROXY", "b.test,127.0.0.1", 1);
    with_proxy("user:hunter2", &(struct asker){.handler = fine}, direct_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_ones_own_authority_is_trusted),
        cmocka_unit_test(a_server_of_an_unknown_authority_is_refused),
        cmocka_unit_test(a_systems_authority_is_named_by_the_environment),
        cmocka_unit_test(authorities_are_in_directories_too),
        cmocka_unit_test(what_the_environment_names_does_not_hide_the_systems),
        cmocka_unit_test(a_server_of_another_name_is_refused),
        cmocka_unit_test(any_server_is_taken_without_verification),
        cmocka_unit_test(a_client_certificate_is_shown),
        cmocka_unit_test(files_are_looked_at_first),
        cmocka_unit_test(a_tls_connection_is_used_again),
        cmocka_unit_test(an_answer_cut_at_any_byte_is_an_error),
        cmocka_unit_test(a_certificate_that_is_refused_is_refused_once),
        cmocka_unit_test(a_server_without_tls_is_asked_once),
        cmocka_unit_test(a_handshake_that_is_cut_is_tried_again),
        cmocka_unit_test(a_proxy_that_refuses_is_asked_once_and_a_busy_one_again),
        cmocka_unit_test(bodies_are_streamed_over_tls),
        cmocka_unit_test(a_proxy_of_the_environment_is_asked),
        cmocka_unit_test(tls_goes_through_a_tunnel),
        cmocka_unit_test(a_proxy_that_refuses_is_an_error_without_the_password),
        cmocka_unit_test(a_proxy_that_is_not_there_is_an_error_without_the_password),
        cmocka_unit_test(the_proxy_is_passed_by_where_told_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
