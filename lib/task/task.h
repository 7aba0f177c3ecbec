/* SPDX-License-Identifier: Apache-2.0
 *
 * task - straight-line code on the loop: a stackful coroutine for each request or background job.
 *
 *     spawn ---> ready ---> running ---> ended (freed by the loop)
 *                  ^           |
 *                  |  wake     |  task_wait, task_sleep, offload, gate_enter
 *                  +-------- waiting
 *
 * The loop starts and resumes tasks; a task never runs another task's code. Whatever was read
 * before a wait may be stale after it. Cancelling makes the current wait and every later one
 * return -1 with ERROR_CANCELED, so the ordinary error path cleans up; nobody frees a task from
 * outside. A section that must complete once begun (a commit, a cleanup that itself waits) runs
 * between task_shield and task_unshield: waits there are not disturbed by a cancellation.
 * All functions: loop thread only.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct task;

typedef void task_main_cb(void *arg);

/* Starts @main(@arg) as a new task at the loop's next turn. @name is static text, for logs. The
 * returned task is lent until it ends. */
struct task *task_spawn(const char *name, task_main_cb *main, void *arg);

struct task *task_self(void); /* NULL outside of tasks */
void task_cancel(struct task *task);
bool is_task_canceled(void); /* the running task; false within a shield */
size_t task_count(void);     /* tasks that have not ended */

/* What the log shows for the running task: any pointer, NULL at the start of a task. */
void task_set_context(void *context);
void *task_context(void); /* NULL outside of tasks */

void task_shield(void);
void task_unshield(void);

/*
 * A place to wait at. Lives in the waiting task's frame or in what it waits for; the callback of a
 * library notes its result and calls task_wake. Waking before the wait is remembered, waking twice
 * is once.
 */
struct task_wait {
    struct task *task; /* who waits now, NULL if nobody */
    bool is_awake;
};

#define TASK_WAIT_INIT  ((struct task_wait){0})
#define TASK_NO_TIMEOUT (-1)

/*
 * task_wait - suspend until somebody wakes @wait. May suspend.
 *
 * @timeout_ms  TASK_NO_TIMEOUT or milliseconds
 *
 * Returns 0 (the wake is consumed), or -1 with @err: CANCELED, TIMEOUT. After -1 the caller takes
 * back whatever would have called task_wake, before @wait goes out of scope.
 */
must_check int task_wait(struct task_wait *wait, int timeout_ms, struct error *err);
void task_wake(struct task_wait *wait);

/* Suspends for @ms milliseconds; 0 lets everybody else run once. May suspend. Errors: CANCELED. */
must_check int task_sleep(int ms, struct error *err);
