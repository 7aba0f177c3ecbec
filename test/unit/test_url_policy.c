/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of layers kept elsewhere: their shape, the expressions, and what hostile ones cost.
 */
#include "lib/base/cleanup.h"
#include "lib/oci/url_policy.h"
#include "test/support/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const char *const good_urls[] = {
    "http://h",
    "https://example.com/x",
    "http://h/?a=b%20c",
    "http://h?q",
    "http://user:secret@h:8080/x",
    "http://192.0.2.1:1/",
    "http://[2001:db8::1]:443/",
    "http://[fe80::1%25eth0]/",
    "http://h:/",
    "http://xn--bcher-kva.example/\xc3\xbc",
    "http://b\xc3\xbc\x63her.example/",
};

static const char *const bad_urls[] = {
    "",
    "x",
    "/x",
    "//h/x",
    "http:",
    "http:h/x",
    "http:/x",
    "http://",
    "http:///x",
    "http://:80/x",
    "http://?q",
    "http://user@/x",
    "HTTP://h/x",
    "Https://h/x",
    "ftp://h/x",
    "file:///etc/passwd",
    "httpss://h/x",
    " http://h/x",
    "http://h/x#frag",
    "http://h/x#",
    "http://h#@good/",
    "http://h/a b",
    "http://h/a\tb",
    "http://h/a\nb",
    "http://h/\x7f",
    "http://h/%",
    "http://h/%4",
    "http://h/%zz",
    "http://h%41/",
    "http://h\\.e/",
    "http://h/a\\b",
    "http://h<x/",
    "http://h:x/",
    "http://h:123456/",
    "http://h:1:2/",
    "http://[]/",
    "http://[::1/",
    "http://[g::1]x/",
    "http://a@b@c/",
};

static void urls_of_http_are_told_from_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(good_urls); i++) {
        if (!is_http_url(span_of(good_urls[i])))
            fail_msg("refused: %s", good_urls[i]);
    }
    for (size_t i = 0; i < array_count(bad_urls); i++) {
        if (is_http_url(span_of(bad_urls[i])))
            fail_msg("taken: %s", bad_urls[i]);
    }
    assert_false(is_http_url(span_make("http://h/\0x", 11)));
}

static struct url_policy *make(const char *allow, const char *deny)
{
    struct url_policy *policy = NULL;
    struct error err = ERROR_INIT;

    if (url_policy_new((struct url_expressions){&allow, allow != NULL},
                       (struct url_expressions){&deny, deny != NULL}, &policy, &err) < 0)
        fail_msg("%s", err.message);
    return policy;
}

static bool allows(const char *allow, const char *deny, const char *url)
{
    struct url_policy *policy = make(allow, deny);
    bool is_allowed = url_policy_allows(policy, span_of(url));

    url_policy_free(policy);
    return is_allowed;
}

static void expressions_decide(void **state)
{
    static const struct {
        const char *allow;
        const char *deny;
        const char *url;
        bool is_allowed;
    } cases[] = {
        {NULL, NULL, "http://h/", true},
        {NULL, NULL, "ftp://h/", false},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://example.com/x", true},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://a.b.c.example.com/x", true},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://www.example.com/x", false},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://evil.org/x", false},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://evil.org/?https://example.com/", false},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "https://example.com/x#frag", false},
        {"^https?://([^/]+\\.)*example\\.com/", "^https?://www\\.example\\.com/",
         "ftp://example.com/x", false},
        {NULL, "evil", "http://good/", true},
        {NULL, "evil", "http://good/evil", false},
        {"good", NULL, "http://h/good", true}, /* anywhere in the URL */
        {"good", NULL, "http://h/", false},
        {"good", "good", "http://good/", false}, /* deny wins */
        {"^$", NULL, "http://h/", false},
        {"", NULL, "http://h/", true},
        {"(?i)EXAMPLE", NULL, "http://example/", true},
        {"\\.txt$", NULL, "http://h/a.txt", true},
        {"\\.txt$", NULL, "http://h/a.txt/b", false},
        {"^http://(?P<host>a|b)/", NULL, "http://b/", true},
        {"^http://h/\\d{3}[[:alpha:]]+\\z", NULL, "http://h/123abc", true},
        {"^http://h/.$", NULL, "http://h/\xc3\xbc", true}, /* characters, not bytes */
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        if (allows(cases[i].allow, cases[i].deny, cases[i].url) != cases[i].is_allowed)
            fail_msg("case %zu: %s", i, cases[i].url);
    }
}

