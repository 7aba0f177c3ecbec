/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict - what an answer of the service means. Pure. Private to the folder.
 *
 * Source: "Error responses" of the Amazon S3 API reference.
 */
#pragma once

#include "drivers/s3/s3_request.h"

/* 0 for a good answer; else -1 with our error. An answer of 200 may hold an error. Notes the
 * service's code in it. */
must_check int verdict_of(struct s3_answer *answer, struct error *err);

enum verdict {
    VERDICT_FINAL,       /* would only be the same again */
    VERDICT_AGAIN,       /* try again */
    VERDICT_SLOWER,      /* try again after longer pauses */
    VERDICT_CREDENTIALS, /* try again with new credentials */
};

/* Whether a failed attempt may have done its work: no answer has come, not all of a good one, or a
 * gateway has given up waiting for it. */
bool is_verdict_lost(const struct s3_answer *answer);

/* What to do about a failed attempt: @answer's status is 0 when none came. */
enum verdict verdict_on_repeating(const struct s3_answer *answer, const struct error *err);

/* The size of all in a Content-Range, "bytes 5-9/10"; -1: it does not say. */
int64_t verdict_total(struct span content_range);

/* "Tue, 27 Mar 2007 19:36:42 GMT"; false when it is none. */
bool verdict_time(const char *text, struct timespec *out);
