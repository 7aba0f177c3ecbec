/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_storage - whether the storage answers.
 */
#include "lib/base/memory.h"
#include "lib/health/probe.h"
#include "lib/storage/store.h"

#include "lib/base/banned.h"

struct storage_probe {
    struct probe probe;
    struct store *store; /* lent */
};

static int storage_run(struct probe *probe, struct error *err)
{
    return store_probe(((struct storage_probe *)probe)->store, err);
}

static void storage_free(struct probe *probe)
{
    free(probe);
}

struct probe *probe_storage_new(struct store *store)
{
    struct storage_probe *storage = xcalloc(1, sizeof(*storage));

    storage->probe = (struct probe){storage_run, storage_free};
    storage->store = store;
    return &storage->probe;
}
