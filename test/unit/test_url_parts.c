/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs cut into parts, and paths made fit for them.
 */
#include "drivers/middleware/url_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void assert_parts(const char *url, const char *wanted)
{
    auto_str got = STR_INIT(1024);
    struct url_parts parts;

    assert_true(url_parts_cut(span_of(url), &parts));
    str_append_format(&got, "%.*s|%.*s|%.*s|%.*s", SPAN_ARGS(parts.scheme), SPAN_ARGS(parts.host),
                      SPAN_ARGS(parts.path), SPAN_ARGS(parts.rest));
    assert_string_equal(str_text(&got), wanted);
}

static void a_url_has_scheme_host_path_and_rest(void **state)
{
    (void)state;
    assert_parts("https://a.example:8443/b/c?d=/e#f", "https|a.example:8443|/b/c|?d=/e#f");
    assert_parts("http://[::1]:5000/x", "http|[::1]:5000|/x|");
    assert_parts("http://a", "http|a||");
    assert_parts("http://a?x", "http|a||?x");
    assert_parts("http://a#/y", "http|a||#/y");
}

static void the_user_is_left_out(void **state)
{
    (void)state;
    assert_parts("https://user:secret@a.example/b", "https|a.example|/b|");
    assert_parts("https://@a.example/b", "https|a.example|/b|");
}

static void what_is_not_there_is_empty(void **state)
{
    (void)state;
    assert_parts("", "|||");
    assert_parts("/only/a/path", "||/only/a/path|");
    assert_parts("cdn.example.com/x", "||cdn.example.com/x|");
    assert_parts("cdn.example.com:80", "cdn.example.com||80|");
    assert_parts("https:///x", "https||/x|");
    assert_parts("//host/x", "|host|/x|");
    assert_parts("://host", "||://host|");
}

static void what_urls_do_not_hold_is_refused(void **state)
{
    static const char *const cases[] = {
        "http://a b/",  "http://a/\n",       "http://a/\x7f", "http://a/\"",
        "http://a/<x>", "http://a/\xc3\xa9", "http://a/\\",   "http://a@b@c/",
        "http://a/{x}", "http://a\r\nX: y/", "http://a/|",    "http://a/^`",
    };
    struct url_parts parts;

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_false(url_parts_cut(span_of(cases[i]), &parts));
}

static void what_is_no_host_is_refused(void **state)
{
    static const char *const cases[] = {
        "http://:80/",     "http://a:b/",     "http://a:80x/",   "http://a:1:2/", "http://[::1/",
        "http://::1/",     "http://]:80/",    "http://[::1]80/", "http://[]/",    "http://[a/b]/",
        "http://a[::1]/",  "http://user@:1/", "http://[::1]:x/", "http://a%/",    "http://a%2/",
        "http://a/%zz",    "http://a/%",      "http://a/%f",     "http://a/?%g0", "http://a/#%0g",
        "http://[::1]a:1", "http://a:-1/",    "http://[x]/",
    };
    struct url_parts parts;

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_false(url_parts_cut(span_of(cases[i]), &parts));
    assert_parts("1http://a/", "||1http://a/|");
    assert_parts("http://a:/x", "http|a:|/x|");
    assert_parts("http://[fe80::1%25eth0]:80/x%2f", "http|[fe80::1%25eth0]:80|/x%2f|");
    assert_parts("http://[::ffff:10.0.0.1]", "http|[::ffff:10.0.0.1]||");
}

static void a_path_keeps_slashes_and_plain_characters(void **state)
{
    auto_str out = STR_INIT(1024);

    (void)state;
    url_parts_encode(&out, SPAN("a/b-c._~Z9/d e?f#g%h+\xc3\xa9"));
    assert_string_equal(str_text(&out), "a/b-c._~Z9/d%20e%3Ff%23g%25h%2B%C3%A9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_has_scheme_host_path_and_rest),
        cmocka_unit_test(the_user_is_left_out),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(what_urls_do_not_hold_is_refused),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(a_path_keeps_slashes_and_plain_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
