/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_url - see blob_url.h.
 */
#include "lib/registry/blob_url.h"

#include "lib/registry/blob_store.h"
#include "lib/storage/layout.h"

#include <string.h>

#include "lib/base/banned.h"

/* Who asks by HEAD counts on the answer, and where he is sent may be a cache of its own that has
 * what the storage has lost. Who fetches gets the bytes, or learns that there are none. */
static int find(struct registry *registry, const char *repository, const struct digest *digest,
                const char *method, struct blob *out, struct error *err)
{
    if (strcmp(method, "HEAD") == 0)
        return blob_stat(registry, repository, digest, out, err);
    return blob_recall(registry, repository, digest, out, err);
}

int blob_url(struct registry *registry, const char *repository, const struct digest *digest,
             const char *method, struct span client, struct str *out, struct error *err)
{
    struct layout_key key;
    struct blob blob;

    if (registry->is_redirect_disabled || !has_store_urls(registry->store))
        return 0;
    if (find(registry, repository, digest, method, &blob, err) < 0)
        return -1;
    key = layout_blob_data(&blob.digest);
    return store_url_for(registry->store,
                         &(struct url_request){.key = key.text, .method = method, .client = client},
                         out, err);
}
