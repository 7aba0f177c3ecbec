/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_multipart - the calls of multipart uploads. Private to the folder. Names are those in the
 * bucket. All may suspend; errors are s3_request_do's.
 */
#pragma once

#include "drivers/s3/s3_request.h"

struct evbuffer;

struct part {
    int number;
    int64_t size;
    char *etag; /* owned */
};

/* The parts an upload has, sorted by number. */
struct parts {
    struct part *items; /* owned */
    size_t count;
    size_t capacity;
    int64_t size; /* of all */
};

/* @etag: taken. */
void parts_add(struct parts *parts, int number, int64_t size, char *etag);
void parts_fini(struct parts *parts); /* empty and usable again */

/* The number of the next part. */
int parts_next(const struct parts *parts);

/* Given: free(@out_id). When the answer was lost, an upload may have begun that nobody knows: the
 * one that is there is taken where @is_alone says that nobody else begins any for this name.
 * Returns 1 when it was looked for in vain: it may yet appear beside the one in @out_id. */
must_check int s3_multipart_begin(struct service *service, const char *name, bool is_alone,
                                  char **out_id, struct error *err);

/* Uploads in progress whose names begin with @prefix, as the service orders them, a page of them
 * from behind the markers (NULL: the first): rows of @out; s3_answer_fini, also on failure. */
must_check int s3_multipart_list(struct service *service, const char *prefix,
                                 const char *key_marker, const char *id_marker,
                                 struct s3_answer *out, struct error *err);

/* Whether the row is such an upload, with its name and id. */
bool is_upload_row(const struct xml_row *row);

/* All parts; @out is empty at the call, and parts_fini also after failure. */
must_check int s3_multipart_parts(struct service *service, const char *name, const char *id,
                                  struct parts *out, struct error *err);

/* Given: free(@out_etag). @pieces must not change meanwhile. */
must_check int s3_multipart_put(struct service *service, const char *name, const char *id,
                                int number, const struct evbuffer *pieces, char **out_etag,
                                struct error *err);

/* A stretch of an object; @is_all: which is all of it, and no range is asked for. */
struct stretch {
    const char *source;
    int64_t offset;
    int64_t len;
    bool is_all;
};

/* A part that is a stretch of another object. Given: free(@out_etag). */
must_check int s3_multipart_copy(struct service *service, const char *name, const char *id,
                                 int number, const struct stretch *stretch, char **out_etag,
                                 struct error *err);

/* Makes the object of the parts. Where the upload is gone the object tells whether it happened: 1
 * when all that is known of it is its size, which another one may have too. @out_etag: the object's
 * as far as can be told (s3_etag.h), else "". NOT_FOUND: no such upload, and no such object. */
must_check int s3_multipart_complete(struct service *service, const char *name, const char *id,
                                     const struct parts *parts, char out_etag[S3_ETAG_SIZE],
                                     struct error *err);

/* NOT_FOUND: no such upload, and it was not a lost call of ours that has ended it. */
must_check int s3_multipart_end(struct service *service, const char *name, const char *id,
                                struct error *err);

/* The same; that there is no such upload is no error. */
must_check int s3_multipart_abort(struct service *service, const char *name, const char *id,
                                  struct error *err);

/* The same after a failure: what this one meets is only logged. Not disturbed by a cancellation. */
void s3_multipart_give_up(struct service *service, const char *name, const char *id);
