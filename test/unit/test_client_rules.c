/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's pure rules: heads of answers, URLs that are shown and followed, pauses, redirects.
 */
#include "lib/client/answer.h"
#include "lib/client/failure.h"
#include "lib/client/redirect.h"
#include "lib/client/retry.h"
#include "lib/client/target.h"
#include "lib/client/tempo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* ---- answer ---- */

static enum answer_verdict feed(struct answer *answer, const char *line)
{
    return answer_line(answer, span_of(line));
}

static void answer_keeps_the_last_head(void **state)
{
    struct answer answer;
    size_t cursor = 0;

    (void)state;
    answer_init(&answer);
    assert_int_equal(feed(&answer, "HTTP/1.1 103 Early Hints\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "X-Old: 1\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "HTTP/1.1 200\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "Content-Length:\t 12 \r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "x-new:2\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "\r\n"), ANSWER_COMPLETE);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, 12);
    assert_null(answer_header(&answer, "X-Old", &cursor));
    cursor = 0;
    assert_string_equal(answer_header(&answer, "X-New", &cursor), "2");
    answer_fini(&answer);
}

static void answer_drops_trailers_whatever_they_look_like(void **state)
{
    struct answer answer;
    size_t cursor = 0;

    (void)state;
    answer_init(&answer);
    assert_int_equal(feed(&answer, "HTTP/1.1 200 OK\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "ETag: 1\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "\r\n"), ANSWER_COMPLETE);
    assert_int_equal(feed(&answer, "HTTP/1.1 404: not really\r\n"), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, "ETag: 2\r\n"), ANSWER_GOES_ON);
    assert_true(answer.is_complete);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "ETag", &cursor), "1");
    assert_null(answer_header(&answer, "ETag", &cursor));
    answer_fini(&answer);
}

static void answer_counts_every_line(void **state)
{
    struct answer answer;
    char line[1024];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    line[1] = ':';
    answer_init(&answer);
    assert_int_equal(feed(&answer, "HTTP/1.1 200 OK\r\n"), ANSWER_GOES_ON);
    for (int i = 0; i < 64; i++)
        assert_int_equal(feed(&answer, line), ANSWER_GOES_ON);
    assert_int_equal(feed(&answer, line), ANSWER_TOO_LARGE);
    answer_fini(&answer);
}

static void answer_refuses_what_is_no_header(void **state)
{
    static const char *const lines[] = {"no colon\r\n",
                                        ": no name\r\n",
                                        " folded: x\r\n",
                                        "\tfolded\r\n",
                                        "bad name: x\r\n",
                                        "name : x\r\n",
                                        "name: bell\a\r\n",
                                        "name: a\rb\r\n",
                                        "content-length: \r\n",
                                        "content-length: 1,\r\n",
                                        "content-length: 0x1\r\n",
                                        "transfer-encoding: \r\n",
                                        "transfer-encoding: identity\r\n"};

    (void)state;
    for (size_t i = 0; i < array_count(lines); i++) {
        struct answer answer;

        answer_init(&answer);
        assert_int_equal(feed(&answer, "HTTP/1.1 200 OK\r\n"), ANSWER_GOES_ON);
        assert_int_equal(feed(&answer, lines[i]), ANSWER_BROKEN);
        answer_fini(&answer);
    }
}

static void answer_begins_with_a_status(void **state)
{
    struct answer answer;

    (void)state;
    answer_init(&answer);
    assert_int_equal(feed(&answer, "\r\n"), ANSWER_BROKEN);
    assert_int_equal(feed(&answer, "HTTP/1.1 20 OK\r\n"), ANSWER_BROKEN);
    assert_int_equal(feed(&answer, "HTTP/1.1\r\n"), ANSWER_BROKEN);
    assert_int_equal(feed(&answer, "HTTP/1.1 +20 OK\r\n"), ANSWER_BROKEN);
    answer_fini(&answer);
}

/* ---- target ---- */

