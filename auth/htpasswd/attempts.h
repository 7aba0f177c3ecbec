/* SPDX-License-Identifier: Apache-2.0
 *
 * attempts - how many wrong passwords came of late, and what follows from it. Time is an argument.
 *
 * A failure weighs one and is forgotten after ATTEMPTS_PERIOD_MS; several are forgotten one after
 * the other, so that somebody who keeps guessing gets one guess in that time. No more than
 * ATTEMPTS_LIMIT are kept.
 */
#pragma once

#include "auth/htpasswd/login_key.h"
#include "lib/base/lru.h"

#include <stddef.h>
#include <stdint.h>

#define ATTEMPTS_PERIOD_MS  4000
#define ATTEMPTS_FREE       10 /* failures that are answered at once */
#define ATTEMPTS_LIMIT      30 /* failures after which no password is looked at */
#define ATTEMPTS_FIRST_MS   100
#define ATTEMPTS_SLOWEST_MS 2000

/* A table that counts the failures of @max keys. Given: lru_free. */
struct lru *attempts_new(size_t max);

/* Notes a failure of @key at @now_ms. */
void attempts_note(struct lru *failures, const struct login_key *key, int64_t now_ms);

/* How many failures of @key are not yet forgotten. */
int attempts_count(struct lru *failures, const struct login_key *key, int64_t now_ms);

/* How long the answer to the failure that makes it @count is held back: nothing, then
 * ATTEMPTS_FIRST_MS doubled with each failure, up to ATTEMPTS_SLOWEST_MS. */
int attempts_delay_ms(int count);

/* Seconds until a password of @key is looked at again; 0: it is now. */
int attempts_wait_s(struct lru *failures, const struct login_key *key, int64_t now_ms);
