/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of uploads between two requests: bounded, and the newest counts.
 */
#include "drivers/s3/hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void put(struct hints *hints, const char *name, const char *id)
{
    char copy[64];
    struct hint hint = {.id = copy, .modified_at = {.tv_sec = 7}, .is_bare = true};

    snprintf(copy, sizeof(copy), "%s", id);
    hints_put(hints, name, &hint);
    copy[0] = '?'; /* the table has its own */
}

static void hints_find_gives_what_was_put_last(void **state)
{
    struct hints *hints = hints_new();
    const struct hint *hint;

    (void)state;
    assert_null(hints_find(hints, "a/data"));
    put(hints, "a/data", "one");
    put(hints, "a/data", "two");
    put(hints, "b/data", "three");
    hint = hints_find(hints, "a/data");
    assert_string_equal(hint->id, "two");
    assert_int_equal(hint->modified_at.tv_sec, 7);
    assert_true(hint->is_bare);
    hints_forget(hints, "a/data");
    hints_forget(hints, "a/data");
    assert_null(hints_find(hints, "a/data"));
    assert_string_equal(hints_find(hints, "b/data")->id, "three");
    hints_free(hints);
}

static void hints_keep_a_bounded_number(void **state)
{
    struct hints *hints = hints_new();
    size_t kept = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "%d/data", i);
        put(hints, name, name);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "%d/data", i);
        kept += hints_find(hints, name) != NULL;
    }
    assert_int_equal(kept, 1024);
    assert_string_equal(hints_find(hints, "4999/data")->id, "4999/data");
    hints_free(hints);
}

static void hints_learn_of_the_service_once(void **state)
{
    struct hints *hints = hints_new();

    (void)state;
    assert_int_equal(hints_end(hints), HINTS_END_UNKNOWN);
    hints_learn(hints, HINTS_END_HIDDEN);
    assert_int_equal(hints_end(hints), HINTS_END_HIDDEN);
    hints_free(hints);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints_find_gives_what_was_put_last),
        cmocka_unit_test(hints_keep_a_bounded_number),
        cmocka_unit_test(hints_learn_of_the_service_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
