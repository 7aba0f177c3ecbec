/* SPDX-License-Identifier: Apache-2.0
 *
 * pending - content that has been written but not committed, as others see it. Private to the
 * folder.
 *
 * It is an unfinished multipart upload, which the service neither lists among objects nor lets
 * anybody read. Looking for one costs a request more, so it is done only where there may be one:
 * see is_pending_key.
 */
#pragma once

#include "drivers/s3/s3_multipart.h"

/* What there is at a name. */
struct pending {
    char *id; /* owned; NULL: no upload */
    size_t upload_count;
    struct parts parts;
    struct timespec modified_at;
    int64_t object_size; /* -1: no object, or nobody looked */
    char object_etag[S3_ETAG_SIZE];
    bool is_bare; /* no object: somebody looked */
};

/* Keys whose last name is `data` and that are not below the blobs: those of uploads. */
bool is_pending_key(const char *key);

/*
 * pending_find - the upload at @name, and the object where it may matter. May suspend.
 *
 * The upload that hints.h remembers is asked for first, then the list. Of several uploads the
 * longest is taken. An object may be there beside the upload, since a writer
 * has to make one now and then (writer.h); it is what the upload was at that time. It counts when
 * it is the longer of the two: then whoever made it has not got further.
 *
 * @out  pending_fini, also after failure. Neither upload nor object: NOT_FOUND.
 */
must_check int pending_find(struct service *service, const char *name, struct pending *out,
                            struct error *err);
void pending_fini(struct pending *pending);
#define auto_pending auto_cleanup(pending_fini) struct pending

int64_t pending_size(const struct pending *pending);

/*
 * pending_show - see to it that the object at @key is all that was flushed. May suspend.
 *
 * Where a writer is open it is that writer's content, whatever others have put there; BUSY while it
 * does something else. Returns 1 when there is an object, 0 when the content is empty and there is
 * none. NOT_FOUND: nothing there.
 */
must_check int pending_show(struct service *service, const char *key, struct error *err);
