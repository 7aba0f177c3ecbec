/* SPDX-License-Identifier: Apache-2.0
 *
 * copy - content from one name to another within the bucket, without passing through here. Private
 * to the folder. May suspend.
 */
#pragma once

#include "drivers/s3/s3_multipart.h"

/* An object that is copied. */
struct source {
    const char *name;
    const char *etag; /* what it must be still when it is copied; "": whichever it has */
    int64_t size;
};

/*
 * copy_object - make @to what @from is.
 *
 * In one request or in parts, several at once, as pace.h has it. A single request that ends without
 * its answer, or is refused, is followed by parts where the content is long enough for them.
 * So is the refusal of a condition. NOT_FOUND without @from, BUSY when it is another one meanwhile;
 * then @to is as it was.
 */
must_check int copy_object(struct service *service, const struct source *from, const char *to,
                           struct error *err);

/* Adds an object's whole content to an upload as its next parts: few, for there must be numbers
 * left, but none so long that the service would be silent for a minute. BUSY: @from is another one
 * meanwhile. They arrive in any order;
 * where there is more than one, none is shorter than COPY_STRETCH_MIN. */
#define COPY_STRETCH_MIN (INT64_C(128) << 20)
must_check int copy_to_parts(struct service *service, const struct source *from, const char *to,
                             const char *id, struct parts *parts, struct error *err);
