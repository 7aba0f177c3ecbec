/* SPDX-License-Identifier: Apache-2.0
 *
 * retry - the rules of trying again: which answers ask for it, and how long to pause. Pure.
 */
#pragma once

#include "lib/client/client.h"

#include <time.h>

/* 429, 500, 502, 503, 504: the same request may find another answer. */
bool is_retry_status(int status);

/* Milliseconds a Retry-After header asks for, from @now on; -1 when it says nothing. A date that
 * has passed is 0. Source: RFC 9110 section 10.2.3. */
int64_t retry_parse_after(struct span value, time_t now);

/*
 * retry_pause - how long to wait before the next attempt, in milliseconds.
 *
 * @attempts_made  at least 1
 * @after_ms       what the server asks for, -1 for nothing
 * @random         any number: the jitter, which makes it between half the pause and all of it
 *
 * What the server asks for counts when it is longer; @rule's longest pause bounds both.
 */
int retry_pause(const struct client_retry *rule, int attempts_made, int64_t after_ms,
                uint32_t random);
