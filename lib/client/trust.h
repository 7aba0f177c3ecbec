/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - the PEM files a client is told to use: the authorities it believes, its own certificate.
 *
 * The system's authorities are some 150 certificates that take 40 ms to read: a task of the
 * trust's own has a helper read them, and the calls wait for it. It looks again when a call comes
 * and the last look is two seconds old; what has changed is read again (lib/task/watched.h).
 *
 *     first calls ----> all wait for the reading; with none read, all fail
 *     later, due -----> one call waits for the look, the others go on with what there is
 *     canceled -------> leaves at once, the reading goes on
 */
#pragma once

#include "lib/base/error.h"
#include "lib/task/background.h"
#include "lib/task/gate.h"
#include "lib/task/watched.h"

#include <openssl/types.h>
#include <stddef.h>

#define TRUST_LOOK_MS 2000

struct trust {
    char *file;  /* PEM, authorities */
    char *more;  /* other places of them: files and directories, colons in between; or "" */
    int look_ms; /* how old a look may be */
    struct watched *files;
    X509_STORE *store;    /* NULL until it was loaded */
    size_t problem_count; /* places and files that gave nothing to the store, and should have */
    struct background reading;
    struct gate_line line; /* calls that wait for it */
    struct error failed;   /* of the last reading */
};

/*
 * trust_init - say where the authorities are. Caller's storage, which stays where it is; reads
 * nothing.
 *
 * @ca_file  copied; NULL: the system's, found as Go's crypto/x509 and OpenSSL do. SSL_CERT_FILE
 *           names another file, SSL_CERT_DIR other directories (colons in between), and neither
 *           turns off what the other does not name: with a file alone the system's count too.
 */
void trust_init(struct trust *trust, const char *ca_file);

/* Once every task has ended: a reading may go on for those who were canceled. */
void trust_fini(struct trust *trust);

/* Reads the files (blocks: at the start). Any may be NULL; a key without a certificate, or a
 * certificate without a key, is INVALID. Errors: INVALID; messages name the file. */
must_check int trust_check(const char *ca_file, const char *certificate, const char *key,
                           struct error *err);

/*
 * trust_load - makes sure that the store is there, and what is in the files. May suspend.
 *
 * What cannot be read is a warning in the log as long as something can. Files that are worse than
 * they were (broken, gone) change nothing: that is one warning, and the store stays. Errors:
 * INVALID (nothing could be read, and nothing was before), CANCELED.
 */
must_check int trust_load(struct trust *trust, struct error *err);
