/* SPDX-License-Identifier: Apache-2.0
 *
 * presence - see presence.h.
 */
#include "lib/registry/presence.h"

#include <errno.h>

#include "lib/base/banned.h"

bool is_presence_local(const struct error *why)
{
    switch (why->sys) {
    case EACCES:
    case EPERM:
    case ELOOP:
    case EIO:
    case EBADMSG:
    case EUCLEAN:
        return true;
    default:
        return why->code == ERROR_NOT_FOUND || why->code == ERROR_KEY;
    }
}

int presence_tolerate(const struct error *why, struct error *err)
{
    if (why->code == ERROR_NOT_FOUND)
        return 0;
    *err = *why;
    return -1;
}

int presence_of(struct store *store, const char *key, bool *out, struct error *err)
{
    struct storage_stat ignored;
    struct error why = ERROR_INIT;
    bool is_there = store_stat(store, key, &ignored, &why) == 0;

    if (!is_there && presence_tolerate(&why, err) < 0)
        return -1;
    *out = is_there;
    return 0;
}

int presence_end(struct store *store, const char *key, struct error *err)
{
    struct error why = ERROR_INIT;

    return store_remove(store, key, &why) == 0 ? 0 : presence_tolerate(&why, err);
}
