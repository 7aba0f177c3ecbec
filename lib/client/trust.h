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
    char *more;        /* other places of them: files and directories, colons in between; or "" */
    X509_STORE *store; /* NULL until it was loaded */
    int64_t loaded_ns;
};

/*
 * trust_init - say where the authorities are. Caller's storage; reads nothing.
 *
 * @ca_file  copied; NULL: the system's, found as Go's crypto/x509 and OpenSSL do. SSL_CERT_FILE
 *           names another file, SSL_CERT_DIR other directories (colons in between), and neither
 *           turns off what the other does not name: with a file alone the system's count too.
 */
void trust_init(struct trust *trust, const char *ca_file);
void trust_fini(struct trust *trust);

/* Reads the files (blocks: at the start). Any may be NULL; a key without a certificate, or a
 * certificate without a key, is INVALID. Errors: INVALID; messages name the file. */
must_check int trust_check(const char *ca_file, const char *certificate, const char *key,
                           struct error *err);

/* Makes sure that the store is there and not too old. May suspend. What cannot be read is a warning
 * in the log as long as something can. Errors: INVALID (nothing could be read, and nothing was
 * before), CANCELED. */
must_check int trust_load(struct trust *trust, struct error *err);
