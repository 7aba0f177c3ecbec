/* SPDX-License-Identifier: Apache-2.0
 *
 * reference - repository names, tags, and references: a tag or a digest.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/oci/digest.h"

#include <stdbool.h>

#define REPOSITORY_LEN_MAX 255 /* bytes */
#define TAG_LEN_MAX        128

/* Matches upstream's name pattern (host part included) whatever its length; a name that does and
 * is longer than REPOSITORY_LEN_MAX is NAME_INVALID rather than an unknown path. */
bool is_repository_shaped(struct span text);

/* A name that can be stored: shaped, at most 255 bytes, and free of the characters `:`, `[` and
 * `]`, which only upstream's pattern admits and no storage key can hold. */
bool is_repository(struct span text);

/* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */
bool is_tag(struct span text);

struct reference {
    bool is_digest;
    struct digest digest; /* if is_digest */
    struct span tag;      /* otherwise; lent from the parsed text */
};

/* True for a valid tag or a valid digest. */
must_check bool reference_parse(struct span text, struct reference *out);
