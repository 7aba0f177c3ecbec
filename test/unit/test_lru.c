/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded table: what it keeps, what goes first, and who is told.
 */
#include "lib/base/cleanup.h"
#include "lib/base/lru.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct lru *numbers_new(size_t count_max)
{
    return lru_new(&(struct lru_options){.value_size = sizeof(int64_t), .count_max = count_max});
}

static struct span key(const unsigned *number)
{
    return span_make(number, sizeof(*number));
}

static bool knows(struct lru *lru, unsigned number)
{
    return lru_find(lru, key(&number)) != NULL;
}

/* How many of the keys below @end it holds; a use of each. */
static size_t count(struct lru *lru, unsigned end)
{
    size_t found = 0;

    for (unsigned i = 0; i < end; i++)
        found += knows(lru, i);
    return found;
}

static void put(struct lru *lru, unsigned number, int64_t value)
{
    lru_put(lru, key(&number), &value);
}

static int64_t value_of(struct lru *lru, unsigned number)
{
    const int64_t *value = lru_find(lru, key(&number));

    assert_non_null(value);
    return *value;
}

/* ---- what is kept ---- */

static void what_is_put_is_found_until_it_is_removed(void **state)
{
    struct lru *lru = numbers_new(10);
    unsigned one = 1;

    (void)state;
    assert_false(knows(lru, 1));
    put(lru, 1, 5);
    assert_int_equal(value_of(lru, 1), 5);
    put(lru, 1, 6);
    assert_int_equal(value_of(lru, 1), 6);
    assert_int_equal(count(lru, 10), 1);
    lru_remove(lru, key(&one));
    lru_remove(lru, key(&one));
    assert_false(knows(lru, 1));
    assert_int_equal(count(lru, 10), 0);
    lru_free(lru);
}

static void keys_are_bytes_of_any_length(void **state)
{
    struct lru *lru = numbers_new(1000);
    char text[300];
    int64_t value;

    (void)state;
    memset(text, 0, sizeof(text));
    for (value = 0; value < (int64_t)sizeof(text); value++)
        lru_put(lru, span_make(text, (size_t)value), &value);
    for (size_t len = 0; len < sizeof(text); len++)
        assert_int_equal(*(int64_t *)lru_find(lru, span_make(text, len)), len);
    lru_free(lru);
}

static void a_value_can_be_changed_in_its_place(void **state)
{
    struct lru *lru = numbers_new(2);
    unsigned one = 1;

    (void)state;
    put(lru, 1, 5);
    *(int64_t *)lru_find(lru, key(&one)) = 7;
    assert_int_equal(value_of(lru, 1), 7);
    lru_free(lru);
}

static void values_are_aligned_whatever_their_size_is(void **state)
{
    static const char bytes[64];

    (void)state;
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        struct lru *lru = lru_new(&(struct lru_options){.value_size = size, .count_max = 2});

        lru_put(lru, SPAN("odd"), bytes);
        assert_int_equal((uintptr_t)lru_find(lru, SPAN("odd")) % alignof(max_align_t), 0);
        lru_free(lru);
    }
}

static void keys_alone_make_a_set(void **state)
{
    struct lru *lru = lru_new(&(struct lru_options){.count_max = 2});

    (void)state;
    lru_put(lru, SPAN("here"), NULL);
    assert_non_null(lru_find(lru, SPAN("here")));
    assert_null(lru_find(lru, SPAN("not here")));
    lru_free(lru);
}

/* ---- what goes ---- */

static void a_full_table_drops_what_was_used_longest_ago(void **state)
{
    struct lru *lru = numbers_new(3);

    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        put(lru, i, i);
    assert_true(knows(lru, 1)); /* which is a use */
    put(lru, 2, 22);            /* and so is this */
    put(lru, 4, 4);
    assert_int_equal(count(lru, 10), 3);
    assert_true(knows(lru, 1));
    assert_int_equal(value_of(lru, 2), 22);
    assert_false(knows(lru, 3));
    assert_true(knows(lru, 4));
    lru_free(lru);
}

static void it_never_grows_beyond_its_maximum(void **state)
{
    struct lru *lru = numbers_new(100);

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        put(lru, i, i);
        assert_true(knows(lru, i));
    }
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(knows(lru, i), i >= 9900);
    lru_free(lru);
}

static void a_table_of_one_holds_the_last(void **state)
{
    struct lru *lru = numbers_new(1);

    (void)state;
    put(lru, 1, 1);
    put(lru, 2, 2);
    assert_false(knows(lru, 1));
    assert_int_equal(value_of(lru, 2), 2);
    lru_free(lru);
}

