/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_delete - DELETE /v2/<name>/blobs/<digest>: this repository's link to a blob (end-10).
 */
#include "lib/api/handlers.h"
#include "lib/registry/blob_store.h"

#include "lib/base/banned.h"

int blob_delete(struct exchange *ex, struct error *err)
{
    struct digest digest;

    if (!digest_parse(span_of(ex->reference), &digest)) {
        error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
        error_detail_json(err, "{}");
        return -1;
    }
    if (!ex->registry->is_delete_enabled)
        return error_set(err, ERROR_UNSUPPORTED, "deleting is not enabled");
    if (blob_remove(ex->registry, ex->repository, &digest, err) < 0) {
        err->detail[0] = '\0'; /* as upstream: none here */
        return -1;
    }
    exchange_send_empty(ex, 202);
    return 0;
}
