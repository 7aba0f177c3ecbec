/* SPDX-License-Identifier: Apache-2.0
 *
 * litter - what is left of the temporaries of durable_replace when the process is killed between
 * making and renaming one. Blocks; for helper threads.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <time.h>

struct storage_sweep;

/*
 * Removes the temporaries in the directory @path that were last changed before @before; whoever
 * writes one now is done within moments. What cannot be removed is not reported. Links are neither
 * removed nor listed. Errors: NOT_FOUND, IO.
 */
must_check int litter_sweep(const char *path, struct timespec before, bool is_dry_run,
                            struct storage_sweep *out, struct error *err);
