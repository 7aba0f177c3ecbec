/* SPDX-License-Identifier: Apache-2.0
 *
 * task - see task.h. Coroutines on ucontext, run by one event that is active while any is ready.
 */
#include "lib/task/task.h"

#include "lib/base/memory.h"
#include "lib/task/loop.h"
#include "lib/task/run.h"
#include "lib/task/sanitizer.h"
#include "lib/task/stack.h"

#include <assert.h>
#include <event2/event.h>
#include <sys/queue.h>
#include <ucontext.h>

#include "lib/base/banned.h"

struct task {
    const char *name;
    task_main_cb *main;
    void *arg;
    void *context;
    struct stack stack;
    ucontext_t machine;
    struct sanitizer_fiber fiber;
    struct event *timer; /* made at the first timeout */
    unsigned shields;
    bool is_ready; /* in the ready list */
    bool is_canceled;
    bool is_timed_out;
    bool is_ended;
    STAILQ_ENTRY(task) link;
};

STAILQ_HEAD(task_list, task);

static struct task_list ready = STAILQ_HEAD_INITIALIZER(ready);
static struct event *ready_event;
static struct task *running;
static size_t live_count;
static ucontext_t loop_machine;
static struct sanitizer_fiber loop_fiber;

struct task *task_self(void)
{
    return running;
}

size_t task_count(void)
{
    return live_count;
}

void task_set_context(void *context)
{
    assert(running != NULL);
    running->context = context;
}

void *task_context(void)
{
    return running != NULL ? running->context : NULL;
}

/* A task may be made ready by a wake, a timer and a cancellation at once: it is listed once. */
static void make_ready(struct task *task)
{
    if (task->is_ready)
        return;
    task->is_ready = true;
    STAILQ_INSERT_TAIL(&ready, task, link);
    event_active(ready_event, EV_TIMEOUT, 0);
}

static void suspend(bool is_last)
{
    struct task *self = running;

    sanitizer_leave(&self->fiber, &loop_fiber, is_last);
    swapcontext(&self->machine, &loop_machine);
    sanitizer_arrive(&loop_fiber, &self->fiber);
}

/* The first frame of every task. */
static void task_entry(void)
{
    struct task *self = running;

    sanitizer_arrive(&loop_fiber, &self->fiber);
    self->main(self->arg);
    self->is_ended = true;
    suspend(true);
}

static void task_free(struct task *task)
{
    if (task->timer != NULL)
        event_free(task->timer);
    sanitizer_fiber_fini(&task->fiber);
    stack_free(task->stack);
    free(task);
    live_count--;
}

static void resume(struct task *task)
{
    running = task;
    sanitizer_leave(&loop_fiber, &task->fiber, false);
    swapcontext(&loop_machine, &task->machine);
    sanitizer_arrive(&task->fiber, &loop_fiber);
    running = NULL;
    if (task->is_ended)
        task_free(task);
}

/* Runs those that are ready now; who becomes ready meanwhile waits for the loop's next turn. */
static void on_ready(int fd, short events, void *arg)
{
    struct task_list turn = STAILQ_HEAD_INITIALIZER(turn);

    (void)fd, (void)events, (void)arg;
    STAILQ_CONCAT(&turn, &ready);
    while (!STAILQ_EMPTY(&turn)) {
        struct task *task = STAILQ_FIRST(&turn);

        STAILQ_REMOVE_HEAD(&turn, link);
        task->is_ready = false;
        resume(task);
    }
}

void task_run_open(struct event_base *base)
{
    ready_event = event_new(base, -1, 0, on_ready, NULL);
    sanitizer_fiber_current(&loop_fiber);
}

void task_run_close(void)
{
    assert(live_count == 0);
    event_free(ready_event);
    ready_event = NULL;
    stack_pool_drain();
}

struct task *task_spawn(const char *name, task_main_cb *main, void *arg)
{
    struct task *task = xcalloc(1, sizeof(*task));

    task->name = name;
    task->main = main;
    task->arg = arg;
    task->stack = stack_new();
    sanitizer_fiber_init(&task->fiber, task->stack.base, task->stack.size);
    getcontext(&task->machine);
    task->machine.uc_stack.ss_sp = task->stack.base;
    task->machine.uc_stack.ss_size = task->stack.size;
    task->machine.uc_link = NULL;
    makecontext(&task->machine, task_entry, 0);
    live_count++;
    make_ready(task);
    return task;
}

/* A task that is ready or running sees it at its next wait. */
void task_cancel(struct task *task)
{
    task->is_canceled = true;
    if (task != running && task->shields == 0)
        make_ready(task);
}

bool is_task_canceled(void)
{
    return running->is_canceled && running->shields == 0;
}

void task_shield(void)
{
    running->shields++;
}

void task_unshield(void)
{
    assert(running->shields > 0);
    running->shields--;
}

static void on_timeout(int fd, short events, void *arg)
{
    struct task *task = arg;

    (void)fd, (void)events;
    task->is_timed_out = true;
    make_ready(task);
}

static void start_timer(struct task *task, int timeout_ms)
{
    struct timeval after = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    task->is_timed_out = false;
    if (timeout_ms == TASK_NO_TIMEOUT)
        return;
    if (task->timer == NULL)
        task->timer = evtimer_new(loop_base(), on_timeout, task);
    evtimer_add(task->timer, &after);
}

static void stop_timer(struct task *task)
{
    if (task->timer != NULL)
        evtimer_del(task->timer);
}

int task_wait(struct task_wait *wait, int timeout_ms, struct error *err)
{
    struct task *self = running;

    assert(self != NULL && wait->task == NULL);
    if (!wait->is_awake && !is_task_canceled()) {
        wait->task = self;
        start_timer(self, timeout_ms);
        do {
            suspend(false); /* also resumed by a stale readiness: look again */
        } while (!wait->is_awake && !self->is_timed_out && !is_task_canceled());
        stop_timer(self);
        wait->task = NULL;
    }
    if (is_task_canceled())
        return error_set(err, ERROR_CANCELED, "canceled while waiting");
    if (!wait->is_awake)
        return error_set(err, ERROR_TIMEOUT, "timed out after %d ms", timeout_ms);
    wait->is_awake = false;
    return 0;
}

void task_wake(struct task_wait *wait)
{
    wait->is_awake = true;
    if (wait->task != NULL)
        make_ready(wait->task);
}

int task_sleep(int ms, struct error *err)
{
    struct task_wait never = TASK_WAIT_INIT;
    struct error woken = ERROR_INIT;

    if (task_wait(&never, ms, &woken) < 0 && woken.code == ERROR_TIMEOUT)
        return 0;
    *err = woken;
    return -1;
}
