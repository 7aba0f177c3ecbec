/* SPDX-License-Identifier: Apache-2.0
 *
 * progress - how a task waits for its exchange, and for how long.
 *
 * Only time spent waiting counts as a standstill. Who has no connection yet, because others have
 * them all, stands still only when these do.
 */
#pragma once

#include "lib/client/exchange_parts.h"

/* Bytes have moved: wakes the task if that is what it waits for. */
void progress_note(struct exchange *exchange);

/* The same without bytes: the exchange is connected, or done. */
void progress_wake(struct exchange *exchange);

/* Suspends until what is wanted is there or the exchange is done. May suspend. Errors: TIMEOUT (a
 * standstill, or the time for the call is over), CANCELED. */
must_check int progress_wait(struct exchange *exchange, enum wanted wanted, struct error *err);
