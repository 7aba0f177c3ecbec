/* SPDX-License-Identifier: Apache-2.0
 *
 * accept - see accept.h.
 */
#include "lib/api/accept.h"

#include "lib/oci/media_type.h"

#include "lib/base/banned.h"

void accept_add(struct accept *accept, struct span line)
{
    while (line.data != NULL) {
        struct span parameters = span_cut(&line, ',');
        struct span type = span_trim(span_cut(&parameters, ';'));
        enum manifest_kind kind = media_type_kind(type);

        if (span_is(type, "*/*") || span_equals_nocase(type, SPAN("application/*")))
            accept->has_any = true;
        else if (is_index_kind(kind))
            accept->has_index = true;
        else if (kind != MANIFEST_UNKNOWN_KIND)
            accept->has_image = true;
    }
}

bool is_accept_of_images_only(const struct accept *accept)
{
    return accept->has_image && !accept->has_index && !accept->has_any;
}
