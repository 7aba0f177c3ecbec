/* SPDX-License-Identifier: Apache-2.0
 *
 * sign_v2 - the older signature of S3, for services that know no other (`v4auth: false`). Pure.
 *
 * Source: "Signing and Authenticating REST Requests" (Signature Version 2) of the Amazon S3
 * developer guide, whose examples are the unit tests.
 */
#pragma once

#include "drivers/s3/sign.h"

#define SIGN_V2_DATE_SIZE 40

/* "Tue, 27 Mar 2007 19:36:42 GMT" */
void sign_v2_date(time_t at, char out[SIGN_V2_DATE_SIZE]);

/*
 * sign_v2_authorization - the value of the Authorization header. Appends.
 *
 * @request   its date is sign_v2_date's and goes into the Date header; x-amz-date must not be among
 *            the headers
 * @resource  "/bucket/key" encoded, or "/bucket/", whatever the addressing is
 */
void sign_v2_authorization(const struct sign_key *key, const struct sign_request *request,
                           struct span resource, struct str *out);

/* The query string that lets anybody send @method for @resource until @expires_at. Appends. */
void sign_v2_presign(const struct sign_key *key, const char *method, struct span resource,
                     time_t expires_at, struct str *out);
