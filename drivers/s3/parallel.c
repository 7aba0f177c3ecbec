/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel - see parallel.h.
 */
#include "drivers/s3/parallel.h"

#include "lib/base/memory.h"
#include "lib/task/task.h"

#include "lib/base/banned.h"

struct run {
    parallel_cb *fn;
    void *arg;
    void *context; /* of the caller, for the log */
    size_t count;
    size_t next;
    size_t running;
    struct task **workers; /* NULL where one has ended */
    size_t width;
    bool has_failed;
    struct error err;
    struct task_wait ended;
};

static void note_failure(struct run *run, const struct error *err)
{
    if (run->has_failed)
        return;
    run->has_failed = true;
    run->err = *err;
}

static void forget_self(struct run *run)
{
    for (size_t i = 0; i < run->width; i++) {
        if (run->workers[i] == task_self())
            run->workers[i] = NULL;
    }
}

static void worker_main(void *arg)
{
    struct run *run = arg;
    struct error err = ERROR_INIT;

    task_set_context(run->context);
    while (!run->has_failed && run->next < run->count) {
        if (run->fn(run->arg, run->next++, &err) < 0)
            note_failure(run, &err);
    }
    forget_self(run);
    if (--run->running == 0)
        task_wake(&run->ended);
}

/* The caller was canceled: so are the workers, and their end is waited for. */
static void give_up(struct run *run, const struct error *why)
{
    struct error err = ERROR_INIT;

    note_failure(run, why);
    for (size_t i = 0; i < run->width; i++) {
        if (run->workers[i] != NULL)
            task_cancel(run->workers[i]);
    }
    task_shield();
    while (run->running > 0)
        (void)!task_wait(&run->ended, TASK_NO_TIMEOUT, &err);
    task_unshield();
}

int parallel_run(size_t count, size_t width, parallel_cb *fn, void *arg, struct error *err)
{
    struct run run = {.fn = fn, .arg = arg, .count = count, .context = task_context()};
    struct error why = ERROR_INIT;

    run.width = width < count ? width : count;
    run.workers = xcalloc(run.width + 1, sizeof(*run.workers));
    run.running = run.width;
    for (size_t i = 0; i < run.width; i++)
        run.workers[i] = task_spawn("s3 worker", worker_main, &run);
    while (run.running > 0) {
        if (task_wait(&run.ended, TASK_NO_TIMEOUT, &why) < 0) {
            give_up(&run, &why);
            break;
        }
    }
    free(run.workers);
    if (!run.has_failed)
        return 0;
    *err = run.err;
    return -1;
}
