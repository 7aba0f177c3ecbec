/* SPDX-License-Identifier: Apache-2.0
 *
 * trial - a storage driver around another one that makes one call go wrong: the Nth of all.
 *
 * "Every way an operation can be interrupted" is then a loop: arm N = 1, 2, 3 ... until the
 * operation ends before its trial. One at a time in a process.
 */
#pragma once

#include "lib/storage/driver.h"

#include <stdbool.h>

enum trial_fault {
    TRIAL_NONE,
    TRIAL_FAIL_BEFORE,   /* the call fails and nothing happens */
    TRIAL_FAIL_AFTER,    /* it happens, but the answer is lost */
    TRIAL_CANCEL_BEFORE, /* the task is canceled while it waits, before anything happens */
    TRIAL_CANCEL_AFTER,  /* or after it happened */
};

extern const struct storage_driver trial_driver;

/* The driver that trial_driver's next open wraps. */
void trial_wrap(const struct storage_driver *next);

/* Counts from one again; the @nth call goes wrong, none for TRIAL_NONE. */
void trial_arm(enum trial_fault fault, unsigned nth);
bool has_trial_fired(void);

unsigned trial_count(void);                /* calls since trial_arm */
unsigned trial_count_of(const char *verb); /* of one verb, such as "reader_open" */
