/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_store - manifests of a repository by digest. Tags: tag_store.h.
 */
#pragma once

#include "lib/oci/manifest.h"
#include "lib/registry/registry.h"

/* Content of the manifest @digest, appended to @out (maximum MANIFEST_SIZE_MAX). May suspend.
 * MANIFEST_UNKNOWN with detail {"Name","Revision"}. A blob that is no manifest: likewise. Found by
 * its revision link or, as upstream does, by a layer link. */
must_check int manifest_store_get(struct registry *registry, const char *repository,
                                  const struct digest *digest, struct str *out, struct error *err);

/* Sets MANIFEST_UNKNOWN unless the repository has it; does not read it. May suspend. */
must_check int manifest_store_stat(struct registry *registry, const char *repository,
                                   const struct digest *digest, struct error *err);

/*
 * manifest_store_check - are all things that @manifest refers to there? May suspend.
 *
 * Calls @missing for each reference that is not, in order; 0 when the check itself worked,
 * whatever it found. Rules: registry-api "References", "Lists and indexes": config and layers are
 * linked blobs with content, children are manifests of this repository; a layer of a foreign type
 * with urls need not be there. A reference whose digest text is not valid is reported with code
 * DIGEST_INVALID, one that is absent with MANIFEST_BLOB_UNKNOWN, and a layer with a URL that the
 * registry's policy does not allow, or a Docker foreign one without URLs, with MANIFEST_INVALID.
 */
typedef void manifest_missing_cb(const struct descriptor *descriptor, enum error_code code,
                                 void *arg);
must_check int manifest_store_check(struct registry *registry, const char *repository,
                                    const struct manifest *manifest, manifest_missing_cb *missing,
                                    void *arg, struct error *err);

/*
 * manifest_store_put - store content under its sha256 and link it; durable on return, not
 * disturbed by a cancellation once begun. Existing content is trusted only when its size is right.
 * May suspend.
 *
 * @digest   the canonical digest of @content
 * @alias    another digest of the same content the client named, or NULL
 */
must_check int manifest_store_put(struct registry *registry, const char *repository,
                                  const struct digest *digest, const struct digest *alias,
                                  struct span content, struct error *err);

/* Removes the revision, the layer link of the same digest, and every tag whose current link is
 * @digest. MANIFEST_UNKNOWN. May suspend. */
must_check int manifest_store_remove(struct registry *registry, const char *repository,
                                     const struct digest *digest, struct error *err);
