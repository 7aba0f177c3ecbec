/* SPDX-License-Identifier: Apache-2.0
 *
 * A gate: how many are within, in which order the others follow, and what a cancellation leaves.
 */
#include "lib/base/cleanup.h"
#include "lib/task/gate.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct gate gate;
static int within;
static int most;
static int order[16];
static int passed;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    gate_init(&gate, 2);
    within = most = passed = 0;
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

struct visitor {
    int number;
    int result;
    struct error err;
    struct task *task;
};

static void visit(void *arg)
{
    struct visitor *visitor = arg;
    struct error err = ERROR_INIT;

    visitor->result = gate_enter(&gate, &visitor->err);
    if (visitor->result < 0)
        return;
    order[passed++] = visitor->number;
    within++;
    most = within > most ? within : most;
    visitor->result = task_sleep(1, &err);
    within--;
    gate_leave(&gate);
}

static void spawn_all(struct visitor *visitors, int count)
{
    for (int i = 0; i < count; i++) {
        visitors[i] = (struct visitor){.number = i};
        visitors[i].task = task_spawn("visitor", visit, &visitors[i]);
    }
}

static void so_many_are_within_and_the_others_follow_in_order(void **state)
{
    struct visitor visitors[10];

    (void)state;
    spawn_all(visitors, 10);
    loop_run();
    assert_int_equal(most, 2);
    assert_int_equal(passed, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(order[i], i);
    assert_int_equal(gate.free, 2);
}

static void cancel_main(void *arg)
{
    struct visitor *visitors = arg;

    task_cancel(visitors[2].task); /* waits */
    task_cancel(visitors[0].task); /* is within */
}

static void who_is_canceled_leaves_the_queue(void **state)
{
    struct visitor visitors[5];

    (void)state;
    spawn_all(visitors, 5);
    task_spawn("cancel", cancel_main, visitors);
    loop_run();
    assert_int_equal(visitors[2].err.code, ERROR_CANCELED);
    assert_int_equal(passed, 4);
    assert_int_equal(gate.free, 2);
}

static void give_and_cancel_main(void *arg)
{
    struct visitor *visitors = arg;

    gate_leave(&gate); /* for the first */
    task_cancel(visitors[0].task);
}

static void who_is_canceled_with_a_place_gives_it_on(void **state)
{
    struct visitor visitors[2];
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 2; i++) /* there is room: nobody waits, so this need be no task */
        assert_int_equal(gate_enter(&gate, &err), 0);
    spawn_all(visitors, 2);
    task_spawn("cancel", give_and_cancel_main, visitors);
    loop_run();
    assert_int_equal(visitors[0].err.code, ERROR_CANCELED);
    assert_int_equal(passed, 1);
    assert_int_equal(order[0], 1);
    assert_int_equal(gate.free, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(so_many_are_within_and_the_others_follow_in_order),
        TEST(who_is_canceled_leaves_the_queue),
        TEST(who_is_canceled_with_a_place_gives_it_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
