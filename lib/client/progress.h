/* SPDX-License-Identifier: Apache-2.0
 *
 * progress - how a task waits for its exchange, and for how long.
 *
 * Three limits: no byte for too long (a standstill), too few for too long (a crawl, see tempo.h),
 * and the call's own. Only time spent waiting counts for the first two. Who has no connection yet,
 * because others have them all, stands still only when these do, and does not crawl.
 */
#pragma once

#include "lib/client/exchange_parts.h"

/* A line has come: wakes the task if that is what it waits for. */
void progress_note(struct exchange *exchange);

/* The same, for the end of the final head. */
void progress_note_head(struct exchange *exchange);

/* The same, for bytes of a body. */
void progress_received(struct exchange *exchange, size_t bytes);
void progress_sent(struct exchange *exchange, size_t bytes);

/* The same without bytes: the exchange is connected, or done. */
void progress_wake(struct exchange *exchange);

/* Suspends until what is wanted is there or the exchange is done. May suspend. Errors: TIMEOUT (a
 * standstill, a crawl, or the time for the call is over), CANCELED. */
must_check int progress_wait(struct exchange *exchange, enum wanted wanted, struct error *err);
