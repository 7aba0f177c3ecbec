/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_url - where a client can fetch a blob from the storage itself.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

/*
 * blob_url - the URL of a blob that is in @repository, appended to @out (STORE_URL_MAX). May
 * suspend.
 *
 * @method  "GET" or "HEAD"
 * @client  IP address of who asks; empty: nobody knows
 *
 * Returns 1, or 0 when the content is to be served from here, or -1 with @err: BLOB_UNKNOWN, and
 * what the storage says. For GET, that content which was there still is there is not looked at
 * again.
 */
must_check int blob_url(struct registry *registry, const char *repository,
                        const struct digest *digest, const char *method, struct span client,
                        struct str *out, struct error *err);
