/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - the certificates that a token brings along (`x5c`), verified to the operator's anchors.
 * Slow enough for a helper thread.
 *
 * Source: RFC 7515 section 4.1.6; RFC 5280 section 6; upstream (any certificate of the bundle is an
 * anchor, any extended key usage will do).
 */
#pragma once

#include "lib/base/error.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define CHAIN_MAX 10 /* certificates */

/*
 * chain_verify - the leaf's key, if the chain holds at @now_s.
 *
 * @texts      certificates in base64, the leaf first; the others may be in any order
 * @out_key    given: EVP_PKEY_free
 * @out_until  seconds since 1970: when the first certificate of the chain expires
 *
 * Errors: INVALID.
 */
must_check int chain_verify(const cJSON *texts, X509_STORE *anchors, int64_t now_s,
                            EVP_PKEY **out_key, int64_t *out_until, struct error *err);
