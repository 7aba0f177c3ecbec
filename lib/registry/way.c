/* SPDX-License-Identifier: Apache-2.0
 *
 * way - see way.h. Others may be repairing the same at the same time: each removal is of one kind
 * only (store_clear), so that what they have put right stays.
 */
#include "lib/registry/way.h"

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/storage/layout.h"

#include <string.h>

#include "lib/base/banned.h"

/* The length of the first directory of @key that is the registry's own: blobs, or a `_` directory
 * of a repository. All of the key when it has none. */
static size_t own_part(const char *key)
{
    struct layout_key blobs = layout_blobs_root();
    const char *own = strstr(key, "/_");

    if (span_starts_with(span_of(key), span_of(blobs.text)))
        return strlen(blobs.text);
    return own != NULL ? (size_t)(own - key) + 1 + strcspn(own + 1, "/") : strlen(key);
}

/* Removes what is at the first @len bytes of @key unless it is a directory. */
static int clear_above(struct store *store, const char *key, size_t len, struct error *err)
{
    auto_free char *above = xstrndup(key, len);
    struct storage_stat stat;

    if (store_stat(store, above, &stat, err) < 0 || stat.is_directory)
        return -1;
    log_warn("%s: a file in the way of a directory, removed", above);
    return store_clear(store, above, false, err);
}

static int clear_at(struct store *store, const char *key, struct error *err)
{
    struct storage_stat stat;

    if (store_stat(store, key, &stat, err) < 0 || !stat.is_directory)
        return -1;
    log_warn("%s: a directory in the way of a file, removed", key);
    return store_clear(store, key, true, err);
}

int way_clear(struct store *store, const char *key, struct error *err)
{
    struct error why = ERROR_INIT;
    size_t at;

    if (err->code != ERROR_EXISTS)
        return -1;
    for (at = own_part(key); key[at] != '\0'; at += 1 + strcspn(key + at + 1, "/")) {
        if (clear_above(store, key, at, &why) == 0)
            return 0;
    }
    return clear_at(store, key, &why);
}

int way_put(struct store *store, const char *key, struct span content, struct error *err)
{
    if (store_put(store, key, content, err) == 0)
        return 0;
    return way_clear(store, key, err) < 0 ? -1 : store_put(store, key, content, err);
}
