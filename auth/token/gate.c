/* SPDX-License-Identifier: Apache-2.0
 *
 * gate - see gate.h. Who leaves gives the place to the first that waits, so nobody overtakes.
 */
#include "auth/token/gate.h"

#include "lib/task/task.h"

#include "lib/base/banned.h"

struct gate_waiter {
    struct task_wait wait;
    bool has_place; /* and is no longer in the queue */
    TAILQ_ENTRY(gate_waiter) link;
};

void gate_init(struct gate *gate, size_t width)
{
    gate->free = width;
    TAILQ_INIT(&gate->waiters);
}

bool gate_try(struct gate *gate)
{
    if (gate->free == 0)
        return false;
    gate->free--;
    return true;
}

int gate_enter(struct gate *gate, struct error *err)
{
    struct gate_waiter waiter = {.wait = TASK_WAIT_INIT};

    if (gate_try(gate))
        return 0;
    TAILQ_INSERT_TAIL(&gate->waiters, &waiter, link);
    if (task_wait(&waiter.wait, TASK_NO_TIMEOUT, err) == 0)
        return 0;
    if (waiter.has_place)
        gate_leave(gate);
    else
        TAILQ_REMOVE(&gate->waiters, &waiter, link);
    return -1;
}

void gate_leave(struct gate *gate)
{
    struct gate_waiter *first = TAILQ_FIRST(&gate->waiters);

    if (first == NULL) {
        gate->free++;
        return;
    }
    TAILQ_REMOVE(&gate->waiters, first, link);
    first->has_place = true;
    task_wake(&first->wait);
}
