/* SPDX-License-Identifier: Apache-2.0
 *
 * content_range - the Content-Range of an uploaded piece: "0-1023", or as HTTP writes it,
 * "bytes 0-1023/2048". Pure.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Both ends are inclusive; @out_last may be below @out_first. Source: OCI distribution-spec
 * "Pushing a blob in chunks"; RFC 9110 section 14.4 for the other form. */
must_check bool content_range_parse(struct span text, int64_t *out_first, int64_t *out_last);
