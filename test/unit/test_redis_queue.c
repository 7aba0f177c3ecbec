/* SPDX-License-Identifier: Apache-2.0
 *
 * What Redis is to be told: the order, what is there once only, and who waits.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/cache/redis_queue.h"
#include "lib/task/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define PUT    REDIS_JOB_PUT
#define FORGET REDIS_JOB_FORGET

static struct redis_queue queue;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    redis_queue_init(&queue);
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    redis_queue_fini(&queue);
    loop_close();
    return 0;
}

static struct redis_job *add(enum redis_job_kind kind, const char *repository, int64_t number)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, span_make(&number, sizeof(number)), &digest);
    return redis_queue_add(&queue, kind, repository, &digest, number);
}

/* The kinds in their order, as letters. */
static void assert_order(const char *wanted)
{
    char order[16] = "";
    struct redis_job *job;
    size_t count = 0;

    TAILQ_FOREACH(job, &queue.jobs, entry)
    {
        assert_true(count < sizeof(order) - 1);
        order[count++] = job->kind == PUT ? 'p' : 'f';
    }
    assert_string_equal(order, wanted);
    assert_int_equal(queue.counts[PUT] + queue.counts[FORGET], count);
}

/* ---- order ---- */

static void a_deletion_that_waits_is_there_once_and_last(void **state)
{
    struct redis_job *job = add(FORGET, "a", 1);

    (void)state;
    add(PUT, "a", 1);
    assert_ptr_equal(add(FORGET, "a", 1), job);
    assert_order("pf");
    assert_ptr_not_equal(add(FORGET, "b", 1), job);
    assert_ptr_not_equal(add(FORGET, "a", 2), job);
    assert_order("pfff");
}

static void a_deletion_on_its_way_is_followed_by_another(void **state)
{
    struct redis_job *first = add(FORGET, "a", 1);
    struct redis_job *second;

    (void)state;
    first->is_sent = true;
    second = add(FORGET, "a", 1);
    assert_ptr_not_equal(second, first);
    redis_queue_remove(&queue, first);
    assert_ptr_equal(add(FORGET, "a", 1), second);
    redis_queue_remove(&queue, second);
    add(FORGET, "a", 1);
    assert_order("f");
}

static void what_was_told_in_vain_may_move_again(void **state)
{
    struct redis_job *job = add(FORGET, "a", 1);

    (void)state;
    job->is_sent = true;
    redis_queue_release(&queue);
    assert_ptr_equal(add(FORGET, "a", 1), job);
}

static void puts_that_are_not_sent_are_dropped(void **state)
{
    (void)state;
    add(PUT, "a", 1)->is_sent = true;
    add(FORGET, "a", 2);
    add(PUT, "a", 3);
    redis_queue_drop_puts(&queue);
    assert_order("pf");
    redis_queue_release(&queue);
    redis_queue_drop_puts(&queue);
    assert_order("f");
}

static void each_kind_has_its_limit(void **state)
{
    int64_t number = 0;

    (void)state;
    while (add(PUT, "a", number) != NULL)
        number++;
    assert_int_equal(queue.counts[PUT], number);
    for (number = 0; number < REDIS_QUEUE_FORGETS_MAX; number++)
        assert_non_null(add(FORGET, "a", number));
    assert_null(add(FORGET, "a", number));
    assert_non_null(add(FORGET, "a", 0)); /* one that waits already */
}

/* ---- waiting ---- */

static void short_waiter_main(void *arg)
{
    struct redis_job *job = add(FORGET, "a", 1);

    (void)arg;
    redis_queue_wait(job, 20);
    assert_null(job->waiter);
    redis_queue_remove(&queue, job);
}

static void a_waiter_whose_time_is_over_leaves_nothing(void **state)
{
    int64_t begun = clock_monotonic_ms();

    (void)state;
    task_spawn("waiter", short_waiter_main, NULL);
    loop_run();
    assert_true(clock_monotonic_ms() - begun >= 19);
    assert_order("");
}

static void waiter_main(void *arg)
{
    size_t *woken = arg;

    redis_queue_wait(add(FORGET, "a", 1), 60000);
    ++*woken;
}

/* Two wait for the same pair, each for a job of its own: one is told, one in vain. */
static void teller_main(void *arg)
{
    size_t *woken = arg;
    struct error err = ERROR_INIT;

    assert_int_equal(task_sleep(5, &err), 0);
    assert_order("ff");
    redis_queue_remove(&queue, TAILQ_FIRST(&queue.jobs));
    redis_queue_release(&queue);
    assert_int_equal(task_sleep(5, &err), 0);
    assert_int_equal(*woken, 2);
}

static void who_waits_is_woken_by_success_and_failure(void **state)
{
    size_t woken = 0;

    (void)state;
    task_spawn("waiter", waiter_main, &woken);
    task_spawn("waiter", waiter_main, &woken);
    task_spawn("teller", teller_main, &woken);
    loop_run();
    assert_int_equal(woken, 2);
    assert_order("f");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_deletion_that_waits_is_there_once_and_last),
        TEST(a_deletion_on_its_way_is_followed_by_another),
        TEST(what_was_told_in_vain_may_move_again),
        TEST(puts_that_are_not_sent_are_dropped),
        TEST(each_kind_has_its_limit),
        TEST(a_waiter_whose_time_is_over_leaves_nothing),
        TEST(who_waits_is_woken_by_success_and_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
