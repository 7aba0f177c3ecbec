/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_store - see blob_store.h.
 */
#include "lib/registry/blob_store.h"

#include "lib/base/log.h"
#include "lib/registry/link.h"
#include "lib/registry/repository.h"
#include "lib/storage/layout.h"

#include <inttypes.h>

#include "lib/base/banned.h"

#define EMPTY_DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Turns a storage NOT_FOUND into BLOB_UNKNOWN of the digest that was asked for. */
static int translate(struct error *err, const char *repository, const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];

    if (err->code != ERROR_NOT_FOUND)
        return -1;
    digest_format(digest, text);
    error_translate(err, ERROR_BLOB_UNKNOWN);
    error_wrap(err, "blob %s of %s", text, repository);
    error_detail_string(err, span_of(text));
    return -1;
}

/* What content @digest stands for in @repository: itself, or that of its alias. NOT_FOUND. */
static int resolve(struct registry *registry, const char *repository, const struct digest *digest,
                   struct digest *out, struct error *err)
{
    struct layout_key key = layout_layer_link(repository, digest);
    struct digest linked;

    if (link_read(registry, key.text, &linked, err) < 0)
        return -1;
    if (linked.algorithm != DIGEST_SHA256 ||
        (digest->algorithm == DIGEST_SHA256 && !digest_equals(&linked, digest))) {
        log_warn("link damaged, taken as absent: %s: names other content", key.text);
        return error_set(err, ERROR_NOT_FOUND, "%s: names other content", key.text);
    }
    *out = linked;
    return 0;
}

/* Content can be of no bytes under one digest only. What a crash or a full disk left empty is the
 * damage that is seen most. NOT_FOUND. */
static int check_size(const struct digest *canonical, int64_t size, const char *key,
                      struct error *err)
{
    struct digest empty;

    if (!digest_parse(SPAN(EMPTY_DIGEST), &empty))
        return error_set(err, ERROR_INTERNAL, "the digest of nothing does not parse");
    if ((size == 0) == digest_equals(canonical, &empty))
        return 0;
    log_warn("content damaged, taken as absent: %s: %" PRId64 " bytes", key, size);
    return error_set(err, ERROR_NOT_FOUND, "%s: %" PRId64 " bytes", key, size);
}

int blob_content_stat(struct registry *registry, const struct digest *canonical, int64_t *out_size,
                      struct error *err)
{
    struct layout_key key = layout_blob_data(canonical);
    struct storage_stat stat;

    if (store_stat_content(registry->store, key.text, &stat, err) < 0)
        return -1;
    if (check_size(canonical, stat.size, key.text, err) < 0)
        return -1;
    *out_size = stat.size;
    return 0;
}

/* ---- what is remembered ---- */

/* Content that is linked, and was not found: nobody shall remember it. May suspend. */
static void note_missing(struct registry *registry, const char *repository,
                         const struct digest *canonical, const struct error *why)
{
    if (why->code == ERROR_NOT_FOUND)
        descriptor_cache_forget(registry->cache, repository, canonical);
}

/* Content that was seen after @moment, under the link of @digest. That of an alias says nothing
 * about the link of the content's own digest, which may have been removed. */
static void note_seen(struct registry *registry, const char *repository, uint64_t moment,
                      const struct digest *digest, const struct blob *blob)
{
    if (digest_equals(digest, &blob->digest))
        descriptor_cache_put(registry->cache, moment, repository, &blob->digest, blob->size);
}

/* The content of the link of @digest, which was read after @moment. May suspend. */
static int look_at_content(struct registry *registry, const char *repository, uint64_t moment,
                           const struct digest *digest, struct blob *blob, struct error *err)
{
    if (blob_content_stat(registry, &blob->digest, &blob->size, err) < 0) {
        note_missing(registry, repository, &blob->digest, err);
        return -1;
    }
    note_seen(registry, repository, moment, digest, blob);
    return 0;
}

/* ---- what is asked of the storage ---- */

int blob_stat(struct registry *registry, const char *repository, const struct digest *digest,
              struct blob *out, struct error *err)
{
    uint64_t moment = descriptor_cache_moment(registry->cache);
    struct blob blob;

    if (resolve(registry, repository, digest, &blob.digest, err) < 0 ||
        look_at_content(registry, repository, moment, digest, &blob, err) < 0)
        return translate(err, repository, digest);
    *out = blob;
    return 0;
}

int blob_recall(struct registry *registry, const char *repository, const struct digest *digest,
                struct blob *out, struct error *err)
{
    uint64_t moment = descriptor_cache_moment(registry->cache);
    struct blob blob;

    if (resolve(registry, repository, digest, &blob.digest, err) < 0)
        return translate(err, repository, digest);
    if (!descriptor_cache_get(registry->cache, repository, &blob.digest, &blob.size) &&
        look_at_content(registry, repository, moment, digest, &blob, err) < 0)
        return translate(err, repository, digest);
    *out = blob;
    return 0;
}

int blob_open(struct registry *registry, const char *repository, const struct digest *digest,
              int64_t offset, struct blob *out_blob, struct storage_reader **out, struct error *err)
{
    uint64_t moment = descriptor_cache_moment(registry->cache);
    struct storage_reader *reader;
    struct layout_key key;
    struct blob blob;

    if (resolve(registry, repository, digest, &blob.digest, err) < 0)
        return translate(err, repository, digest);
    key = layout_blob_data(&blob.digest);
    if (store_reader_open(registry->store, key.text, offset, &reader, err) < 0) {
        note_missing(registry, repository, &blob.digest, err);
        return translate(err, repository, digest);
    }
    if (check_size(&blob.digest, reader->size, key.text, err) < 0) {
        store_reader_close(reader);
        note_missing(registry, repository, &blob.digest, err);
        return translate(err, repository, digest);
    }
    blob.size = reader->size;
    note_seen(registry, repository, moment, digest, &blob);
    *out_blob = blob;
    *out = reader;
    return 0;
}

int blob_link(struct registry *registry, const char *repository, const struct digest *canonical,
              const struct digest *alias, struct error *err)
{
    struct layout_key key = layout_layer_link(repository, canonical);

    if (link_write(registry, key.text, canonical, err) < 0)
        return -1;
    if (digest_equals(canonical, alias))
        return 0;
    key = layout_layer_link(repository, alias);
    return link_write(registry, key.text, canonical, err);
}

int blob_mount(struct registry *registry, const char *repository, const char *from,
               const struct digest *digest, struct blob *out, struct error *err)
{
    struct blob blob;

    if (blob_stat(registry, from, digest, &blob, err) < 0 ||
        blob_link(registry, repository, &blob.digest, digest, err) < 0)
        return -1;
    *out = blob;
    return 0;
}

int blob_remove(struct registry *registry, const char *repository, const struct digest *digest,
                struct error *err)
{
    struct layout_key key = layout_layer_link(repository, digest);
    int rc;

    descriptor_cache_forget(registry->cache, repository, digest);
    rc = repository_unlink(registry, repository, key.text, err);
    descriptor_cache_forget(registry->cache, repository, digest);
    return rc < 0 ? translate(err, repository, digest) : 0;
}
