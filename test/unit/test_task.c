/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks, waits, cancellation and the helper pool, seen from the code that uses them.
 */
#include "lib/task/loop.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    return loop_open(2, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

struct probe {
    struct task_wait wait;
    struct task *task;
    struct error err;
    int result;
    int steps;
    bool shielded;
    int sleep_ms;
};

static void wait_main(void *arg)
{
    struct probe *probe = arg;

    if (probe->shielded)
        task_shield();
    probe->result = task_wait(&probe->wait, probe->sleep_ms, &probe->err);
    if (probe->shielded)
        task_unshield();
    probe->steps++;
}

static void wake_main(void *arg)
{
    struct probe *probe = arg;

    task_wake(&probe->wait);
    task_wake(&probe->wait);
}

static void cancel_main(void *arg)
{
    struct probe *probe = arg;

    task_cancel(probe->task);
}

static void cancel_then_wake_main(void *arg)
{
    struct probe *probe = arg;
    struct error err = ERROR_INIT;

    task_cancel(probe->task);
    assert_int_equal(task_sleep(1, &err), 0);
    assert_int_equal(probe->steps, 0); /* the shield holds */
    task_wake(&probe->wait);
}

static void wait_returns_when_woken(void **state)
{
    struct probe probe = {.sleep_ms = TASK_NO_TIMEOUT, .result = 7};

    (void)state;
    task_spawn("wait", wait_main, &probe);
    task_spawn("wake", wake_main, &probe);
    loop_run();
    assert_int_equal(probe.result, 0);
    assert_int_equal(probe.steps, 1);
    assert_int_equal(task_count(), 0);
}

static void wake_before_wait_is_remembered(void **state)
{
    struct probe probe = {.sleep_ms = TASK_NO_TIMEOUT, .result = 7};

    (void)state;
    task_wake(&probe.wait);
    task_spawn("wait", wait_main, &probe);
    loop_run();
    assert_int_equal(probe.result, 0);
    assert_false(probe.wait.is_awake);
}

static void wait_times_out(void **state)
{
    struct probe probe = {.sleep_ms = 1};

    (void)state;
    task_spawn("wait", wait_main, &probe);
    loop_run();
    assert_int_equal(probe.result, -1);
    assert_int_equal(probe.err.code, ERROR_TIMEOUT);
}

static void cancel_ends_a_wait(void **state)
{
    struct probe probe = {.sleep_ms = TASK_NO_TIMEOUT};

    (void)state;
    probe.task = task_spawn("wait", wait_main, &probe);
    task_spawn("cancel", cancel_main, &probe);
    loop_run();
    assert_int_equal(probe.result, -1);
    assert_int_equal(probe.err.code, ERROR_CANCELED);
}

static void shielded_wait_ignores_a_cancellation(void **state)
{
    struct probe probe = {.sleep_ms = TASK_NO_TIMEOUT, .shielded = true};

    (void)state;
    probe.task = task_spawn("wait", wait_main, &probe);
    task_spawn("cancel", cancel_then_wake_main, &probe);
    loop_run();
    assert_int_equal(probe.result, 0);
}

static void canceled_before_it_ran_a_task_still_runs(void **state)
{
    struct probe probe = {.sleep_ms = TASK_NO_TIMEOUT};

    (void)state;
    probe.task = task_spawn("wait", wait_main, &probe);
    task_cancel(probe.task);
    loop_run();
    assert_int_equal(probe.steps, 1);
    assert_int_equal(probe.err.code, ERROR_CANCELED);
}

struct order {
    char text[16];
};

struct numbered {
    struct order *order;
    char name;
};

static void order_main(void *arg)
{
    struct numbered *me = arg;
    struct error err = ERROR_INIT;

    for (int i = 0; i < 2; i++) {
        size_t len = strlen(me->order->text);

        me->order->text[len] = me->name;
        assert_int_equal(task_sleep(0, &err), 0);
    }
}

static void tasks_take_turns(void **state)
{
    struct order order = {""};
    struct numbered a = {&order, 'a'};
    struct numbered b = {&order, 'b'};

    (void)state;
    task_spawn("a", order_main, &a);
    task_spawn("b", order_main, &b);
    loop_run();
    assert_string_equal(order.text, "abab");
}

