/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer - what client_do needs of a transfer beyond client.h.
 */
#pragma once

#include "lib/client/client.h"

/* Pauses and begins the call again, if its rule, budget and time allow. May suspend. Returns 1, or
 * 0 when nothing was done, or -1 with @err (CANCELED). */
must_check int transfer_repeat(struct client_transfer *transfer, struct error *err);

/* What has failed may go better the next time. */
bool is_transfer_lost(const struct client_transfer *transfer);