static void target_shows_no_secrets(void **state)
{
    static const char *const cases[][2] = {
        {"http://host/path?query=secret#fragment", "http://host/path"},
        {"https://user:secret@host:8443/a/b", "https://host:8443/a/b"},
        {"https://host:443", "https://host/"},
        {"http://[::1]:5000/x", "http://[::1]:5000/x"},
        {"http://", "(no URL)"},
        {"", "(no URL)"},
        {"user:secret@host", "(no URL)"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        char shown[TARGET_SHOWN_SIZE];

        target_show(cases[i][0], shown);
        assert_string_equal(shown, cases[i][1]);
    }
}

static void target_shows_long_paths_cut(void **state)
{
    char shown[TARGET_SHOWN_SIZE];
    char url[1000];

    (void)state;
    memset(url, 'x', sizeof(url));
    memcpy(url, "http://host/", 12);
    url[sizeof(url) - 1] = '\0';
    target_show(url, shown);
    assert_int_equal(strlen(shown), TARGET_SHOWN_SIZE - 1);
    assert_string_equal(shown + strlen(shown) - 4, "x...");
}

static void target_is_the_same_by_scheme_host_and_port(void **state)
{
    (void)state;
    assert_true(is_target_same("http://host/a", "http://HOST:80/b?c"));
    assert_true(is_target_same("https://u:p@host/a", "https://host:443/"));
    assert_false(is_target_same("http://host/", "https://host/"));
    assert_false(is_target_same("http://host/", "http://host:81/"));
    assert_false(is_target_same("http://host/", "http://host.example/"));
    assert_false(is_target_same("http://host/", "nonsense://"));
}

static void target_resolves_as_a_browser_does(void **state)
{
    static const char *const cases[][2] = {
        {"/x", "http://host:1/x"},         {"x?y", "http://host:1/a/x?y"},
        {"//other/x#f", "http://other/x"}, {"https://other/%2e%2e/x", "https://other/%2e%2e/x"},
        {"?q", "http://host:1/a/b?q"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct error err = ERROR_INIT;
        char *url = NULL;

        assert_int_equal(target_resolve("http://host:1/a/b?c", cases[i][0], &url, &err), 0);
        assert_string_equal(url, cases[i][1]);
        free(url);
    }
}

static void target_resolves_to_http_only(void **state)
{
    static const char *const wrong[] = {"ftp://host/", "file:///etc/passwd", "http://",
                                        "mailto:a@b", "http://a b/"};

    (void)state;
    for (size_t i = 0; i < array_count(wrong); i++) {
        struct error err = ERROR_INIT;
        char *url = NULL;

        assert_int_equal(target_resolve("http://host/", wrong[i], &url, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_null(url);
    }
}

/* ---- retry ---- */

static int64_t parse(const char *text)
{
    return retry_parse_after(span_of(text), 784111777 - 60); /* Sun, 06 Nov 1994 08:49:37 GMT */
}

static void retry_reads_seconds_and_dates(void **state)
{
    (void)state;
    assert_int_equal(parse("0"), 0);
    assert_int_equal(parse(" 120 "), 120000);
    assert_int_equal(parse("9223372036854775807"), (int64_t)INT32_MAX * 1000);
    assert_int_equal(parse("Sun, 06 Nov 1994 08:49:37 GMT"), 60000);
    assert_int_equal(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 60000);
    assert_int_equal(parse("Sun Nov  6 08:49:37 1994"), 60000);
    assert_int_equal(parse("Sat, 05 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(parse(""), -1);
    assert_int_equal(parse("soon"), -1);
    assert_int_equal(parse("-5"), -1);
}

static void retry_pauses_double_up_to_the_longest(void **state)
{
    static const struct client_retry rule = {.first_ms = 100, .max_ms = 1000};
    static const int full[] = {100, 200, 400, 800, 1000, 1000};

    (void)state;
    for (int i = 0; i < (int)array_count(full); i++) {
        assert_int_equal(retry_pause(&rule, i + 1, -1, 0), full[i]);
        for (uint32_t random = 1; random < 3000000000u; random += 99999989) {
            int pause = retry_pause(&rule, i + 1, -1, random);

            assert_true(pause >= full[i] / 2 && pause <= full[i]);
        }
    }
    assert_int_equal(retry_pause(&rule, INT32_MAX, -1, 0), 1000);
}

static void retry_pauses_as_long_as_asked_but_not_longer_than_allowed(void **state)
{
    static const struct client_retry rule = {.first_ms = 100, .max_ms = 1000};

    (void)state;
    assert_int_equal(retry_pause(&rule, 1, 700, 0), 700);
    assert_int_equal(retry_pause(&rule, 1, 5, 0), 100);
    assert_int_equal(retry_pause(&rule, 1, 5000, 0), 1000);
    assert_int_equal(retry_pause(&rule, 1, (int64_t)INT32_MAX * 1000, 0), 1000);
    assert_int_equal(retry_pause(&(struct client_retry){0}, 1, 5000, 7), 0);
}

/* ---- failure ---- */

static void failure_passes_where_a_connection_was_lost(void **state)
{
    static const struct {
        CURLcode result;
        const char *reason;
        int proxy_status;
        bool is_passing;
    } cases[] = {
        {CURLE_COULDNT_CONNECT, "Connection refused", 0, true},
        {CURLE_COULDNT_RESOLVE_HOST, "", 0, true},
        {CURLE_PARTIAL_FILE, "transfer closed with 3 bytes remaining to read", 0, true},
        {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a:443 ",
         0, true},
        {CURLE_SSL_CONNECT_ERROR, "OpenSSL/3.0: error:0A000126:SSL routines::unexpected eof", 0,
         true},
        {CURLE_RECV_ERROR, "SSL_read: error:0A000119:SSL routines::decryption failed", 0, true},
        {CURLE_SSL_CONNECT_ERROR, "error:0A000438:SSL routines::tlsv1 alert internal error", 0,
         true},
        {CURLE_SSL_CONNECT_ERROR, "error:80000068:system library::Connection reset by peer", 0,
         true},
        {CURLE_SSL_CONNECT_ERROR, "error:", 0, true},
        {CURLE_SEND_ERROR, "SSL_write() error: error:0A00007F:SSL routines::bad write retry", 0,
         true},
        {CURLE_RECV_ERROR, "Received HTTP code 503 from proxy after CONNECT", 503, true},
        {CURLE_RECV_ERROR, "Connection was reset", 200, true},

        {CURLE_PEER_FAILED_VERIFICATION, "SSL certificate problem: self-signed", 0, false},
        {CURLE_SSL_CACERT_BADFILE, "", 0, false},
        {CURLE_SSL_CERTPROBLEM, "could not load PEM client certificate", 0, false},
        {CURLE_SSL_CLIENTCERT, "", 0, false},
        {CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number", 0, false},
        {CURLE_SSL_CONNECT_ERROR, "error:0A000410:SSL routines::sslv3 alert handshake failure", 0,
         false},
        {CURLE_RECV_ERROR, "SSL_read: error:0A000418:SSL routines::tlsv1 alert unknown ca", 0,
         false},
        {CURLE_RECV_ERROR, "Received HTTP code 407 from proxy after CONNECT", 407, false},
        {CURLE_UNSUPPORTED_PROTOCOL, "", 0, false},
        {CURLE_URL_MALFORMAT, "", 0, false},
        {CURLE_COULDNT_RESOLVE_PROXY, "", 0, true},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        if (is_failure_passing(cases[i].result, cases[i].reason, cases[i].proxy_status) !=
            cases[i].is_passing)
            fail_msg("%d: %s", cases[i].result, cases[i].reason);
    }
}

/* ---- tempo ---- */

static void tempo_counts_what_was_waited_since_the_last_mark(void **state)
{
    struct tempo tempo = {0};

    (void)state;
    assert_int_equal(tempo_waited(&tempo, 1000), 0);
    tempo_wait(&tempo, 1000);
    assert_int_equal(tempo_waited(&tempo, 1300), 300);
    tempo_note(&tempo, 1, 1300);
    assert_int_equal(tempo_waited(&tempo, 1400), 400);
    tempo_rest(&tempo, 1400);
    assert_int_equal(tempo_waited(&tempo, 9000), 400);
    tempo_wait(&tempo, 9000);
    assert_int_equal(tempo_waited(&tempo, 9100), 500);
    tempo_mark(&tempo, 9100);
    assert_int_equal(tempo_waited(&tempo, 9150), 50);
    tempo_rest(&tempo, 9200);
    tempo_mark(&tempo, 9300);
    assert_int_equal(tempo_waited(&tempo, 9900), 0);
}

static void tempo_is_kept_by_bytes_however_they_come(void **state)
{
    struct tempo tempo = {0};

    (void)state;
    tempo_wait(&tempo, 1);
    for (int64_t now = 2; now < 2 + TEMPO_BYTES - 1; now++)
        tempo_note(&tempo, 1, now);
    assert_int_equal(tempo_waited(&tempo, TEMPO_BYTES), TEMPO_BYTES - 1);
    tempo_note(&tempo, 1, TEMPO_BYTES);
    assert_int_equal(tempo_waited(&tempo, TEMPO_BYTES), 0);
    tempo_note(&tempo, 100 * TEMPO_BYTES, 5000);
    assert_int_equal(tempo_waited(&tempo, 5001), 1);
    tempo_note(&tempo, TEMPO_BYTES - 1, 6000);
    assert_int_equal(tempo_waited(&tempo, 6000), 1000);
}

/* ---- redirect ---- */

static void redirect_knows_secrets(void **state)
{
    (void)state;
    assert_true(is_redirect_secret(SPAN("Authorization: x")));
    assert_true(is_redirect_secret(SPAN("COOKIE:x")));
    assert_true(is_redirect_secret(SPAN("proxy-authorization: x")));
    assert_false(is_redirect_secret(SPAN("X-Authorization: x")));
    assert_false(is_redirect_secret(SPAN("Accept: authorization")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_keeps_the_last_head),
        cmocka_unit_test(answer_drops_trailers_whatever_they_look_like),
        cmocka_unit_test(answer_counts_every_line),
        cmocka_unit_test(answer_refuses_what_is_no_header),
        cmocka_unit_test(answer_begins_with_a_status),
        cmocka_unit_test(target_shows_no_secrets),
        cmocka_unit_test(target_shows_long_paths_cut),
        cmocka_unit_test(target_is_the_same_by_scheme_host_and_port),
        cmocka_unit_test(target_resolves_as_a_browser_does),
        cmocka_unit_test(target_resolves_to_http_only),
        cmocka_unit_test(retry_reads_seconds_and_dates),
        cmocka_unit_test(retry_pauses_double_up_to_the_longest),
        cmocka_unit_test(retry_pauses_as_long_as_asked_but_not_longer_than_allowed),
        cmocka_unit_test(failure_passes_where_a_connection_was_lost),
        cmocka_unit_test(tempo_counts_what_was_waited_since_the_last_mark),
        cmocka_unit_test(tempo_is_kept_by_bytes_however_they_come),
        cmocka_unit_test(redirect_knows_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
