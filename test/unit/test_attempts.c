/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of logins, and the failures that are counted under them.
 */
#include "auth/htpasswd/attempts.h"
#include "lib/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct login_key key(unsigned number)
{
    static const struct login_key_secret secret = {{{1, 2, 3}}};
    struct span part = span_make(&number, sizeof(number));

    return login_key_of(&secret, &part, 1);
}

/* ---- keys ---- */

static void keys_tell_parts_apart(void **state)
{
    const struct login_key_secret one = {{{1}}};
    const struct login_key_secret other = {{{2}}};
    struct span ab_c[] = {SPAN("ab"), SPAN("c")};
    struct span a_bc[] = {SPAN("a"), SPAN("bc")};
    struct span abc[] = {SPAN("abc")};
    struct login_key keys[] = {
        login_key_of(&one, ab_c, 2), login_key_of(&one, a_bc, 2),   login_key_of(&one, abc, 1),
        login_key_of(&one, ab_c, 1), login_key_of(&other, ab_c, 2),
    };
    struct login_key again = login_key_of(&one, ab_c, 2);

    (void)state;
    assert_true(login_key_equals(&keys[0], &again));
    for (size_t i = 0; i < array_count(keys); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(login_key_equals(&keys[i], &keys[k]));
    }
}

static void long_parts_are_hashed_whole(void **state)
{
    const struct login_key_secret secret = {{{1}}};
    char text[70000];
    struct span part = span_make(text, sizeof(text));
    struct login_key before;
    struct login_key after;

    (void)state;
    memset(text, 'x', sizeof(text));
    before = login_key_of(&secret, &part, 1);
    text[sizeof(text) - 1] = 'y';
    after = login_key_of(&secret, &part, 1);
    assert_false(login_key_equals(&before, &after));
}

/* ---- failures ---- */

static void failures_are_counted_and_forgotten_one_by_one(void **state)
{
    struct lru *failures = attempts_new(10);
    struct login_key k = key(1);
    struct login_key other = key(2);

    (void)state;
    assert_int_equal(attempts_count(failures, &k, 0), 0);
    for (int i = 1; i <= 5; i++) {
        attempts_note(failures, &k, 0);
        assert_int_equal(attempts_count(failures, &k, 0), i);
    }
    assert_int_equal(attempts_count(failures, &k, ATTEMPTS_PERIOD_MS), 4);
    assert_int_equal(attempts_count(failures, &k, 4 * ATTEMPTS_PERIOD_MS), 1);
    assert_int_equal(attempts_count(failures, &k, 5 * ATTEMPTS_PERIOD_MS), 0);
    attempts_note(failures, &k, 100 * ATTEMPTS_PERIOD_MS);
    assert_int_equal(attempts_count(failures, &k, 100 * ATTEMPTS_PERIOD_MS), 1);
    assert_int_equal(attempts_count(failures, &other, 0), 0);
    lru_free(failures);
}

static void the_first_failures_are_answered_at_once_then_later_and_later(void **state)
{
    int before = 0;

    (void)state;
    for (int count = 0; count <= ATTEMPTS_FREE; count++)
        assert_int_equal(attempts_delay_ms(count), 0);
    assert_int_equal(attempts_delay_ms(ATTEMPTS_FREE + 1), ATTEMPTS_FIRST_MS);
    assert_int_equal(attempts_delay_ms(ATTEMPTS_FREE + 2), 2 * ATTEMPTS_FIRST_MS);
    for (int count = ATTEMPTS_FREE; count < 2000; count++) {
        int delay = attempts_delay_ms(count);

        assert_true(delay >= before && delay <= ATTEMPTS_SLOWEST_MS);
        before = delay;
    }
    assert_int_equal(before, ATTEMPTS_SLOWEST_MS);
}

static void beyond_the_limit_one_guess_is_looked_at_in_each_period(void **state)
{
    struct lru *failures = attempts_new(10);
    struct login_key k = key(1);
    int64_t now = 1000;
    int looked_at = 0;

    (void)state;
    for (int i = 0; i < ATTEMPTS_LIMIT; i++) {
        assert_int_equal(attempts_wait_s(failures, &k, now), 0);
        attempts_note(failures, &k, now);
    }
    assert_int_equal(attempts_wait_s(failures, &k, now), ATTEMPTS_PERIOD_MS / 1000);
    for (int64_t end = now + 100 * ATTEMPTS_PERIOD_MS; now < end; now += 10) {
        if (attempts_wait_s(failures, &k, now) > 0)
            continue;
        attempts_note(failures, &k, now);
        looked_at++;
    }
    assert_in_range(looked_at, 99, 100);
    lru_free(failures);
}

static void who_waits_as_long_as_told_is_looked_at(void **state)
{
    struct lru *failures = attempts_new(10);
    struct login_key k = key(1);
    int wait_s;

    (void)state;
    for (int i = 0; i < ATTEMPTS_LIMIT + 7; i++)
        attempts_note(failures, &k, 0);
    wait_s = attempts_wait_s(failures, &k, 0);
    assert_true(wait_s > 0);
    assert_true(attempts_wait_s(failures, &k, (wait_s - 1) * 1000) > 0);
    assert_int_equal(attempts_wait_s(failures, &k, wait_s * 1000), 0);
    lru_free(failures);
}

static void however_many_came_all_is_forgotten_in_time(void **state)
{
    struct lru *failures = attempts_new(10);
    struct login_key k = key(1);

    (void)state;
    for (int i = 0; i < 100000; i++)
        attempts_note(failures, &k, 0);
    assert_int_equal(attempts_count(failures, &k, 0), ATTEMPTS_LIMIT);
    assert_int_equal(attempts_count(failures, &k, ATTEMPTS_LIMIT * ATTEMPTS_PERIOD_MS), 0);
    lru_free(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_tell_parts_apart),
        cmocka_unit_test(long_parts_are_hashed_whole),
        cmocka_unit_test(failures_are_counted_and_forgotten_one_by_one),
        cmocka_unit_test(the_first_failures_are_answered_at_once_then_later_and_later),
        cmocka_unit_test(beyond_the_limit_one_guess_is_looked_at_in_each_period),
        cmocka_unit_test(who_waits_as_long_as_told_is_looked_at),
        cmocka_unit_test(however_many_came_all_is_forgotten_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
