/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_store - blobs of a repository: a layer link there, the content once for all repositories.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

struct blob {
    struct digest digest; /* canonical (sha256), whatever it was asked for by */
    int64_t size;         /* bytes */
};

/* All may suspend. BLOB_UNKNOWN (detail: the digest): not linked in @repository, or no content. */
must_check int blob_stat(struct registry *registry, const char *repository,
                         const struct digest *digest, struct blob *out, struct error *err);

/*
 * blob_recall - as blob_stat, but the content may be gone: that it was there is remembered.
 *
 * That it is linked in @repository is read. For answers whose next step meets the content itself:
 * a client that is sent to the storage, a range that is then opened (blob_open tells the true
 * size). Nothing that counts on the content may ask here.
 */
must_check int blob_recall(struct registry *registry, const char *repository,
                           const struct digest *digest, struct blob *out, struct error *err);

/* Given: store_reader_close(@out). */
must_check int blob_open(struct registry *registry, const char *repository,
                         const struct digest *digest, int64_t offset, struct blob *out_blob,
                         struct storage_reader **out, struct error *err);

/* Makes a blob of @from readable in @repository: one link, no copy. BLOB_UNKNOWN as above. */
must_check int blob_mount(struct registry *registry, const char *repository, const char *from,
                          const struct digest *digest, struct blob *out, struct error *err);

/* Removes this repository's link; BLOB_UNKNOWN without one. */
must_check int blob_remove(struct registry *registry, const char *repository,
                           const struct digest *digest, struct error *err);

/* Links content that is in place: under its canonical digest first, then under @alias (another
 * digest of it, or the same). */
must_check int blob_link(struct registry *registry, const char *repository,
                         const struct digest *canonical, const struct digest *alias,
                         struct error *err);

/* The size of content, linked or not; NOT_FOUND without, or when it cannot be right: no bytes, and
 * not the digest of none. */
must_check int blob_content_stat(struct registry *registry, const struct digest *canonical,
                                 int64_t *out_size, struct error *err);
