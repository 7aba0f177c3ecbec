/* SPDX-License-Identifier: Apache-2.0
 *
 * background - see background.h.
 */
#include "lib/task/background.h"

#include <assert.h>

#include "lib/base/banned.h"

static void background_main(void *arg)
{
    struct background *background = arg;

    background->main(background->arg);
    background->task = NULL;
    task_wake(&background->ended);
}

void background_start(struct background *background, const char *name, task_main_cb *main,
                      void *arg)
{
    assert(background->task == NULL);
    *background = (struct background){.main = main, .arg = arg, .ended = TASK_WAIT_INIT};
    background->task = task_spawn(name, background_main, background);
}

void background_cancel(struct background *background)
{
    if (background->task != NULL)
        task_cancel(background->task);
}

void background_wait(struct background *background)
{
    struct error ignored = ERROR_INIT;

    if (background->task == NULL)
        return;
    task_shield();
    while (background->task != NULL)
        (void)!task_wait(&background->ended, TASK_NO_TIMEOUT, &ignored);
    task_unshield();
}

void background_stop(struct background *background)
{
    background_cancel(background);
    background_wait(background);
}
