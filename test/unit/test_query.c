/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of a query: which one is found, and as what.
 */
#include "lib/base/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *query;
    const char *value; /* of the parameter "n"; NULL: absent */
} cases[] = {
    {"", NULL},           {"n=1", "1"},
    {"n=", ""},           {"n", ""},
    {"m=2&n=1", "1"},     {"n=1&n=2", "1"},
    {"nn=1", NULL},       {"N=1", NULL},
    {"&&n=1&", "1"},      {"n=a%2Fb%3A+c", "a/b: c"},
    {"%6e=1", "1"},       {"n=a=b==", "a=b=="},
    {"n=%zz", NULL},      {"n=%zz&n=2", "2"},
    {"n=%4", NULL},       {"n=1;m=2", NULL},
    {"n=1;m=2&n=3", "3"}, {"m=%zz&n=1", "1"},
    {"n=%00x", ""}, /* compared as a C string here */
};

static void query_get_finds_the_first_that_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str value = STR_INIT(100);

        print_message("%s\n", cases[i].query);
        assert_int_equal(query_get(span_of(cases[i].query), "n", &value), cases[i].value != NULL);
        if (cases[i].value != NULL)
            assert_string_equal(str_text(&value), cases[i].value);
    }
}

static void query_get_finds_nothing_without_a_query(void **state)
{
    auto_str value = STR_INIT(100);

    (void)state;
    assert_false(query_get((struct span){NULL, 0}, "n", &value));
}

static void query_get_refuses_what_has_no_room(void **state)
{
    auto_str value = STR_INIT(3);

    (void)state;
    assert_false(query_get(SPAN("n=1234"), "n", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_get_finds_the_first_that_is_whole),
        cmocka_unit_test(query_get_finds_nothing_without_a_query),
        cmocka_unit_test(query_get_refuses_what_has_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
