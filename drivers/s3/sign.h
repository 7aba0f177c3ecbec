/* SPDX-License-Identifier: Apache-2.0
 *
 * sign - AWS Signature Version 4: of a request's headers, and of a URL that somebody else will
 * fetch. Pure.
 *
 * Source: "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using
 * Query Parameters" of the Amazon S3 API reference, whose examples are the unit tests.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/str.h"

#include <time.h>

#define SIGN_DATE_SIZE  17 /* "20130524T000000Z" and a NUL */
#define SIGN_HASH_SIZE  65 /* SHA-256 in hexadecimal and a NUL */
#define SIGN_UNSIGNED   "UNSIGNED-PAYLOAD"
#define SIGN_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* All texts are lent for the call. */
struct sign_key {
    const char *access_key;
    const char *secret_key;
    const char *token;  /* of temporary credentials; NULL or "": none */
    const char *region; /* "us-east-1" */
};

struct sign_header {
    const char *name; /* in lower case */
    const char *value;
};

/* A request as it goes on the wire. */
struct sign_request {
    const char *method;
    struct span path;  /* sign_encode'd, begins with a slash */
    struct span query; /* `name=value` joined by `&`, sign_encode'd, sorted by name */
    const struct sign_header *headers; /* sorted by name; host, x-amz-date and all other x-amz- */
    size_t header_count;
    const char *payload_hash; /* hexadecimal, or SIGN_UNSIGNED */
    const char *date;         /* sign_date */
};

void sign_date(time_t at, char out[SIGN_DATE_SIZE]);

/* SHA-256 of @data in hexadecimal. */
void sign_hash(struct span data, char out[SIGN_HASH_SIZE]);

/* Appends @text percent-encoded as signatures want it: all but letters, digits and `-._~`, and but
 * slashes where @keep_slashes. */
void sign_encode(struct str *out, struct span text, bool keep_slashes);

/* Appends the value of the Authorization header. */
void sign_authorization(const struct sign_key *key, const struct sign_request *request,
                        struct str *out);

/*
 * sign_presign - the query string that lets anybody send @method for @path to @host, for
 * @expires_s seconds from @date on. Appends. A token of temporary credentials is in it.
 */
void sign_presign(const struct sign_key *key, const char *method, const char *host,
                  struct span path, const char *date, int expires_s, struct str *out);
