/* SPDX-License-Identifier: Apache-2.0
 *
 * known - tokens that were verified, so that the next request with one costs a hash and no
 * signature. The least used goes when there are too many. Only what they say is kept, under the
 * SHA-256 of the token: a copy of this memory is no token.
 */
#pragma once

#include "auth/token/claims.h"
#include "lib/base/span.h"

#include <stdint.h>

#define KNOWN_MAX      4096
#define KNOWN_COST_MAX (16 << 20) /* bytes of all claims, about */

struct known_name {
    uint8_t bytes[32];
};

struct known;

struct known *known_new(void); /* given: known_free */
void known_free(struct known *known);

struct known_name known_name_of(struct span token);

/* What a token says, lent until the next wait; NULL when it is not known, or no longer to be
 * trusted at @now_s. Whether it holds now is for claims_check to say. */
const struct claims *known_find(struct known *known, const struct known_name *name, int64_t now_s);

/* @claims: taken. @until_s: when the key that signed them is no longer to be trusted. */
void known_add(struct known *known, const struct known_name *name, struct claims *claims,
               int64_t until_s);

void known_clear(struct known *known);
