/* SPDX-License-Identifier: Apache-2.0
 *
 * parse_aside - reading of manifests that may be megabytes: short ones at once, long ones on a
 * helper thread, so that nobody else waits for it.
 */
#pragma once

#include "lib/oci/manifest.h"

/*
 * parse_aside_pushed - check and describe a pushed manifest, and compute its digests. May suspend.
 *
 * @algorithm  of the second digest, @out_digest; the first, @out_canonical, is a sha256
 *
 * Given: manifest_free(@out). Errors: as manifest_parse; CANCELED.
 */
must_check int parse_aside_pushed(struct span content, struct span declared,
                                  enum digest_algorithm algorithm, struct digest *out_canonical,
                                  struct digest *out_digest, struct manifest **out,
                                  struct error *err);

/* As manifest_parse_stored. May suspend. */
must_check int parse_aside_stored(struct span content, struct manifest **out, struct error *err);