static void one_of_several_expressions_is_enough(void **state)
{
    static const char *const expressions[] = {"^http://a/", "^http://b/"};
    struct url_expressions none = {0};
    struct url_expressions both = {expressions, 2};
    struct url_policy *policy = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(url_policy_new(both, none, &policy, &err), 0);
    assert_true(url_policy_allows(policy, SPAN("http://b/")));
    assert_false(url_policy_allows(policy, SPAN("http://c/")));
    url_policy_free(policy);
    assert_int_equal(url_policy_new(none, both, &policy, &err), 0);
    assert_false(url_policy_allows(policy, SPAN("http://b/")));
    assert_true(url_policy_allows(policy, SPAN("http://c/")));
    url_policy_free(policy);
}

static void without_a_policy_nothing_is_allowed(void **state)
{
    (void)state;
    assert_false(url_policy_allows(NULL, SPAN("http://h/")));
    url_policy_free(NULL);
}

static void what_is_no_expression_is_told(void **state)
{
    static const char *const broken[] = {
        "((", ")", "[a", "a{2,1}", "*", "(?P<n>a)(?P=n)", "(a)\\1", "\\C", "\xff", "(?<n", "\\",
    };
    struct url_expressions none = {0};
    struct url_policy *policy = NULL;

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        struct error err = ERROR_INIT;

        if (url_policy_check_expression(broken[i], &err) == 0)
            fail_msg("taken: %s", broken[i]);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_true(err.message[0] != '\0');
        err = ERROR_INIT;
        assert_int_equal(
            url_policy_new(none, (struct url_expressions){&broken[i], 1}, &policy, &err), -1);
        assert_non_null(strstr(err.message, broken[i]));
        assert_null(policy);
    }
}

/* What would take a backtracking matcher longer than the universe's age. */
static void hostile_urls_are_decided_soon(void **state)
{
    static const char *const expressions[] = {
        "^https?://([^/]+\\.)*example\\.com/",
        "^http://(a+)+$",
        "(a|a)*b$",
        "^http://(a|aa|aaa)+$",
        "(.*)(.*)(.*)(.*)x$",
        "(?=(a+)+b)c",
        "^(?>(a+)+)b",
        "((a*)*)*b$",
    };
    char url[URL_LEN_MAX + 1] = "http://";
    int64_t began = cost_ns();

    (void)state;
    for (size_t i = 7; i < URL_LEN_MAX; i++)
        url[i] = i % 2 == 0 && i < 1000 ? '.' : 'a';
    url[URL_LEN_MAX - 1] = '!';
    for (size_t i = 0; i < array_count(expressions); i++)
        assert_false(allows(expressions[i], NULL, url));
    assert_true(cost_ns() - began < COST_MAX_NS);
}

static void longer_urls_pass_no_expression(void **state)
{
    static char url[URL_LEN_MAX + 2] = "http://h/";

    (void)state;
    memset(url + 9, 'a', URL_LEN_MAX - 9);
    assert_true(allows("h", NULL, url));
    assert_true(allows(NULL, "z", url));
    url[URL_LEN_MAX] = 'a';
    assert_false(allows("h", NULL, url));
    assert_false(allows(NULL, "z", url));
    assert_true(allows(NULL, NULL, url));
}

/* Too many ways at once for the room there is: neither allowed, nor not denied. */
static void what_cannot_be_decided_is_refused(void **state)
{
    const char *wide = "(?:a{1,1000}){1,60}b7";
    char url[1024] = "http://";

    (void)state;
    memset(url + 7, 'a', sizeof(url) - 8);
    memcpy(url + sizeof(url) - 4, "b!7", 3);
    assert_false(allows(wide, NULL, url));
    assert_false(allows(NULL, wide, url));
    assert_false(allows("h", NULL, "http://h/\xff"));
    assert_false(allows(NULL, "x", "http://h/\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_of_http_are_told_from_others),
        cmocka_unit_test(expressions_decide),
        cmocka_unit_test(one_of_several_expressions_is_enough),
        cmocka_unit_test(without_a_policy_nothing_is_allowed),
        cmocka_unit_test(what_is_no_expression_is_told),
        cmocka_unit_test(hostile_urls_are_decided_soon),
        cmocka_unit_test(longer_urls_pass_no_expression),
        cmocka_unit_test(what_cannot_be_decided_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
