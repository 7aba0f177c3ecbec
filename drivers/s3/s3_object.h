/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_object - the calls on single objects and on lists of them. Private to the folder. Names are
 * those in the bucket. All may suspend; errors are s3_request_do's.
 */
#pragma once

#include "drivers/s3/s3_request.h"

/* What the head of an object says. */
struct s3_head {
    int64_t size;
    struct timespec modified_at;
    char etag[S3_ETAG_SIZE]; /* "": not said */
};

must_check int s3_object_head(struct service *service, const char *name, struct s3_head *out,
                              struct error *err);
must_check int s3_object_put(struct service *service, const char *name, struct span content,
                             struct error *err);

/* The same of bytes in pieces, which must not change meanwhile; hashed on a helper thread. */
must_check int s3_object_put_pieces(struct service *service, const char *name,
                                    const struct evbuffer *pieces, struct error *err);

/* The whole content, appended to @out; TOO_LARGE beyond its room. BUSY when its ETag is not @etag;
 * "": whichever it has. */
must_check int s3_object_get(struct service *service, const char *name, const char *etag,
                             struct str *out, struct error *err);

/* Removes one object; that there is none is no error. */
must_check int s3_object_remove(struct service *service, const char *name, struct error *err);

/*
 * s3_object_list - one page of names that begin with @prefix, after @marker.
 *
 * @marker      NULL at the first page
 * @delimiter   "/" groups what is below into prefixes; NULL: all
 * @out         rows of objects and prefixes, all below @prefix; s3_answer_fini, also on failure
 */
must_check int s3_object_list(struct service *service, const char *prefix, const char *marker,
                              const char *delimiter, size_t max, struct s3_answer *out,
                              struct error *err);

/* Where the page after @page begins: lent by it; NULL when it was the last. */
const char *s3_object_list_next(const struct xml_answer *page);

/*
 * s3_object_list_go_on - from where @page began to where the one after it does.
 *
 * @marker  owned by the caller, and replaced; NULL: at the first page, and after the last
 *
 * IO: there is no going on, though the page is not the last.
 */
must_check int s3_object_list_go_on(const struct xml_answer *page, char **marker,
                                    struct error *err);

/* Removes up to 1000 objects in one request; that some are not there is no error. */
must_check int s3_object_remove_many(struct service *service, const char *const *names,
                                     size_t count, struct error *err);

/* The source header of copies: "bucket/name", encoded. Appends. */
void s3_object_source(const struct service *service, const char *name, struct str *out);

/* SHA-256 of bytes in pieces, on a helper thread; SIGN_UNSIGNED where TLS makes it needless. */
must_check int s3_object_hash_pieces(const struct service *service, const struct evbuffer *pieces,
                                     char out[SIGN_HASH_SIZE], struct error *err);
