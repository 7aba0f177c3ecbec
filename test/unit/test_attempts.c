/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded memory, and the failures that are counted in it.
 */
#include "auth/htpasswd/attempts.h"
#include "auth/htpasswd/recent.h"
#include "lib/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct recent_key key(unsigned number)
{
    static const struct recent_secret secret = {{1, 2, 3}};
    struct span part = span_make(&number, sizeof(number));

    return recent_key_of(&secret, &part, 1);
}

static bool knows(struct recent *recent, unsigned number)
{
    struct recent_key k = key(number);

    return recent_find(recent, &k) != NULL;
}

static void put(struct recent *recent, unsigned number, int64_t value)
{
    struct recent_key k = key(number);

    recent_put(recent, &k, value);
}

/* ---- keys ---- */

static bool is_same(const struct recent_key *a, const struct recent_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void keys_tell_parts_apart(void **state)
{
    const struct recent_secret one = {{1}};
    const struct recent_secret other = {{2}};
    struct span ab_c[] = {SPAN("ab"), SPAN("c")};
    struct span a_bc[] = {SPAN("a"), SPAN("bc")};
    struct span abc[] = {SPAN("abc")};
    struct recent_key keys[] = {
        recent_key_of(&one, ab_c, 2), recent_key_of(&one, a_bc, 2),   recent_key_of(&one, abc, 1),
        recent_key_of(&one, ab_c, 1), recent_key_of(&other, ab_c, 2),
    };
    struct recent_key again = recent_key_of(&one, ab_c, 2);

    (void)state;
    assert_true(is_same(&keys[0], &again));
    for (size_t i = 0; i < array_count(keys); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(is_same(&keys[i], &keys[k]));
    }
}

static void long_parts_are_hashed_whole(void **state)
{
    const struct recent_secret secret = {{1}};
    char text[70000];
    struct span part = span_make(text, sizeof(text));
    struct recent_key before;
    struct recent_key after;

    (void)state;
    memset(text, 'x', sizeof(text));
    before = recent_key_of(&secret, &part, 1);
    text[sizeof(text) - 1] = 'y';
    after = recent_key_of(&secret, &part, 1);
    assert_false(is_same(&before, &after));
}

/* ---- the memory ---- */

static void what_is_put_is_found_until_forgotten(void **state)
{
    struct recent *recent = recent_new(10);
    struct recent_key k = key(1);

    (void)state;
    assert_null(recent_find(recent, &k));
    recent_put(recent, &k, 5);
    assert_int_equal(*recent_find(recent, &k), 5);
    recent_put(recent, &k, 6);
    assert_int_equal(*recent_find(recent, &k), 6);
    assert_int_equal(recent_count(recent), 1);
    recent_forget(recent, &k);
    recent_forget(recent, &k);
    assert_null(recent_find(recent, &k));
    assert_int_equal(recent_count(recent), 0);
    recent_free(recent);
}

static void a_full_memory_forgets_what_was_used_longest_ago(void **state)
{
    struct recent *recent = recent_new(3);

    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        put(recent, i, i);
    assert_true(knows(recent, 1)); /* which is a use */
    put(recent, 4, 4);
    assert_int_equal(recent_count(recent), 3);
    assert_true(knows(recent, 1));
    assert_false(knows(recent, 2));
    assert_true(knows(recent, 3));
    assert_true(knows(recent, 4));
    recent_free(recent);
}

static void it_never_grows_beyond_its_maximum(void **state)
{
    struct recent *recent = recent_new(100);

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        put(recent, i, i);
        assert_true(recent_count(recent) <= 100);
        assert_true(knows(recent, i));
    }
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(knows(recent, i), i >= 9900);
    recent_free(recent);
}

/* ---- failures ---- */

static void failures_are_counted_and_forgotten_one_by_one(void **state)
{
    struct recent *recent = recent_new(10);
    struct recent_key k = key(1);
    struct recent_key other = key(2);

    (void)state;
    assert_int_equal(attempts_count(recent, &k, 0), 0);
    for (int i = 1; i <= 5; i++) {
        attempts_note(recent, &k, 0);
        assert_int_equal(attempts_count(recent, &k, 0), i);
    }
    assert_int_equal(attempts_count(recent, &k, ATTEMPTS_PERIOD_MS), 4);
    assert_int_equal(attempts_count(recent, &k, 4 * ATTEMPTS_PERIOD_MS), 1);
    assert_int_equal(attempts_count(recent, &k, 5 * ATTEMPTS_PERIOD_MS), 0);
    attempts_note(recent, &k, 100 * ATTEMPTS_PERIOD_MS);
    assert_int_equal(attempts_count(recent, &k, 100 * ATTEMPTS_PERIOD_MS), 1);
    assert_int_equal(attempts_count(recent, &other, 0), 0);
    recent_free(recent);
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
    struct recent *recent = recent_new(10);
    struct recent_key k = key(1);
    int64_t now = 1000;
    int looked_at = 0;

    (void)state;
    for (int i = 0; i < ATTEMPTS_LIMIT; i++) {
        assert_int_equal(attempts_wait_s(recent, &k, now), 0);
        attempts_note(recent, &k, now);
    }
    assert_int_equal(attempts_wait_s(recent, &k, now), ATTEMPTS_PERIOD_MS / 1000);
    for (int64_t end = now + 100 * ATTEMPTS_PERIOD_MS; now < end; now += 10) {
        if (attempts_wait_s(recent, &k, now) > 0)
            continue;
        attempts_note(recent, &k, now);
        looked_at++;
    }
    assert_in_range(looked_at, 99, 100);
    recent_free(recent);
}

static void who_waits_as_long_as_told_is_looked_at(void **state)
{
    struct recent *recent = recent_new(10);
    struct recent_key k = key(1);
    int wait_s;

    (void)state;
    for (int i = 0; i < ATTEMPTS_LIMIT + 7; i++)
        attempts_note(recent, &k, 0);
    wait_s = attempts_wait_s(recent, &k, 0);
    assert_true(wait_s > 0);
    assert_true(attempts_wait_s(recent, &k, (wait_s - 1) * 1000) > 0);
    assert_int_equal(attempts_wait_s(recent, &k, wait_s * 1000), 0);
    recent_free(recent);
}

static void however_many_came_all_is_forgotten_in_time(void **state)
{
    struct recent *recent = recent_new(10);
    struct recent_key k = key(1);

    (void)state;
    for (int i = 0; i < 100000; i++)
        attempts_note(recent, &k, 0);
    assert_int_equal(attempts_count(recent, &k, 0), ATTEMPTS_LIMIT);
    assert_int_equal(attempts_count(recent, &k, ATTEMPTS_LIMIT * ATTEMPTS_PERIOD_MS), 0);
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_tell_parts_apart),
        cmocka_unit_test(long_parts_are_hashed_whole),
        cmocka_unit_test(what_is_put_is_found_until_forgotten),
        cmocka_unit_test(a_full_memory_forgets_what_was_used_longest_ago),
        cmocka_unit_test(it_never_grows_beyond_its_maximum),
        cmocka_unit_test(failures_are_counted_and_forgotten_one_by_one),
        cmocka_unit_test(the_first_failures_are_answered_at_once_then_later_and_later),
        cmocka_unit_test(beyond_the_limit_one_guess_is_looked_at_in_each_period),
        cmocka_unit_test(who_waits_as_long_as_told_is_looked_at),
        cmocka_unit_test(however_many_came_all_is_forgotten_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
