/* SPDX-License-Identifier: Apache-2.0
 *
 * background - a job beside the requests: a task that its owner begins, and sees to its end before
 * what it uses goes. Loop thread only.
 */
#pragma once

#include "lib/task/task.h"

#include <stdbool.h>

/* In the owner's storage, which stays until the job has ended. All zero: not started. */
struct background {
    struct task *task; /* lent; NULL: it does not run */
    task_main_cb *main;
    void *arg;
    struct task_wait ended;
};

/* @main(@arg) as a task. @name is static text, for logs. */
void background_start(struct background *background, const char *name, task_main_cb *main,
                      void *arg);

/* Asks it to end: its waits fail from now on. */
void background_cancel(struct background *background);

/* Until it has ended; at once if it does not run. A cancellation of who waits changes nothing: the
 * job may use what its owner is about to free. One may wait at a time. May suspend. */
void background_wait(struct background *background);

/* Cancels it, and waits. May suspend. */
void background_stop(struct background *background);

static inline bool is_background_running(const struct background *background)
{
    return background->task != NULL;
}
