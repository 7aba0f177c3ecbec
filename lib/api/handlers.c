/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers - see handlers.h.
 */
#include "lib/api/handlers.h"

#include <string.h>

#include "lib/base/banned.h"

/* An upload without an id: only POST is of use there. */
static int no_upload(struct exchange *ex, struct error *err)
{
    return error_set(err, ERROR_UPLOAD_UNKNOWN, "%s without an upload's id",
                     http_request_method(ex->http));
}

/* method NULL: any */
/* clang-format off */
static const struct {
    enum route route;
    const char *method;
    handler_cb *handler;
} table[] = {
    {ROUTE_BASE,     NULL,     base_get},
    {ROUTE_CATALOG,  "GET",    catalog_get},
    {ROUTE_TAGS,     "GET",    tags_get},
    {ROUTE_MANIFEST, "GET",    manifest_get},
    {ROUTE_MANIFEST, "HEAD",   manifest_get},
    {ROUTE_MANIFEST, "PUT",    manifest_put},
    {ROUTE_MANIFEST, "DELETE", manifest_delete},
    {ROUTE_BLOB,     "GET",    blob_get},
    {ROUTE_BLOB,     "HEAD",   blob_get},
    {ROUTE_BLOB,     "DELETE", blob_delete},
    {ROUTE_UPLOADS,  "POST",   upload_post},
    {ROUTE_UPLOADS,  NULL,     no_upload},
    {ROUTE_UPLOAD,   "GET",    upload_get},
    {ROUTE_UPLOAD,   "HEAD",   upload_get},
    {ROUTE_UPLOAD,   "POST",   upload_post},
    {ROUTE_UPLOAD,   "PATCH",  upload_patch},
    {ROUTE_UPLOAD,   "PUT",    upload_put},
    {ROUTE_UPLOAD,   "DELETE", upload_delete},
    {ROUTE_REFERRERS, "GET",   referrers_get},
    {ROUTE_TOKEN,    NULL,     token_get},
};
/* clang-format on */

handler_cb *handler_find(enum route route, const char *method)
{
    for (size_t i = 0; i < array_count(table); i++) {
        if (table[i].route == route &&
            (table[i].method == NULL || strcmp(table[i].method, method) == 0))
            return table[i].handler;
    }
    return NULL;
}
