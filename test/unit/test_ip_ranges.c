/* SPDX-License-Identifier: Apache-2.0
 *
 * Published IP ranges: which addresses are in them.
 */
#include "drivers/middleware/ip_ranges.h"
#include "lib/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define V4(prefix, region) "{\"ip_prefix\":\"" prefix "\",\"region\":\"" region "\"}"
#define V6(prefix, region) "{\"ipv6_prefix\":\"" prefix "\",\"region\":\"" region "\"}"

static int parse(const char *text, const char *regions, struct ip_ranges **out)
{
    auto_str copy = STR_INIT(64 << 10);
    struct error err = ERROR_INIT;
    int rc;

    str_append_text(&copy, text);
    rc = ip_ranges_parse(&copy, regions, out, &err);
    assert_int_equal(rc < 0, err.code == ERROR_INVALID);
    return rc;
}

static bool has(const char *text, const char *regions, const char *address)
{
    struct ip_ranges *ranges = NULL;
    bool is_in;

    assert_int_equal(parse(text, regions, &ranges), 0);
    is_in = ip_ranges_has(ranges, span_of(address));
    ip_ranges_free(ranges);
    return is_in;
}

static const char published[] = "{\"syncToken\":\"1\",\"prefixes\":[" //
    V4("3.5.140.0/22", "ap-northeast-2") "," V4("10.1.2.3/32", "us-east-1") "," V4(
        "52.0.0.0/11", "GLOBAL") "],"
                                 "\"ipv6_prefixes\":[" V6("2600:1f00::/24", "us-east-1") "," V6(
                                     "2001:db8:8000::/33", "eu-west-1") "]}";

static void an_address_is_in_its_prefix_only(void **state)
{
    (void)state;
    assert_true(has(published, "", "3.5.140.0"));
    assert_true(has(published, "", "3.5.143.255"));
    assert_false(has(published, "", "3.5.139.255"));
    assert_false(has(published, "", "3.5.144.0"));
    assert_true(has(published, "", "10.1.2.3"));
    assert_false(has(published, "", "10.1.2.2"));
    assert_false(has(published, "", "10.1.2.4"));
    assert_true(has(published, "", "52.31.255.255"));
    assert_false(has(published, "", "52.32.0.0"));
    assert_false(has(published, "", "0.0.0.0"));
    assert_false(has(published, "", "255.255.255.255"));
}

static void an_address_of_ipv6_too(void **state)
{
    (void)state;
    assert_true(has(published, "", "2600:1f00::1"));
    assert_true(has(published, "", "2600:1fff:ffff::1"));
    assert_false(has(published, "", "2600:2000::"));
    assert_true(has(published, "", "2001:db8:8000::"));
    assert_false(has(published, "", "2001:db8:7fff:ffff::"));
    assert_true(has(published, "", "::ffff:10.1.2.3"));
}

static void only_the_regions_asked_for_count(void **state)
{
    (void)state;
    assert_true(has(published, "us-east-1", "10.1.2.3"));
    assert_true(has(published, " ap-northeast-2 , US-East-1", "10.1.2.3"));
    assert_true(has(published, "us-east-1", "2600:1f00::1"));
    assert_false(has(published, "us-east-1", "3.5.140.1"));
    assert_false(has(published, "us-east", "10.1.2.3"));
    assert_false(has(published, ",", "10.1.2.3"));
}

static void what_is_no_address_is_in_nothing(void **state)
{
    static const char *const cases[] = {"",  "10.1.2", "10.1.2.3:80", "[2600:1f00::1]",
                                        "x", "@",      "unknown",     "10.1.2.3 "};

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_false(has(published, "", cases[i]));
}

static void prefixes_that_overlap_become_one_range(void **state)
{
    static const char text[] =
        "{\"prefixes\":[" V4("10.0.4.0/22", "a") "," V4("10.0.0.0/8", "a") "," V4(
            "10.0.4.0/24", "a") "," V4("9.255.255.255/32", "a") "," V4("10.0.0.0/8", "b") "]}";
    struct ip_ranges *ranges = NULL;

    (void)state;
    assert_int_equal(parse(text, "", &ranges), 0);
    assert_int_equal(ip_ranges_count(ranges), 2);
    ip_ranges_free(ranges);
    assert_true(has(text, "", "10.255.0.1"));
    assert_true(has(text, "", "9.255.255.255"));
    assert_false(has(text, "", "11.0.0.0"));
}

static void the_prefix_of_everything_holds_everything(void **state)
{
    (void)state;
    assert_true(has("{\"prefixes\":[" V4("0.0.0.0/0", "a") "]}", "", "255.1.2.3"));
    assert_false(has("{\"prefixes\":[" V4("0.0.0.0/0", "a") "]}", "", "::1"));
    assert_true(has("{\"prefixes\":[],\"ipv6_prefixes\":[" V6("::/0", "a") "]}", "", "::1"));
}

static void what_is_no_prefix_is_left_out(void **state)
{
    static const char text[] =
        "{\"prefixes\":[1,null,{},{\"ip_prefix\":5,\"region\":\"a\"}," V4("10.0.0.0", "a") "," V4(
            "10.0.0.0/33",
            "a") "," V4("10.0.0.0/-1",
                        "a") "," V4("10.0.0/8", "a") "," V4("x/8",
                                                            "a") "],"
                                                                 "\"ipv6_prefixes\":\"no list\"}";
    struct ip_ranges *ranges = NULL;

    (void)state;
    assert_int_equal(parse(text, "", &ranges), 0);
    assert_int_equal(ip_ranges_count(ranges), 0);
    assert_false(ip_ranges_has(ranges, SPAN("10.0.0.1")));
    ip_ranges_free(ranges);
}

static void what_is_no_list_of_ranges_is_an_error(void **state)
{
    static const char *const cases[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"prefixes\":{}}",
        "{\"prefixes\":[",
        "null",
        "[[[[[[[[[[]]]]]]]]]]",
    };
    struct ip_ranges *ranges = NULL;

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_int_equal(parse(cases[i], "", &ranges), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_in_its_prefix_only),
        cmocka_unit_test(an_address_of_ipv6_too),
        cmocka_unit_test(only_the_regions_asked_for_count),
        cmocka_unit_test(what_is_no_address_is_in_nothing),
        cmocka_unit_test(prefixes_that_overlap_become_one_range),
        cmocka_unit_test(the_prefix_of_everything_holds_everything),
        cmocka_unit_test(what_is_no_prefix_is_left_out),
        cmocka_unit_test(what_is_no_list_of_ranges_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
