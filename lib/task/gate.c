/* SPDX-License-Identifier: Apache-2.0
 *
 * gate - see gate.h.
 */
#include "lib/task/gate.h"

#include "lib/task/task.h"

#include "lib/base/banned.h"

struct gate_waiter {
    struct task_wait wait;
    bool is_served; /* and no longer in the line */
    TAILQ_ENTRY(gate_waiter) link;
};

/* ---- a line ---- */

void gate_line_init(struct gate_line *line)
{
    *line = (struct gate_line){0};
    TAILQ_INIT(&line->waiters);
}

static void leave(struct gate_line *line, struct gate_waiter *waiter)
{
    TAILQ_REMOVE(&line->waiters, waiter, link);
    line->count--;
}

int gate_line_wait(struct gate_line *line, bool *out_is_served, struct error *err)
{
    struct gate_waiter waiter = {.wait = TASK_WAIT_INIT};
    int rc;

    TAILQ_INSERT_TAIL(&line->waiters, &waiter, link);
    line->count++;
    rc = task_wait(&waiter.wait, TASK_NO_TIMEOUT, err);
    if (!waiter.is_served)
        leave(line, &waiter);
    *out_is_served = waiter.is_served;
    return rc;
}

bool gate_line_serve(struct gate_line *line)
{
    struct gate_waiter *first = TAILQ_FIRST(&line->waiters);

    if (first == NULL)
        return false;
    leave(line, first);
    first->is_served = true;
    task_wake(&first->wait);
    return true;
}

/* ---- a gate ---- */

void gate_init(struct gate *gate, size_t width)
{
    gate->free = width;
    gate_line_init(&gate->line);
}

int gate_enter(struct gate *gate, struct error *err)
{
    bool is_served;

    if (gate->free > 0) {
        gate->free--;
        return 0;
    }
    if (gate_line_wait(&gate->line, &is_served, err) == 0)
        return 0;
    if (is_served)
        gate_leave(gate);
    return -1;
}

void gate_leave(struct gate *gate)
{
    if (!gate_line_serve(&gate->line))
        gate->free++;
}