struct sum {
    int64_t from;
    int64_t to;
    int64_t total;
    bool fail;
};

static int add_up(void *arg, struct error *err)
{
    struct sum *sum = arg;

    if (sum->fail)
        return error_set(err, ERROR_IO, "asked to fail");
    for (int64_t i = sum->from; i < sum->to; i++)
        sum->total += i;
    return 0;
}

static void offload_main(void *arg)
{
    struct sum *sum = arg;
    struct error err = ERROR_INIT;

    assert_int_equal(offload(add_up, sum, &err), sum->fail ? -1 : 0);
    assert_int_equal(err.code, sum->fail ? ERROR_IO : ERROR_NONE);
}

static void offload_returns_results_and_errors(void **state)
{
    struct sum sums[100];

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        sums[i] = (struct sum){.to = 1000, .fail = i % 10 == 9};
        task_spawn("offload", offload_main, &sums[i]);
    }
    loop_run();
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(sums[i].total, i % 10 == 9 ? 0 : 499500);
}

static void offload_canceled_main(void *arg)
{
    struct probe *probe = arg;
    struct sum sum = {.to = 10};

    probe->result = offload(add_up, &sum, &probe->err);
    probe->steps = sum.total == 45;
}

static void offload_in_a_canceled_task_never_runs(void **state)
{
    struct probe probe = {.result = 0};

    (void)state;
    probe.task = task_spawn("offload", offload_canceled_main, &probe);
    task_cancel(probe.task);
    loop_run();
    assert_int_equal(probe.result, -1);
    assert_int_equal(probe.err.code, ERROR_CANCELED);
    assert_int_equal(probe.steps, 0);
}

/* Cancelled at any moment, a job has either run to its end and is reported, or never ran. */
static void offload_is_all_or_nothing_under_cancellation(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct probe probe = {.result = 7};

        probe.task = task_spawn("offload", offload_canceled_main, &probe);
        task_spawn("cancel", cancel_main, &probe);
        loop_run();
        if (probe.result == 0)
            assert_int_equal(probe.steps, 1);
        else
            assert_int_equal(probe.err.code, ERROR_CANCELED);
    }
}

/* Counts itself from inside: the only helper at work, with nothing behind it. */
static int look_at_stats(void *arg, struct error *err)
{
    (void)err;
    offload_stats(arg);
    return 0;
}

static void look_at_stats_main(void *arg)
{
    struct error err = ERROR_INIT;

    assert_int_equal(offload(look_at_stats, arg, &err), 0);
}

static void offload_tells_what_its_helpers_do(void **state)
{
    struct offload_stats stats = {0};

    (void)state;
    task_spawn("offload", look_at_stats_main, &stats);
    loop_run();
    assert_int_equal(stats.helpers, 2);
    assert_int_equal(stats.busy, 1);
    assert_int_equal(stats.queued, 0);
    offload_stats(&stats);
    assert_int_equal(stats.busy, 0);
}

static void context_belongs_to_its_task_main(void *arg)
{
    struct error err = ERROR_INIT;

    assert_null(task_context());
    task_set_context(arg);
    assert_int_equal(task_sleep(0, &err), 0);
    assert_ptr_equal(task_context(), arg);
}

static void context_belongs_to_its_task(void **state)
{
    int a;
    int b;

    (void)state;
    task_spawn("a", context_belongs_to_its_task_main, &a);
    task_spawn("b", context_belongs_to_its_task_main, &b);
    loop_run();
    assert_null(task_context());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wait_returns_when_woken, setup, teardown),
        cmocka_unit_test_setup_teardown(wake_before_wait_is_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(wait_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel_ends_a_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(shielded_wait_ignores_a_cancellation, setup, teardown),
        cmocka_unit_test_setup_teardown(canceled_before_it_ran_a_task_still_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(tasks_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(offload_returns_results_and_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(offload_in_a_canceled_task_never_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(offload_is_all_or_nothing_under_cancellation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(offload_tells_what_its_helpers_do, setup, teardown),
        cmocka_unit_test_setup_teardown(context_belongs_to_its_task, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
