/* SPDX-License-Identifier: Apache-2.0
 *
 * walk - see walk.h.
 */
#include "lib/registry/walk.h"

#include "lib/base/log.h"
#include "lib/registry/presence.h"
#include "lib/storage/layout.h"

#include <string.h>

#include "lib/base/banned.h"

bool walk_enter(struct walk *walk, const char *child)
{
    size_t len = strlen(child);
    size_t separator = walk->len > 0 ? 1 : 0;

    if (!is_repository(span_make(child, len)) || walk->len + separator + len > REPOSITORY_LEN_MAX)
        return false;
    if (separator > 0)
        walk->name[walk->len++] = '/';
    memcpy(walk->name + walk->len, child, len + 1);
    walk->len += len;
    return true;
}

void walk_leave(struct walk *walk, size_t len)
{
    walk->len = len;
    walk->name[len] = '\0';
}

int walk_list(struct store *store, const struct walk *walk, const char *what,
              struct storage_list *out, struct error *err)
{
    struct layout_key key =
        walk->len > 0 ? layout_repository(walk->name) : layout_repositories_root();
    struct error why = ERROR_INIT;

    if (store_list(store, key.text, out, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    if (walk->len == 0 || !is_presence_local(&why)) {
        *err = why;
        return -1;
    }
    log_warn("%s: passed over: %s", what, why.message);
    return 1;
}
