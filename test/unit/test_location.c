/* SPDX-License-Identifier: Apache-2.0
 *
 * How the client sees us: http.host, http.relativeurls, Forwarded, X-Forwarded-*.
 */
#include "lib/api/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* What a request says; NULL: nothing. */
static const struct {
    const char *host;
    const char *forwarded;
    const char *proto;
    const char *hosts;
    const char *base;
} requests[] = {
    {"h:5000", NULL, NULL, NULL, "http://h:5000/"},
    {"", NULL, NULL, NULL, "http:///"},
    {"[::1]:5000", NULL, NULL, NULL, "http://[::1]:5000/"},
    {"h", NULL, "https", NULL, "https://h/"},
    {"h", NULL, "https,http", NULL, "https,http://h/"},
    {"h", NULL, "", NULL, "http://h/"},
    {"h", NULL, "ht\ttps", NULL, "http://h/"},
    {"h", NULL, "javascript:", NULL, "http://h/"},
    {"h", NULL, NULL, "a:8443, b", "http://a:8443/"},
    {"h", NULL, NULL, "", "http://h/"},
    {"h", NULL, NULL, "a/b?c#d@e\" <x>", "http://a%2Fb%3Fc%23d%40e%22%20%3Cx%3E/"},
    {"h", "for=1.2.3.4;proto=https;host=\"f:123\"", NULL, NULL, "https://f:123/"},
    {"h", "host=f", NULL, NULL, "http://f/"},
    {"h", "proto=https, host=second", NULL, NULL, "https://h/"},
    {"h", "Proto=HTTPS;Host=AbC", NULL, NULL, "HTTPS://AbC/"},
    {"h", "host=\"a\\b\"", NULL, NULL, "http://ab/"},
    {"h", "proto=https ; host=a", NULL, NULL, "https://a/"},
    {"h", "garbage;;", NULL, "zzz", "http://h/"},
    {"h", "", "https", "zzz", "http://h/"},
    {"h", "for=1.2.3.4", "https", NULL, "http://h/"},
    {"h", "host=a:80", NULL, NULL, "http://h/"},
    {"h", "host=a;host=b", NULL, NULL, "http://h/"},
    {"h", "host=\"a", NULL, NULL, "http://h/"},
    {"h", "host=\"a\\", NULL, NULL, "http://h/"},
    {"h", "host=", NULL, NULL, "http://h/"},
    {"h", "host=a b", NULL, NULL, "http://h/"},
    {"h", "=a", NULL, NULL, "http://h/"},
};

static struct location_request request_of(size_t i)
{
    return (struct location_request){
        .host = span_of(requests[i].host),
        .has_forwarded = requests[i].forwarded != NULL,
        .forwarded = span_of(requests[i].forwarded),
        .forwarded_proto = span_of(requests[i].proto),
        .forwarded_host = span_of(requests[i].hosts),
    };
}

static void location_base_follows_the_request(void **state)
{
    struct location_rules rules = {.prefix = SPAN("/")};

    (void)state;
    for (size_t i = 0; i < array_count(requests); i++) {
        struct location_request request = request_of(i);
        auto_str base = STR_INIT(1000);

        location_base(&base, &rules, &request);
        assert_string_equal(str_text(&base), requests[i].base);
    }
}

static void location_base_follows_the_connection_and_the_target(void **state)
{
    struct location_rules rules = {.prefix = SPAN("/p/")};
    struct location_request request = {.host = SPAN("h"), .is_tls = true};
    auto_str base = STR_INIT(1000);

    (void)state;
    location_base(&base, &rules, &request);
    assert_string_equal(str_text(&base), "https://h/p/");
    str_reset(&base);
    request.is_tls = false;
    request.target_scheme = SPAN("https");
    request.target_authority = SPAN("t:1");
    location_base(&base, &rules, &request);
    assert_string_equal(str_text(&base), "https://t:1/p/");
}

static const struct {
    const char *host;
    bool is_relative;
    const char *base;
} rules[] = {
    {"", false, "https://a/p/"},
    {"", true, "/p/"},
    {"https://h", false, "https://h/"},
    {"https://h", true, "https://h/"},
    {"https://h:8443/some/path?x=1", false, "https://h:8443/some/"},
    {"https://h:8443/some/path/", false, "https://h:8443/some/path/"},
    {"https://h/path", false, "https://h/"},
    {"https://h?x=/y/", false, "https://h/"},
    {"no-scheme", false, "https://a/p/"},
    {"https://", false, "https://a/p/"},
    {"https:///path", false, "https://a/p/"},
    {"://h", true, "/p/"},
};

static void location_base_follows_the_configuration(void **state)
{
    struct location_request request = {
        .host = SPAN("h"), .forwarded_proto = SPAN("https"), .forwarded_host = SPAN("a")};

    (void)state;
    for (size_t i = 0; i < array_count(rules); i++) {
        struct location_rules configured = {span_of(rules[i].host), SPAN("/p/"),
                                            rules[i].is_relative};
        auto_str base = STR_INIT(1000);

        location_base(&base, &configured, &request);
        assert_string_equal(str_text(&base), rules[i].base);
    }
}

static void forwarded_parse_is_bounded(void **state)
{
    struct forwarded forwarded;
    auto_str header = STR_INIT(10000);

    (void)state;
    str_append_text(&header, "host=");
    for (size_t i = 0; i <= FORWARDED_VALUE_MAX; i++)
        str_append_char(&header, 'x');
    assert_false(forwarded_parse(str_span(&header), &forwarded));
    forwarded_fini(&forwarded);
    assert_false(forwarded_parse(SPAN("a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1"), &forwarded));
    forwarded_fini(&forwarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(location_base_follows_the_request),
        cmocka_unit_test(location_base_follows_the_connection_and_the_target),
        cmocka_unit_test(location_base_follows_the_configuration),
        cmocka_unit_test(forwarded_parse_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
