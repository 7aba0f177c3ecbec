/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds - see kinds.h.
 */
#include "drivers/middleware/kinds.h"

#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

static const struct middleware_kind *const kinds[] = {
    &cloudfront_middleware,
    &redirect_middleware,
    &rewrite_middleware,
};

const struct middleware_kind *kinds_find(const char *name)
{
    for (size_t i = 0; i < array_count(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}
