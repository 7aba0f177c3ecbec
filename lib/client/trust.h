/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - the PEM files a client is told to use, looked at before the first connection.
 */
#pragma once

#include "lib/base/error.h"

/* Reads the files (blocks: at the start). Any may be NULL; a key without a certificate, or a
 * certificate without a key, is INVALID. Errors: INVALID; messages name the file. */
must_check int trust_check(const char *ca_file, const char *certificate, const char *key,
                           struct error *err);
