/* SPDX-License-Identifier: Apache-2.0
 *
 * purge_litter - the half of purge that looks for the driver's leftovers; see purge.h.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/registry/purge.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <string.h>

#include "lib/base/banned.h"

#define DEPTH_MAX 192 /* directories; all that a registry makes is less than 140 deep */
#define KEY_MAX   1024

struct litter {
    struct store *store;
    struct timespec before;
    bool is_dry_run;
    struct purge_result *result;
    struct str key; /* where the search is */
};

static void note(struct litter *litter, const struct storage_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        log_info("purge: %s/%s was left by a process that was killed%s", str_text(&litter->key),
                 names->names[i], litter->is_dry_run ? "" : ", removed");
    litter->result->litter_count += names->count;
}

/* The directories in the one the search is in. What is gone is fine. */
static int sweep(struct litter *litter, struct storage_list *out, struct error *err)
{
    auto_storage_sweep found = {.litter = {0}};
    struct error why = ERROR_INIT;

    if (task_sleep(0, err) < 0)
        return -1;
    if (store_sweep(litter->store, str_text(&litter->key), litter->before, litter->is_dry_run,
                    &found, &why) < 0) {
        if (why.code == ERROR_CANCELED) {
            *err = why;
            return -1;
        }
        if (why.code != ERROR_NOT_FOUND && why.code != ERROR_KEY) {
            log_warn("purge: passed over: %s", why.message);
            litter->result->error_count++;
        }
        return 0;
    }
    note(litter, &found.litter);
    *out = found.directories;
    found.directories = (struct storage_list){0};
    return 0;
}

static int visit(struct litter *litter, int depth, struct error *err)
{
    auto_storage_list directories = {0};
    size_t len = litter->key.len;

    if (sweep(litter, &directories, err) < 0)
        return -1;
    for (size_t i = 0; i < directories.count && depth < DEPTH_MAX; i++) {
        int rc = 0;

        if (len + 1 + strlen(directories.names[i]) > KEY_MAX)
            continue;
        str_append_char(&litter->key, '/');
        str_append_text(&litter->key, directories.names[i]);
        rc = visit(litter, depth + 1, err);
        litter->key.len = len;
        litter->key.data[len] = '\0';
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int visit_root(struct litter *litter, struct layout_key root, struct error *err)
{
    str_reset(&litter->key);
    str_append_text(&litter->key, root.text);
    return visit(litter, 0, err);
}

int purge_litter(struct registry *registry, struct timespec before, bool is_dry_run,
                 struct purge_result *result, struct error *err)
{
    struct litter litter = {
        .store = registry->store,
        .before = before,
        .is_dry_run = is_dry_run,
        .result = result,
        .key = STR_INIT(KEY_MAX),
    };
    time_t latest = clock_now().tv_sec - PURGE_LITTER_AGE_S;
    int rc;

    if (litter.before.tv_sec > latest)
        litter.before = (struct timespec){.tv_sec = latest};
    rc = visit_root(&litter, layout_repositories_root(), err);
    if (rc == 0)
        rc = visit_root(&litter, layout_blobs_root(), err);
    str_fini(&litter.key);
    return rc;
}
