/* SPDX-License-Identifier: Apache-2.0
 *
 * signature - the algorithms that sign tokens, each tied to one type of public key, so that no
 * token can have a key used as what it is not. Pure; slow enough for a helper thread.
 *
 * Source: RFC 7518 section 3; RFC 8037 for EdDSA.
 */
#pragma once

#include "lib/base/error.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define SIGNATURE_RSA_BITS_MIN 2048 /* of a key that a token brings along */

struct signature_algorithm; /* static */

/* By the name in a token's header: RS256, PS384, ES512, EdDSA ... NULL for all others, "none" and
 * the HS family among them. */
const struct signature_algorithm *signature_find(const char *name);

/* A set of algorithms. */
uint32_t signature_bit(const struct signature_algorithm *algorithm);
#define SIGNATURE_ALL UINT32_MAX

/* Whether keys of @key's type sign with @algorithm. */
bool signature_fits(const struct signature_algorithm *algorithm, const EVP_PKEY *key);

/* Whether @key is of a type that signs with any: RSA, P-256, P-384, P-521, Ed25519. */
bool signature_is_usable(const EVP_PKEY *key);

/* Whether @key is an RSA key shorter than SIGNATURE_RSA_BITS_MIN. */
bool signature_is_weak(const EVP_PKEY *key);

/* Errors: INVALID for a signature that is not @key's over @message. */
must_check int signature_verify(const struct signature_algorithm *algorithm, EVP_PKEY *key,
                                struct span message, struct span signature, struct error *err);
