/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs beside the requests: who stops one gets it back only when it has ended.
 */
#include "lib/task/background.h"
#include "lib/task/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct {
    struct background job;
    bool is_begun;
    bool is_ended;
    bool is_stopped;
    struct task *stopper;
} here;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    here.job = (struct background){0};
    here.is_begun = here.is_ended = here.is_stopped = false;
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

/* Until it is canceled, and then a little longer. */
static void job_main(void *arg)
{
    struct error err = ERROR_INIT;

    (void)arg;
    here.is_begun = true;
    while (task_sleep(1, &err) == 0)
        continue;
    task_shield();
    (void)!task_sleep(10, &err);
    task_unshield();
    here.is_ended = true;
}

static void stop_main(void *arg)
{
    struct error err = ERROR_INIT;

    (void)!task_sleep(*(int *)arg, &err);
    background_stop(&here.job);
    here.is_stopped = true;
    assert_true(here.is_ended);
    assert_false(is_background_running(&here.job));
}

static void run(int after_ms)
{
    here.stopper = task_spawn("stop", stop_main, &after_ms);
    loop_run();
    assert_int_equal(task_count(), 0);
    assert_true(here.is_stopped);
}

static void who_stops_it_waits_for_its_end(void **state)
{
    (void)state;
    background_start(&here.job, "job", job_main, NULL);
    assert_true(is_background_running(&here.job));
    run(5);
    assert_true(here.is_begun);
}

static void it_can_be_stopped_before_it_began(void **state)
{
    (void)state;
    background_start(&here.job, "job", job_main, NULL);
    run(0);
}

static void cancel_main(void *arg)
{
    (void)arg;
    task_cancel(here.stopper);
}

static void who_is_canceled_while_stopping_it_waits_all_the_same(void **state)
{
    (void)state;
    background_start(&here.job, "job", job_main, NULL);
    task_spawn("cancel", cancel_main, NULL);
    run(5);
}

static void a_short_main(void *arg)
{
    (void)arg;
    here.is_ended = true;
}

static void one_that_has_ended_or_never_began_is_not_waited_for(void **state)
{
    (void)state;
    background_stop(&here.job); /* outside of tasks, too */
    background_start(&here.job, "job", a_short_main, NULL);
    run(5);
    background_start(&here.job, "job", a_short_main, NULL);
    run(5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_stops_it_waits_for_its_end),
        TEST(it_can_be_stopped_before_it_began),
        TEST(who_is_canceled_while_stopping_it_waits_all_the_same),
        TEST(one_that_has_ended_or_never_began_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
