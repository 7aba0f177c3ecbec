/* SPDX-License-Identifier: Apache-2.0
 *
 * tag_store - tags of a repository: what each points at. All functions may suspend.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

/* MANIFEST_UNKNOWN with detail {"Tag":"<tag>"}. */
must_check int tag_resolve(struct registry *registry, const char *repository, const char *tag,
                           struct digest *out, struct error *err);

/* Index entry first, then the current link. */
must_check int tag_put(struct registry *registry, const char *repository, const char *tag,
                       const struct digest *digest, struct error *err);

/* Removes the tag only. MANIFEST_UNKNOWN. */
must_check int tag_remove(struct registry *registry, const char *repository, const char *tag,
                          struct error *err);

/* All tags, sorted bytewise; NAME_UNKNOWN with detail {"name":"<repository>"} when the repository
 * has no tags directory. Given: storage_list_fini. */
must_check int tag_list(struct registry *registry, const char *repository, struct storage_list *out,
                        struct error *err);
