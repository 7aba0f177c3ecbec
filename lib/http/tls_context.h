/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_context - an SSL_CTX from files and rules. Touches nothing but its arguments, so a helper can
 * do it.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/http/tls.h"
#include "lib/task/watched.h"

#include <openssl/ssl.h>
#include <time.h>

#define TLS_CONTEXT_FILE_MAX (4 << 20) /* bytes; a system's whole bundle is a tenth */

enum { TLS_CONTEXT_CERTIFICATE, TLS_CONTEXT_KEY, TLS_CONTEXT_CLIENT_CAS };

/* @files: those of the options in this order, with all of client_cas. Given: SSL_CTX_free. Errors:
 * INVALID, or why a file could not be read; the message names the file. */
must_check int tls_context_new(const struct http_tls_options *options,
                               const struct watched_file *files, SSL_CTX **out, struct error *err);

time_t tls_context_expires_at(const SSL_CTX *ctx); /* of the server's certificate */

/* Whether this OpenSSL has that suite, and it is allowed; @name is OpenSSL's. */
bool has_tls_context_suite(const SSL_CTX *ctx, const char *name);
