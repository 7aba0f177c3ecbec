/* SPDX-License-Identifier: Apache-2.0
 *
 * mac - HMAC-SHA256: what of a text only those can make who know the key.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define MAC_LEN 32 /* bytes */

struct mac {
    uint8_t bytes[MAC_LEN];
};

/* Source: RFC 2104. */
struct mac mac_of(struct span key, struct span text);

/* Whether @bytes are that mac; in a time that tells nothing of it. */
bool is_mac(const struct mac *mac, struct span bytes);

static inline struct span mac_span(const struct mac *mac)
{
    return span_make(mac->bytes, sizeof(mac->bytes));
}
