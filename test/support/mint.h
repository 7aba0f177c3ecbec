/* SPDX-License-Identifier: Apache-2.0
 *
 * mint - keys, certificates and tokens for tests of what verifies them. A failure ends the test
 * program.
 */
#pragma once

#include "lib/base/str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* "P-256", "P-384", "P-521", "secp256k1", "Ed25519", "RSA" or "RSA-1024"; made once, lent till the
 * end. @number: which of them. */
EVP_PKEY *mint_key(const char *type, int number);

/*
 * mint_certificate - for @key and "CN=@subject". Given: X509_free.
 *
 * @issuer       NULL: signed by itself
 * @valid_s      seconds from now; negative: over since then
 */
X509 *mint_certificate(EVP_PKEY *key, const char *subject, X509 *issuer, EVP_PKEY *issuer_key,
                       bool is_authority, long valid_s);

/* Append: the certificate as PEM, and as a quoted text of x5c; the public key as the members of a
 * JWK, without braces. */
void mint_append_pem(struct str *out, X509 *certificate);
void mint_append_x5c(struct str *out, X509 *certificate);
void mint_append_jwk(struct str *out, EVP_PKEY *key);

/* Appends header.claims.signature. @algorithm says how @key signs; the header is given, and may say
 * otherwise. An algorithm "none" makes no signature. */
void mint_append_token(struct str *out, EVP_PKEY *key, const char *algorithm, const char *header,
                       const char *claims);
