/* SPDX-License-Identifier: Apache-2.0
 *
 * url_signer - URLs that CloudFront answers until they expire: signed with a canned policy.
 *
 *     <url>?Expires=<seconds>&Signature=<RSA-SHA1 of the policy>&Key-Pair-Id=<id>
 *
 * Source: Amazon CloudFront Developer Guide, "Creating a signed URL using a canned policy".
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdint.h>

struct url_signer;

/* Reads the private key, RSA in PEM: PKCS#1 or PKCS#8. May block: at start. Given: url_signer_free.
 * Errors: INVALID. */
must_check int url_signer_new(const char *key_file, const char *key_pair_id,
                              struct url_signer **out, struct error *err);
void url_signer_free(struct url_signer *signer); /* NULL is fine */

/* Appends @url, which has no query, signed to hold until @expires_at, seconds since 1970. May
 * suspend: a helper thread signs. Errors: INTERNAL, CANCELED. */
must_check int url_signer_sign(const struct url_signer *signer, const char *url, int64_t expires_at,
                               struct str *out, struct error *err);
