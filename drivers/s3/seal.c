/* SPDX-License-Identifier: Apache-2.0
 *
 * seal - see seal.h.
 */
#include "drivers/s3/seal.h"

#include "drivers/s3/s3_etag.h"
#include "lib/base/str.h"

#include <inttypes.h>

#include "lib/base/banned.h"

#define LINE_MAX 256

static void add(struct hasher *hasher, const struct part *part)
{
    struct span etag = s3_etag_bare(part->etag); /* not everybody writes the quotes everywhere */
    auto_str line = STR_INIT(LINE_MAX);

    str_append_format(&line, "%d %" PRId64 " %zu ", part->number, part->size, etag.len);
    hasher_update(hasher, str_text(&line), line.len);
    hasher_update(hasher, etag.data, etag.len);
}

void seal_of(const char *id, const struct parts *parts, const struct part *end, struct digest *out)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA256);

    hasher_update(hasher, id, strlen(id) + 1);
    for (size_t i = 0; i < parts->count; i++)
        add(hasher, &parts->items[i]);
    if (end != NULL)
        add(hasher, end);
    hasher_digest(hasher, out);
    hasher_free(hasher);
}
