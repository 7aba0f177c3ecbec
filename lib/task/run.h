/* SPDX-License-Identifier: Apache-2.0
 *
 * run - what loop.c needs of tasks and of the helper pool, and nobody else.
 */
#pragma once

#include "lib/base/error.h"

struct event_base;

void task_run_open(struct event_base *base);
void task_run_close(void);

must_check int offload_pool_open(struct event_base *base, unsigned helper_count, struct error *err);
void offload_pool_close(void);
size_t offload_pending(void); /* jobs that have not been reported back */
