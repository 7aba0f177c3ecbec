/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel - the same work many times, several at once, each as a task.
 */
#pragma once

#include "lib/base/error.h"

#include <stddef.h>

/* Does number @index, from 0. May suspend. */
typedef int parallel_cb(void *arg, size_t index, struct error *err);

/*
 * parallel_run - fn(arg, 0) ... fn(arg, count - 1), at most @width at once. May suspend.
 *
 * Returns when all have ended. After the first failure no more are begun, and its error is the
 * result. A cancellation of the caller cancels those that run.
 */
must_check int parallel_run(size_t count, size_t width, parallel_cb *fn, void *arg,
                            struct error *err);
