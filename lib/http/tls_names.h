/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_names - upstream's names of versions, cipher suites and ways to ask for a client's
 * certificate, in OpenSSL's terms. Pure.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define TLS_NAMES_LIST_MAX 2048 /* bytes of a list of suites */

/* "tls1.2" to TLS1_2_VERSION. Errors: INVALID, in upstream's words. */
must_check int tls_names_version(const char *name, int *out, struct error *err);

/*
 * tls_names_suites - what OpenSSL is told of the suites that are allowed.
 *
 * @names      upstream's names; none: its defaults
 * @out_12     appended to: suites up to TLS 1.2, "A:B"; empty when only TLS 1.3 is left
 * @out_13     appended to: suites of TLS 1.3
 * @out_names  appended to: the names again, "A,B", for the log
 *
 * Naming suites of TLS 1.3 restricts it to them; naming none leaves it all of its suites. Errors:
 * INVALID, in upstream's words.
 */
must_check int tls_names_suites(const char *const *names, size_t count, struct str *out_12,
                                struct str *out_13, struct str *out_names, struct error *err);

const char *tls_names_openssl(const char *name); /* of a suite; static; NULL: unknown */

struct tls_client_auth {
    int verify_mode;   /* SSL_VERIFY_... */
    bool is_any_taken; /* any certificate will do */
};

/* "require-and-verify-client-cert" and the others of upstream 3.x. Errors: INVALID. */
must_check int tls_names_client_auth(const char *name, struct tls_client_auth *out,
                                     struct error *err);
