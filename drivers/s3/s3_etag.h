/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_etag - what tells one object from another that has taken its place. Private to the folder.
 * Pure.
 */
#pragma once

#include "drivers/s3/s3_multipart.h"

/*
 * s3_etag_of_answer - the ETag of an object that was made of @parts, as conditions have it.
 *
 * @told  what the answer says, with or without quotes; NULL or "" where it says nothing, as
 *        radosgw's: then it is made up as most services do, the MD5 of the parts' MD5s and their
 *        count. Source: Amazon S3 user guide, "Checking object integrity", multipart uploads
 *
 * "": it cannot be known. Whoever relies on it has looked whether it is the object's (commit.c).
 */
void s3_etag_of_answer(const char *told, const struct parts *parts, char out[S3_ETAG_SIZE]);

/* Without its quotes, and without the mark of a weak one; lent. */
struct span s3_etag_bare(const char *etag);

/* Whether both are of the same object. What is between us and the service may have made one weak.
 */
bool s3_etag_equals(const char *a, const char *b);
