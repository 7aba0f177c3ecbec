/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - see repository.h.
 */
#include "lib/registry/repository.h"

#include "lib/base/log.h"
#include "lib/registry/presence.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include "lib/base/banned.h"

#define KEEP_NAME "/.keep"

int repository_keep(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    auto_str keep = STR_INIT(LAYOUT_KEY_SIZE + sizeof(KEEP_NAME));
    struct storage_stat stat;
    struct error why = ERROR_INIT;

    if (store_stat_directory(registry->store, layers.text, &stat, &why) == 0)
        return 0;
    if (presence_tolerate(&why, err) < 0)
        return -1;
    str_append_text(&keep, layers.text);
    str_append_text(&keep, KEEP_NAME);
    return way_put(registry->store, str_text(&keep), SPAN(""), err);
}

/* Better a link that nobody wanted any more than a repository that garbage collection overlooks. */
static void put_back(struct registry *registry, const char *key, struct span content)
{
    struct error err = ERROR_INIT;

    if (store_put(registry->store, key, content, &err) < 0)
        log_error("a repository may be missing in the catalog: %s", err.message);
}

static int unlink_and_keep(struct registry *registry, const char *repository, const char *key,
                           struct span content, struct error *err)
{
    struct error ignored = ERROR_INIT;

    if (store_remove(registry->store, key, err) < 0) {
        if (err->code != ERROR_NOT_FOUND && repository_keep(registry, repository, &ignored) < 0)
            put_back(registry, key, content);
        return -1; /* perhaps it is gone all the same, and only the answer was lost */
    }
    if (repository_keep(registry, repository, err) < 0) {
        put_back(registry, key, content);
        return -1;
    }
    return 0;
}

int repository_unlink(struct registry *registry, const char *repository, const char *key,
                      struct error *err)
{
    auto_str content = STR_INIT(DIGEST_TEXT_SIZE);
    int rc;

    if (store_get(registry->store, key, &content, err) < 0 && err->code != ERROR_TOO_LARGE)
        return -1;
    task_shield();
    rc = unlink_and_keep(registry, repository, key, str_span(&content), err);
    task_unshield();
    return rc;
}
