/* SPDX-License-Identifier: Apache-2.0
 *
 * etag - entity tags in If-Match, If-None-Match and If-Range. Pure. Source: RFC 9110 section 8.8.3.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>

enum etag_comparison {
    ETAG_STRONG, /* a weak tag never matches: If-Match, If-Range */
    ETAG_WEAK,   /* `W/` is ignored: If-None-Match */
    ETAG_LOOSE,  /* likewise, and the quotes may be missing: manifests, as upstream */
};

/* Whether @list (a header's value: tags separated by commas, or `*`) names @tag, given without its
 * quotes. A list that stops parsing has only what came before. */
bool etag_list_has(struct span list, struct span tag, enum etag_comparison comparison);

/* If-Range: one strong tag. */
bool etag_is(struct span value, struct span tag);
