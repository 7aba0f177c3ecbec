/* SPDX-License-Identifier: Apache-2.0
 *
 * layout - see layout.h.
 */
#include "lib/storage/layout.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define ROOT         "/docker/registry/v2"
#define REPOSITORIES ROOT "/repositories"
#define BLOBS        ROOT "/blobs"

/* A key from its parts. The parts are valid, so that it always fits: see LAYOUT_KEY_SIZE. */
printf_like(1, 2) static struct layout_key key_format(const char *format, ...)
{
    struct layout_key key;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(key.text, sizeof(key.text), format, args);
    va_end(args);
    assert(len > 0 && (size_t)len < sizeof(key.text));
    (void)len;
    return key;
}

/* "<before>/<alg>/<hex>/link" below a repository. */
static struct layout_key link_key(const char *repository, const char *before,
                                  const struct digest *digest)
{
    char hex[DIGEST_HEX_MAX + 1];

    return key_format(REPOSITORIES "/%s/%s/%s/%s/link", repository, before,
                      digest_algorithm_name(digest->algorithm), digest_format_hex(digest, hex));
}

struct layout_key layout_blob_data(const struct digest *digest)
{
    char hex[DIGEST_HEX_MAX + 1];

    digest_format_hex(digest, hex);
    return key_format(BLOBS "/%s/%.2s/%s/data", digest_algorithm_name(digest->algorithm), hex, hex);
}

struct layout_key layout_blobs_root(void)
{
    return key_format(BLOBS);
}

struct layout_key layout_repositories_root(void)
{
    return key_format(REPOSITORIES);
}

struct layout_key layout_repository(const char *repository)
{
    return key_format(REPOSITORIES "/%s", repository);
}

struct layout_key layout_layer_link(const char *repository, const struct digest *digest)
{
    return link_key(repository, "_layers", digest);
}

struct layout_key layout_layers(const char *repository)
{
    return key_format(REPOSITORIES "/%s/_layers", repository);
}

struct layout_key layout_revision_link(const char *repository, const struct digest *digest)
{
    return link_key(repository, "_manifests/revisions", digest);
}

struct layout_key layout_revisions(const char *repository)
{
    return key_format(REPOSITORIES "/%s/_manifests/revisions/sha256", repository);
}

struct layout_key layout_referrers_index(const char *repository)
{
    return key_format(REPOSITORIES "/%s/_referrers/index", repository);
}

struct layout_key layout_tags(const char *repository)
{
    return key_format(REPOSITORIES "/%s/_manifests/tags", repository);
}

struct layout_key layout_tag(const char *repository, const char *tag)
{
    return key_format(REPOSITORIES "/%s/_manifests/tags/%s", repository, tag);
}

struct layout_key layout_tag_current_link(const char *repository, const char *tag)
{
    return key_format(REPOSITORIES "/%s/_manifests/tags/%s/current/link", repository, tag);
}

struct layout_key layout_tag_index_link(const char *repository, const char *tag,
                                        const struct digest *digest)
{
    char hex[DIGEST_HEX_MAX + 1];

    return key_format(REPOSITORIES "/%s/_manifests/tags/%s/index/%s/%s/link", repository, tag,
                      digest_algorithm_name(digest->algorithm), digest_format_hex(digest, hex));
}

struct layout_key layout_uploads(const char *repository)
{
    return key_format(REPOSITORIES "/%s/_uploads", repository);
}

struct layout_key layout_upload(const char *repository, const char *uuid)
{
    return key_format(REPOSITORIES "/%s/_uploads/%s", repository, uuid);
}

struct layout_key layout_upload_data(const char *repository, const char *uuid)
{
    return key_format(REPOSITORIES "/%s/_uploads/%s/data", repository, uuid);
}

struct layout_key layout_upload_started_at(const char *repository, const char *uuid)
{
    return key_format(REPOSITORIES "/%s/_uploads/%s/startedat", repository, uuid);
}

struct layout_key layout_upload_hash_states(const char *repository, const char *uuid)
{
    return key_format(REPOSITORIES "/%s/_uploads/%s/hashstates/sha256", repository, uuid);
}

struct layout_key layout_upload_hash_state(const char *repository, const char *uuid, int64_t offset)
{
    return key_format(REPOSITORIES "/%s/_uploads/%s/hashstates/sha256/%lld", repository, uuid,
                      (long long)offset);
}
