/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_check - is all there that a manifest refers to? See manifest_store_check in
 * manifest_store.h.
 */
#include "lib/registry/blob_store.h"
#include "lib/registry/manifest_store.h"

#include <string.h>

#include "lib/base/banned.h"

/* An http or https URL of something: a scheme spelled exactly so, and no fragment. */
static bool is_url_acceptable(struct span url)
{
    if (!span_starts_with(url, SPAN("http://")) && !span_starts_with(url, SPAN("https://")))
        return false;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.data[i];

        if (c <= 0x20 || c == 0x7f || c == '#')
            return false;
    }
    return !span_ends_with(url, SPAN("://"));
}

static bool are_urls_acceptable(const struct descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->url_count; i++) {
        if (!is_url_acceptable(span_of(descriptor->urls[i])))
            return false;
    }
    return true;
}

/* Where upstream looks at the URLs: layers that clients may fetch from elsewhere. */
static bool may_be_elsewhere(const struct descriptor *descriptor)
{
    struct span media_type = span_of(descriptor->media_type);

    return descriptor->role == DESCRIPTOR_LAYER && descriptor->url_count > 0 &&
           (is_media_type_foreign(media_type) ||
            span_starts_with(media_type, SPAN("application/vnd.oci.image.layer.")));
}

/* ERROR_NONE into @out_code when the thing is there. */
static int check_presence(struct registry *registry, const char *repository,
                          const struct descriptor *descriptor, enum error_code *out_code,
                          struct error *err)
{
    struct error why = ERROR_INIT;
    struct blob blob;
    int rc;

    if (descriptor->role == DESCRIPTOR_CHILD)
        rc = manifest_store_stat(registry, repository, &descriptor->digest, &why);
    else
        rc = blob_stat(registry, repository, &descriptor->digest, &blob, &why);
    if (rc == 0) {
        *out_code = ERROR_NONE;
    } else if (why.code == ERROR_MANIFEST_UNKNOWN || why.code == ERROR_BLOB_UNKNOWN) {
        *out_code = ERROR_MANIFEST_BLOB_UNKNOWN;
    } else {
        *err = why;
        return -1;
    }
    return 0;
}

static int check_one(struct registry *registry, const char *repository,
                     const struct descriptor *descriptor, enum error_code *out_code,
                     struct error *err)
{
    bool is_elsewhere = may_be_elsewhere(descriptor);

    if (!descriptor->is_digest_valid)
        *out_code = ERROR_DIGEST_INVALID;
    else if (is_elsewhere && !are_urls_acceptable(descriptor))
        *out_code = ERROR_MANIFEST_BLOB_UNKNOWN;
    else if (is_elsewhere && is_media_type_foreign(span_of(descriptor->media_type)))
        *out_code = ERROR_NONE;
    else
        return check_presence(registry, repository, descriptor, out_code, err);
    return 0;
}

int manifest_store_check(struct registry *registry, const char *repository,
                         const struct manifest *manifest, manifest_missing_cb *missing, void *arg,
                         struct error *err)
{
    for (size_t i = 0; i < manifest->descriptor_count; i++) {
        const struct descriptor *descriptor = &manifest->descriptors[i];
        enum error_code code;

        if (check_one(registry, repository, descriptor, &code, err) < 0)
            return -1;
        if (code != ERROR_NONE)
            missing(descriptor, code, arg);
    }
    return 0;
}
