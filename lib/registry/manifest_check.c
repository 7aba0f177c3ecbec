/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_check - is all there that a manifest refers to? See manifest_store_check in
 * manifest_store.h.
 */
#include "lib/base/memory.h"
#include "lib/registry/blob_store.h"
#include "lib/registry/manifest_store.h"
#include "lib/task/offload.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
#define URL_TEXT_MAX   (64 << 10) /* bytes of all URLs of one manifest */

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

/* ---- URLs ---- */

/* The URLs of a whole manifest, looked at on a helper thread: expressions take their time. */
struct url_job {
    const struct url_policy *policy;
    const struct manifest *manifest;
    size_t text_len;  /* bytes looked at; what is beyond URL_TEXT_MAX is refused */
    bool *is_refused; /* for each descriptor */
};

static bool refuses(struct url_job *job, const struct descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->url_count; i++) {
        struct span url = span_of(descriptor->urls[i]);

        job->text_len += url.len;
        if (job->text_len > URL_TEXT_MAX || !url_policy_allows(job->policy, url))
            return true;
    }
    return false;
}

static int look_at_urls(void *arg, struct error *err)
{
    struct url_job *job = arg;

    (void)err;
    for (size_t i = 0; i < job->manifest->descriptor_count; i++) {
        const struct descriptor *descriptor = &job->manifest->descriptors[i];

        if (may_be_elsewhere(descriptor))
            job->is_refused[i] = refuses(job, descriptor);
    }
    return 0;
}

static bool has_urls(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->descriptor_count; i++) {
        if (may_be_elsewhere(&manifest->descriptors[i]))
            return true;
    }
    return false;
}

/* May suspend. */
static int check_urls(struct registry *registry, const struct manifest *manifest, bool *out_refused,
                      struct error *err)
{
    struct url_job job = {
        .policy = registry->url_policy, .manifest = manifest, .is_refused = out_refused};

    return has_urls(manifest) ? offload(look_at_urls, &job, err) : 0;
}

/* ---- all of it ---- */

/* Docker's foreign layer in its own kind of manifest has to say where it is. */
static bool lacks_url(const struct manifest *manifest, const struct descriptor *descriptor)
{
    return manifest->kind == MANIFEST_DOCKER && descriptor->role == DESCRIPTOR_LAYER &&
           descriptor->url_count == 0 && strcmp(descriptor->media_type, DOCKER_FOREIGN) == 0;
}

/* May suspend. */
static int check_one(struct registry *registry, const char *repository,
                     const struct manifest *manifest, const struct descriptor *descriptor,
                     enum error_code *out_code, struct error *err)
{
    if (!descriptor->is_digest_valid)
        *out_code = ERROR_DIGEST_INVALID;
    else if (lacks_url(manifest, descriptor))
        *out_code = ERROR_MANIFEST_INVALID;
    else if (may_be_elsewhere(descriptor) && is_media_type_foreign(span_of(descriptor->media_type)))
        *out_code = ERROR_NONE;
    else
        return check_presence(registry, repository, descriptor, out_code, err);
    return 0;
}

int manifest_store_check(struct registry *registry, const char *repository,
                         const struct manifest *manifest, manifest_missing_cb *missing, void *arg,
                         struct error *err)
{
    auto_free bool *is_url_refused =
        xcalloc(manifest->descriptor_count + 1, sizeof(*is_url_refused));

    if (check_urls(registry, manifest, is_url_refused, err) < 0)
        return -1;
    for (size_t i = 0; i < manifest->descriptor_count; i++) {
        const struct descriptor *descriptor = &manifest->descriptors[i];
        enum error_code code = ERROR_MANIFEST_INVALID;
        bool is_refused = descriptor->is_digest_valid && is_url_refused[i];

        if (!is_refused && check_one(registry, repository, manifest, descriptor, &code, err) < 0)
            return -1;
        if (code != ERROR_NONE)
            missing(descriptor, code, arg);
    }
    return 0;
}
