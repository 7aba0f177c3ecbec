/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash - a keyed hash for tables: whoever does not know the key cannot choose texts that share a
 * chain. No digest of content: 64 bits are few.
 */
#pragma once

#include "lib/base/span.h"

#include <stdint.h>

#define SIPHASH_KEY_LEN 16

/* SipHash-2-4. @key: random, SIPHASH_KEY_LEN bytes. Source: Aumasson and Bernstein, "SipHash: a
 * fast short-input PRF", 2012. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], struct span text);
