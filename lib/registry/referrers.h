/* SPDX-License-Identifier: Apache-2.0
 *
 * referrers - the manifests of a repository that have a given subject.
 *
 * They follow from the repository's revisions, whoever put them there: nothing is written when a
 * manifest is. Who asks looks at the revisions that nobody has looked at yet, and notes what they
 * say in `_referrers/index` (referrers_index.h) for the next one. That file may be lost, damaged or
 * overtaken by another process: then the revisions are read again.
 *
 *     _manifests/revisions  --- those the index does not tell of --->  read, parse
 *             |                                                            |
 *     _referrers/index  -------------> candidates <------------------------+--> index, rewritten
 *                                          |
 *                     referrers_read: still there, and says so itself?
 */
#pragma once

#include "lib/oci/manifest.h"
#include "lib/registry/registry.h"

/*
 * referrers_list - the digests ("sha256:...") of the manifests with this subject, sorted. May
 * suspend, and for long where much has to be read; what was read by then is kept if that is
 * canceled or fails.
 *
 * Subjects are compared as they are written: one named by its sha512 is not found by its sha256.
 * Neither the subject nor the repository need exist; then there are none. Some of the list may have
 * been removed: see referrers_read. Given: storage_list_fini(@out).
 */
must_check int referrers_list(struct registry *registry, const char *repository,
                              const struct digest *subject, struct storage_list *out,
                              struct error *err);

struct referrer {
    int64_t size; /* of the content */
    struct manifest *manifest;
};

/* Reads the manifest @digest. NOT_FOUND unless it is a revision of @repository and its content has
 * this subject. May suspend. Given: referrer_fini(@out). */
must_check int referrers_read(struct registry *registry, const char *repository,
                              const struct digest *subject, const struct digest *digest,
                              struct referrer *out, struct error *err);
void referrer_fini(struct referrer *referrer);
