/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds - see kinds.h.
 */
#include "drivers/middleware/kinds.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/config/config.h"
#include "lib/storage/store.h"

#include <string.h>

#include "lib/base/banned.h"

static const struct middleware_kind *const kinds[] = {
    &cloudfront_middleware,
    &redirect_middleware,
    &rewrite_middleware,
};

/* NULL when there is none of that name. */
static const struct middleware_kind *find(const char *name)
{
    for (size_t i = 0; i < array_count(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static int open_one(const struct config_storage_middleware *config, struct store *store,
                    struct error *err)
{
    const struct middleware_kind *kind = find(config->name);
    struct middleware *middleware;

    if (config->is_disabled)
        return 0;
    if (kind == NULL)
        error_set(err, ERROR_INVALID, "no storage middleware registered with name: %s",
                  config->name);
    else if (kind->open(config, &middleware, err) == 0) {
        middleware->kind = kind;
        store_add_middleware(store, middleware);
        log_debug("configured \"%s\" storage middleware", config->name);
        return 0;
    }
    return error_wrap(err, "unable to configure storage middleware (%s)", config->name);
}

int kinds_open(const struct config_items *list, struct store *store, struct error *err)
{
    const struct config_storage_middleware *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (open_one(&items[i], store, err) < 0)
            return -1;
    }
    return 0;
}
