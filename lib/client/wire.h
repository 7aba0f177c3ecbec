/* SPDX-License-Identifier: Apache-2.0
 *
 * wire - what curl calls while an exchange is on its way: lines of the head, bytes of the body both
 * ways, the end. Runs on the loop's own stack; notes and wakes, and never calls curl.
 */
#pragma once

#include "lib/client/exchange_parts.h"

/* The callbacks of the exchange's handle. */
void wire_attach(struct exchange *exchange);

/* Of the exchange's job. */
void wire_on_done(struct engine_job *job, CURLcode result);
