/* SPDX-License-Identifier: Apache-2.0
 *
 * login_key - what users, passwords and addresses are called in memory: a keyed hash, so that
 * nothing of them could be read there.
 */
#pragma once

#include "lib/base/mac.h"
#include "lib/base/span.h"

#include <stddef.h>
#include <stdint.h>

struct login_key {
    struct mac mac;
};

/* The secret that makes keys; each process has its own. */
struct login_key_secret {
    struct mac mac;
};

/* HMAC-SHA256 of the parts, each with its length: other parts, another key. */
struct login_key login_key_of(const struct login_key_secret *secret, const struct span *parts,
                              size_t count);

static inline struct span login_key_span(const struct login_key *key)
{
    return mac_span(&key->mac);
}

static inline bool login_key_equals(const struct login_key *a, const struct login_key *b)
{
    return span_equals(login_key_span(a), login_key_span(b));
}
