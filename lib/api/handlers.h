/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers - the handlers of all routes, one file per resource verb, and the table that finds them.
 *
 * A handler runs in the request's task, may suspend, and answers; or it returns -1 with @err (or
 * with errors added to the exchange), which becomes the envelope. Headers it has set by then stay.
 * The method is one the route allows, and the repository's name is valid.
 */
#pragma once

#include "lib/api/exchange.h"

typedef int handler_cb(struct exchange *ex, struct error *err);

/* Never NULL for a method that the route allows. */
handler_cb *handler_find(enum route route, const char *method);

handler_cb base_get;
handler_cb catalog_get;
handler_cb tags_get;
handler_cb manifest_get; /* and HEAD */
handler_cb manifest_put;
handler_cb manifest_delete;
handler_cb blob_get; /* and HEAD */
handler_cb blob_delete;
handler_cb upload_post;
handler_cb upload_get; /* and HEAD */
handler_cb upload_patch;
handler_cb upload_put;
handler_cb upload_delete;
handler_cb referrers_get;
handler_cb token_get; /* and POST */

/* Whether the token endpoint is there at all. */
bool is_token_offered(const struct api_options *options);