static void the_oldest_can_be_made_to_go(void **state)
{
    struct lru *lru = numbers_new(10);

    (void)state;
    lru_remove_oldest(lru);
    put(lru, 1, 1);
    put(lru, 2, 2);
    lru_remove_oldest(lru);
    assert_false(knows(lru, 1));
    assert_true(knows(lru, 2));
    lru_free(lru);
}

static void note_drop(void *value, void *arg)
{
    char *dropped = arg;
    size_t len = strlen(dropped);

    snprintf(dropped + len, 64 - len, "%lld ", (long long)*(int64_t *)value);
}

static void every_value_that_goes_is_told_of_once(void **state)
{
    char dropped[64] = "";
    struct lru *lru = lru_new(&(struct lru_options){
        .value_size = sizeof(int64_t), .count_max = 2, .on_drop = note_drop, .arg = dropped});
    unsigned three = 3;

    (void)state;
    put(lru, 1, 10);
    put(lru, 1, 11); /* replaces */
    assert_string_equal(dropped, "10 ");
    put(lru, 2, 20);
    put(lru, 3, 30); /* pushes out */
    assert_string_equal(dropped, "10 11 ");
    lru_remove(lru, key(&three));
    assert_string_equal(dropped, "10 11 30 ");
    lru_clear(lru);
    assert_string_equal(dropped, "10 11 30 20 ");
    put(lru, 4, 40);
    lru_free(lru);
    assert_string_equal(dropped, "10 11 30 20 40 ");
}

/* ---- against a plain list ---- */

#define MODEL_MAX  20
#define MODEL_KEYS 40

static struct {
    unsigned keys[MODEL_MAX + 1]; /* the one used last is the first */
    int64_t values[MODEL_MAX + 1];
    size_t count;
} model;

static size_t model_find(unsigned number)
{
    size_t at = 0;

    while (at < model.count && model.keys[at] != number)
        at++;
    return at;
}

static void model_remove(size_t at)
{
    if (at == model.count)
        return;
    model.count--;
    memmove(&model.keys[at], &model.keys[at + 1], (model.count - at) * sizeof(model.keys[0]));
    memmove(&model.values[at], &model.values[at + 1], (model.count - at) * sizeof(model.values[0]));
}

static void model_put(unsigned number, int64_t value)
{
    model_remove(model_find(number));
    memmove(&model.keys[1], &model.keys[0], model.count * sizeof(model.keys[0]));
    memmove(&model.values[1], &model.values[0], model.count * sizeof(model.values[0]));
    model.keys[0] = number;
    model.values[0] = value;
    if (++model.count > MODEL_MAX)
        model.count = MODEL_MAX;
}

static void look_in_both(struct lru *lru, unsigned number)
{
    size_t at = model_find(number);

    assert_int_equal(knows(lru, number), at < model.count);
    if (at == model.count)
        return;
    assert_int_equal(value_of(lru, number), model.values[at]);
    model_put(number, model.values[at]);
}

static void it_does_what_a_plain_list_does(void **state)
{
    struct lru *lru = numbers_new(MODEL_MAX);
    uint32_t random = 1;

    (void)state;
    for (int64_t step = 0; step < 200000; step++) {
        unsigned number;

        random = random * 1664525 + 1013904223;
        number = (random >> 16) % MODEL_KEYS;
        switch (random >> 29) {
        case 0:
        case 1:
        case 2:
            put(lru, number, step);
            model_put(number, step);
            break;
        case 3:
            lru_remove(lru, key(&number));
            model_remove(model_find(number));
            break;
        default:
            look_in_both(lru, number);
        }
    }
    for (unsigned number = 0; number < MODEL_KEYS; number++)
        look_in_both(lru, number);
    lru_free(lru);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_is_removed),
        cmocka_unit_test(keys_are_bytes_of_any_length),
        cmocka_unit_test(a_value_can_be_changed_in_its_place),
        cmocka_unit_test(values_are_aligned_whatever_their_size_is),
        cmocka_unit_test(keys_alone_make_a_set),
        cmocka_unit_test(a_full_table_drops_what_was_used_longest_ago),
        cmocka_unit_test(it_never_grows_beyond_its_maximum),
        cmocka_unit_test(a_table_of_one_holds_the_last),
        cmocka_unit_test(the_oldest_can_be_made_to_go),
        cmocka_unit_test(every_value_that_goes_is_told_of_once),
        cmocka_unit_test(it_does_what_a_plain_list_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
