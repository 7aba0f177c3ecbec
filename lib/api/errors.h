/* SPDX-License-Identifier: Apache-2.0
 *
 * errors - what each of our error codes is to a client: the one table, and the envelope made of it.
 * Pure.
 *
 *     {"errors":[{"code":"NAME_UNKNOWN","message":"...","detail":{"name":"foo"}}]}
 *
 * Source: OCI distribution-spec "Error Codes"; upstream for the rest.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#define ERRORS_STATUS_GONE 499 /* nobody is there to be answered; for the logs only */

struct errors_row {
    const char *id; /* "NAME_UNKNOWN"; static, as the text is */
    int status;
    const char *text;
};

/* Never NULL. */
const struct errors_row *errors_row_of(enum error_code code);

/* Appends the envelope of one error whose detail is the JSON text @detail; empty: none. */
void errors_envelope_of(struct str *out, enum error_code code, struct span detail);

/* Appends the envelope of @count errors, in order, with its newline. */
void errors_envelope(struct str *out, const struct error *errors, size_t count);
