/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - the PEM files a client is told to use: the authorities it believes, its own certificate.
 *
 * The system's authorities are some 150 certificates that take 40 ms to read: a helper reads them,
 * before the first connection over TLS and again when what was read is a day old.
 */
#pragma once

#include "lib/base/error.h"

#include <openssl/types.h>
#include <stdint.h>

struct trust {
    char *file;        /* PEM, authorities */
    X509_STORE *store; /* NULL until it was loaded */
    int64_t loaded_ns;
};

/* Caller's storage. @ca_file: copied; NULL: the system's, which is what SSL_CERT_FILE names or
 * libcurl was built with. Reads nothing. */
void trust_init(struct trust *trust, const char *ca_file);
void trust_fini(struct trust *trust);

/* Reads the files (blocks: at the start). Any may be NULL; a key without a certificate, or a
 * certificate without a key, is INVALID. Errors: INVALID; messages name the file. */
must_check int trust_check(const char *ca_file, const char *certificate, const char *key,
                           struct error *err);

/* Makes sure that the store is there and not too old. May suspend. Errors: INVALID (nothing could
 * be read, and nothing was before), CANCELED. */
must_check int trust_load(struct trust *trust, struct error *err);
