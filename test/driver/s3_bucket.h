/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_bucket - a bucket of the service that KIST_S3_URL names (test/support/ceph.py starts one), for
 * the suite.
 */
#pragma once

#include "lib/config/config.h"

/* Where the service is; NULL: there is none. */
const char *s3_url(void);

/* The configuration of @root in the bucket of this process. Texts are static. */
struct config_s3 s3_config(const char *root);

/* Makes the bucket, once. In a task. */
void s3_bucket_make(void);
