/* SPDX-License-Identifier: Apache-2.0
 *
 * tls - the server's certificate, key and rules for TLS, and their renewal.
 *
 * What is read makes an SSL_CTX; new connections take the newest, those that are open keep theirs.
 * Source: upstream's http.tls for keys, names and messages.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct http_tls;

/* All texts are copied. */
struct http_tls_options {
    const char *certificate;       /* PEM file, a chain is allowed */
    const char *key;               /* PEM file */
    const char *const *client_cas; /* PEM files; clients then need a certificate */
    size_t client_ca_count;
    const char
        *client_auth;    /* "require-and-verify-client-cert" ..., as upstream's 3.x names them */
    const char *minimum; /* "tls1.2" */
    const char *const *cipher_suites; /* upstream's names; none: the defaults */
    size_t cipher_suite_count;
};

/* Reads the files; may block: at the start. Given: http_tls_free. Errors: INVALID, IO; messages
 * name the file. */
must_check int http_tls_new(const struct http_tls_options *options, struct http_tls **out,
                            struct error *err);

/* Reads the files again; what is wrong with them leaves the old in place. May suspend. */
must_check int http_tls_reload(struct http_tls *tls, struct error *err);

/* From now on the files are looked at now and then, and read again when they have changed; what is
 * wrong with them is logged once for each change. */
void http_tls_watch(struct http_tls *tls);

/* Ends the watching. May suspend. */
void http_tls_unwatch(struct http_tls *tls);
void http_tls_free(struct http_tls *tls); /* no connection may be open; NULL is fine */
