/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_delete - DELETE /v2/<name>/manifests/<reference>: a tag alone, or a manifest with all
 * tags that point at it (end-9).
 */
#include "lib/api/handlers.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/tag_store.h"

#include "lib/base/banned.h"

static int remove_reference(struct exchange *ex, const struct reference *reference,
                            struct error *err)
{
    if (reference->is_digest)
        return manifest_store_remove(ex->registry, ex->repository, &reference->digest, err);
    return tag_remove(ex->registry, ex->repository, ex->reference, err);
}

int manifest_delete(struct exchange *ex, struct error *err)
{
    struct reference reference;

    if (!reference_parse(span_of(ex->reference), &reference))
        return error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
    if (!ex->registry->is_delete_enabled)
        return error_set(err, ERROR_UNSUPPORTED, "deleting is not enabled");
    if (remove_reference(ex, &reference, err) < 0) {
        err->detail[0] = '\0'; /* as upstream: none here */
        return -1;
    }
    exchange_send_empty(ex, 202);
    return 0;
}
