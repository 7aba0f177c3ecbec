/* SPDX-License-Identifier: Apache-2.0
 *
 * layout - every key of the storage, in one drawing. Upstream's layout, byte for byte.
 *
 *     /docker/registry/v2/
 *       blobs/<alg>/<first 2 hex>/<hex>/data                  content, named by its sha256
 *       repositories/<name>/
 *         _layers/<alg>/<hex>/link                            blob readable in this repository
 *         _manifests/revisions/<alg>/<hex>/link               manifest readable in this repository
 *         _manifests/tags/<tag>/current/link                  what the tag points at now
 *         _manifests/tags/<tag>/index/<alg>/<hex>/link        all it ever pointed at
 *         _referrers/index                                    what revisions refer to; only ours
 *         _uploads/<uuid>/data                                bytes received so far
 *         _uploads/<uuid>/startedat                           RFC 3339, whole seconds, UTC
 *         _uploads/<uuid>/hashstates/<alg>/<offset>           digest state after <offset> bytes
 *
 * `_referrers` is our own and a cache (lib/registry/referrers.h); upstream passes over directories
 * that begin with `_`. A link's content is a digest's text without a newline. Each function returns
 * the key in a struct by value; repository names, tags and ids have been validated by the caller.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/oci/digest.h"

/* Longest: repositories/ + 255 + _manifests/tags/ + 128 + /index/sha512/ + 128 + /link. */
#define LAYOUT_KEY_SIZE 640

struct layout_key {
    char text[LAYOUT_KEY_SIZE];
};

struct layout_key layout_blob_data(const struct digest *digest);
struct layout_key layout_blobs_root(void);
struct layout_key layout_repositories_root(void);

struct layout_key layout_repository(const char *repository);
struct layout_key layout_layer_link(const char *repository, const struct digest *digest);
struct layout_key layout_layers(const char *repository);
struct layout_key layout_revision_link(const char *repository, const struct digest *digest);
/* The directory whose children are the hexadecimal names of all sha256 revisions. */
struct layout_key layout_revisions(const char *repository);
struct layout_key layout_referrers_index(const char *repository);
struct layout_key layout_tags(const char *repository);
struct layout_key layout_tag(const char *repository, const char *tag);
struct layout_key layout_tag_current_link(const char *repository, const char *tag);
struct layout_key layout_tag_index_link(const char *repository, const char *tag,
                                        const struct digest *digest);
struct layout_key layout_uploads(const char *repository);
struct layout_key layout_upload(const char *repository, const char *uuid);
struct layout_key layout_upload_data(const char *repository, const char *uuid);
struct layout_key layout_upload_started_at(const char *repository, const char *uuid);
/* The directory whose children are the offsets; the algorithm is always sha256. */
struct layout_key layout_upload_hash_states(const char *repository, const char *uuid);
struct layout_key layout_upload_hash_state(const char *repository, const char *uuid,
                                           int64_t offset);
