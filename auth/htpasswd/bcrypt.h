/* SPDX-License-Identifier: Apache-2.0
 *
 * bcrypt - the one password hash a registry takes, computed by libcrypt. Pure; each computation
 * keeps a processor busy for some 60 ms at cost 10, twice as long with each step: never on the
 * loop.
 *
 *     $2y$10$vqvzPghr5d7ycqp9518Vs.Hcq4beHCC7iQxpk2agYuC4XgHH5sPcG
 *      |   |  salt, 22             hash, 31
 *      |   cost
 *      version: a letter that means nothing here; all are computed alike, as upstream does
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>

#define BCRYPT_LEN          60
#define BCRYPT_SIZE         (BCRYPT_LEN + 1) /* with its NUL */
#define BCRYPT_PASSWORD_MAX 72               /* bytes that count; what follows is ignored */
#define BCRYPT_COST_MIN     4
#define BCRYPT_COST_MAX     17 /* some 8 s, and as far as Apache goes; see bcrypt_cost */
#define BCRYPT_COST_USUAL   10

/* The cost of a hash, BCRYPT_COST_MIN..BCRYPT_COST_MAX; 0 for what is no bcrypt hash, or one of
 * another cost: at 31 one would keep a helper for days. Text behind the hash is ignored. */
unsigned bcrypt_cost(struct span hash);

/* Whether @hash is that of @password, which holds no NUL. False too for what has no bcrypt_cost.
 * Blocks. Compares in a time that tells nothing. */
must_check bool bcrypt_matches(struct span hash, struct span password);

/*
 * bcrypt_make - a new hash of @password with a random salt. Blocks.
 *
 * @letter   of the version: 'a' as upstream writes it, 'y' as Apache does
 * @cost     BCRYPT_COST_MIN..BCRYPT_COST_MAX
 * @password without NUL; cut to BCRYPT_PASSWORD_MAX
 *
 * Errors: INTERNAL (no random numbers).
 */
must_check int bcrypt_make(char letter, unsigned cost, struct span password, char out[BCRYPT_SIZE],
                           struct error *err);

/* A hash of cost @cost that no password has: computing it takes as long as any other. */
void bcrypt_dummy(unsigned cost, char out[BCRYPT_SIZE]);
