/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_request - one call of the service: signed, sent, repeated where that helps, its answer read
 * and its errors made ours. Private to the folder.
 *
 * Every call may be repeated: none does anything twice but the beginning of a multipart upload,
 * whose caller looks for the one that got lost (is_doubtful).
 *
 * A service that is silent for `stall_ms` has not answered. The whole call ends about two such
 * times after it began to be silent, whatever it meets.
 */
#pragma once

#include "drivers/s3/service.h"
#include "drivers/s3/sign.h"
#include "drivers/s3/xml.h"

struct client_transfer;
struct evbuffer;

#define REQUEST_HEADERS_MAX 12
#define S3_ETAG_SIZE        128 /* with the NUL */

struct s3_request {
    const char *method;
    const char *key;   /* name of an object; NULL: the bucket itself */
    const char *query; /* `name=value` joined by `&`, encoded, sorted by name; NULL: none */
    struct sign_header headers[REQUEST_HEADERS_MAX]; /* lent; in lower case, any order */
    size_t header_count;
    struct span body;
    const struct evbuffer *pieces; /* the body in place of @body; must not change meanwhile */
    const char *payload_hash;      /* of @pieces */
    struct str *content;           /* where the answer's body goes when it is no XML; NULL: none */
    bool is_checked_later;         /* ends at the first lost answer: the caller knows what to do */
    bool is_result_due;            /* a good answer is a document, a "...Result": else it is lost */
    int patience_ms; /* silence that is still work, where that is longer than the service's */
};

struct s3_answer {
    int status;       /* 0: none came */
    bool is_doubtful; /* an attempt whose answer got lost may have done its work */
    bool is_silent;   /* the last attempt ended in silence */
    bool is_hopeless; /* it failed before an answer, at what stays: a certificate, a protocol */
    char code[64];    /* the service's word for an error, "" for none */
    char etag[S3_ETAG_SIZE]; /* with its quotes */
    int64_t length;          /* Content-Length, -1: none */
    int64_t total;           /* of a part of the content: the size of all of it, -1: not said */
    struct timespec modified_at;
    struct xml_answer xml;
};

void s3_answer_fini(struct s3_answer *answer);
#define auto_s3_answer auto_cleanup(s3_answer_fini) struct s3_answer

void s3_request_header(struct s3_request *request, const char *name, const char *value);

/* Headers of whatever makes an object: type, ACL, storage class, encryption. */
void s3_request_object_headers(struct s3_request *request, const struct service *service);

/* Milliseconds of silence that are work where the service itself moves @size bytes: some send
 * nothing at all until they have copied or joined them. */
int s3_request_patience(int64_t size);

/*
 * s3_request_do - the whole call. May suspend.
 *
 * @out  initialized by the call, also when it fails: s3_answer_fini
 *
 * Errors: NOT_FOUND (no such object or upload), FULL, INVALID (a range outside), TOO_LARGE (content
 * beyond its room, which is then as it was), IO (also silence), CANCELED.
 */
must_check int s3_request_do(struct service *service, const struct s3_request *request,
                             struct s3_answer *out, struct error *err);

/* The same up to the head of a good answer, whose body is then read by client_read. Given:
 * client_close(@out_transfer). */
must_check int s3_request_open(struct service *service, const struct s3_request *request,
                               struct s3_answer *out, struct client_transfer **out_transfer,
                               struct error *err);
