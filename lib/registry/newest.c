/* SPDX-License-Identifier: Apache-2.0
 *
 * newest - see newest.h.
 */
#include "lib/registry/newest.h"

#include "lib/registry/presence.h"
#include "lib/task/task.h"

#include <string.h>

#include "lib/base/banned.h"

#define DEPTH_MAX 8 /* a session has three levels; more is nobody's */
#define KEY_MAX   2048
#define A_TURN    64 /* keys looked at before other tasks get their turn */

struct search {
    struct store *store;
    struct str key; /* where the search is */
    struct timespec newest;
    bool is_found;
    size_t count; /* of keys looked at */
};

static void note(struct search *search, struct timespec at)
{
    if (!search->is_found || at.tv_sec > search->newest.tv_sec ||
        (at.tv_sec == search->newest.tv_sec && at.tv_nsec > search->newest.tv_nsec))
        search->newest = at;
    search->is_found = true;
}

/* 0, or 1 when what is there counts for nothing. */
static int tolerate(const struct error *why, struct error *err)
{
    if (is_presence_local(why))
        return 1;
    *err = *why;
    return -1;
}

/* Notes the time of the search's key: 0 for a directory, 1 when nothing is below it. */
static int look(struct search *search, struct error *err)
{
    struct error why = ERROR_INIT;
    struct storage_stat stat;

    if (++search->count % A_TURN == 0 && task_sleep(0, err) < 0)
        return -1;
    if (str_overflowed(&search->key))
        return 1;
    if (store_stat(search->store, str_text(&search->key), &stat, &why) < 0)
        return tolerate(&why, err);
    note(search, stat.modified_at);
    return stat.is_directory ? 0 : 1;
}

static int list(struct search *search, struct storage_list *out, struct error *err)
{
    struct error why = ERROR_INIT;

    if (store_list(search->store, str_text(&search->key), out, &why) < 0)
        return tolerate(&why, err);
    return 0;
}

static int visit(struct search *search, int depth, struct error *err)
{
    auto_storage_list children = {0};
    size_t len = search->key.len;
    int rc = look(search, err);

    if (rc == 0 && depth < DEPTH_MAX)
        rc = list(search, &children, err);
    for (size_t i = 0; rc >= 0 && i < children.count; i++) {
        str_append_char(&search->key, '/');
        str_append_text(&search->key, children.names[i]);
        rc = visit(search, depth + 1, err);
        search->key.len = len;
        search->key.data[len] = '\0';
    }
    return rc < 0 ? -1 : 0;
}

int newest_change(struct store *store, const char *key, struct timespec *out, struct error *err)
{
    struct search search = {.store = store, .key = STR_INIT(KEY_MAX)};
    int rc;

    str_append_text(&search.key, key);
    rc = visit(&search, 0, err);
    str_fini(&search.key);
    if (rc < 0)
        return -1;
    if (!search.is_found)
        return 1;
    *out = search.newest;
    return 0;
}
