/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of verified tokens: what it keeps, and how much of it.
 */
#include "auth/token/known.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct known_name name_of(size_t number)
{
    char text[32];

    snprintf(text, sizeof(text), "token %zu", number);
    return known_name_of(span_of(text));
}

static void add(struct known *known, size_t number, size_t cost)
{
    struct known_name name = name_of(number);
    struct claims *claims = xcalloc(1, sizeof(*claims));

    claims->cost = cost;
    claims->expires_at = 1000;
    known_add(known, &name, claims, 2000);
}

static bool has_at(struct known *known, size_t number, int64_t now_s)
{
    struct known_name name = name_of(number);

    return known_find(known, &name, now_s) != NULL;
}

static bool has(struct known *known, size_t number)
{
    return has_at(known, number, 500);
}

/* Of the tokens 0 to KNOWN_MAX. */
static size_t count(struct known *known)
{
    size_t found = 0;

    for (size_t i = 0; i <= KNOWN_MAX; i++)
        found += has(known, i);
    return found;
}

static void what_was_added_is_found_until_it_expires(void **state)
{
    struct known *known = known_new();

    (void)state;
    add(known, 1, 1);
    add(known, 2, 1);
    assert_true(has_at(known, 1, 1060));
    assert_false(has_at(known, 1, 1061));
    assert_false(has_at(known, 1, 0));
    assert_true(has(known, 2));
    assert_int_equal(count(known), 1);
    known_free(known);
}

static void what_is_added_again_takes_the_place_of_the_first(void **state)
{
    struct known *known = known_new();

    (void)state;
    add(known, 1, 1);
    add(known, 1, 1);
    assert_int_equal(count(known), 1);
    known_clear(known);
    assert_int_equal(count(known), 0);
    assert_false(has(known, 1));
    known_free(known);
}

static void the_least_used_goes_first(void **state)
{
    struct known *known = known_new();

    (void)state;
    for (size_t i = 0; i < KNOWN_MAX; i++)
        add(known, i, 1);
    assert_true(has(known, 0));
    add(known, KNOWN_MAX, 1);
    assert_int_equal(count(known), KNOWN_MAX);
    assert_true(has(known, 0));
    assert_false(has(known, 1));
    assert_true(has(known, 2));
    assert_true(has(known, KNOWN_MAX));
    known_free(known);
}

static void big_ones_are_fewer(void **state)
{
    struct known *known = known_new();

    (void)state;
    for (size_t i = 0; i < 100; i++)
        add(known, i, KNOWN_COST_MAX / 10);
    assert_int_equal(count(known), 10);
    assert_true(has(known, 99));
    known_free(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_until_it_expires),
        cmocka_unit_test(what_is_added_again_takes_the_place_of_the_first),
        cmocka_unit_test(the_least_used_goes_first),
        cmocka_unit_test(big_ones_are_fewer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
