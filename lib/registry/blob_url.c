/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_url - see blob_url.h.
 */
#include "lib/registry/blob_url.h"

#include "lib/registry/blob_store.h"
#include "lib/storage/layout.h"

#include "lib/base/banned.h"

int blob_url(struct registry *registry, const char *repository, const struct digest *digest,
             const char *method, struct span client, struct str *out, struct error *err)
{
    struct layout_key key;
    struct blob blob;

    if (registry->is_redirect_disabled || !has_store_urls(registry->store))
        return 0;
    if (blob_recall(registry, repository, digest, &blob, err) < 0)
        return -1;
    key = layout_blob_data(&blob.digest);
    return store_url_for(registry->store,
                         &(struct url_request){.key = key.text, .method = method, .client = client},
                         out, err);
}
