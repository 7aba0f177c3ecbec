/* SPDX-License-Identifier: Apache-2.0
 *
 * tag_store - see tag_store.h.
 */
#include "lib/registry/tag_store.h"

#include "lib/oci/reference.h"
#include "lib/registry/link.h"
#include "lib/storage/layout.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include "lib/base/banned.h"

#define FILTER_HERE_MAX 500 /* names that take less time than asking a helper */

/* Turns a storage NOT_FOUND into MANIFEST_UNKNOWN of the tag. */
static int translate(struct error *err, const char *repository, const char *tag)
{
    if (err->code != ERROR_NOT_FOUND)
        return -1;
    error_translate(err, ERROR_MANIFEST_UNKNOWN);
    error_wrap(err, "tag %s of %s", tag, repository);
    error_detail_json(err, "{\"Tag\":\"%s\"}", tag);
    return -1;
}

int tag_resolve(struct registry *registry, const char *repository, const char *tag,
                struct digest *out, struct error *err)
{
    struct layout_key key = layout_tag_current_link(repository, tag);

    return link_read(registry, key.text, out, err) < 0 ? translate(err, repository, tag) : 0;
}

int tag_put(struct registry *registry, const char *repository, const char *tag,
            const struct digest *digest, struct error *err)
{
    struct layout_key index = layout_tag_index_link(repository, tag, digest);
    struct layout_key current = layout_tag_current_link(repository, tag);
    int rc;

    task_shield();
    rc = link_write(registry, index.text, digest, err);
    if (rc == 0)
        rc = link_write(registry, current.text, digest, err);
    task_unshield();
    return rc;
}

int tag_remove(struct registry *registry, const char *repository, const char *tag,
               struct error *err)
{
    struct layout_key key = layout_tag(repository, tag);

    return store_remove(registry->store, key.text, err) < 0 ? translate(err, repository, tag) : 0;
}

/* A helper does it: there may be very many. */
static int filter_job(void *arg, struct error *err)
{
    (void)err;
    storage_list_filter(arg, is_tag);
    return 0;
}

int tag_list(struct registry *registry, const char *repository, struct storage_list *out,
             struct error *err)
{
    struct layout_key key = layout_tags(repository);
    auto_storage_list names = {0};

    if (store_list(registry->store, key.text, &names, err) < 0) {
        if (err->code != ERROR_NOT_FOUND)
            return -1;
        error_translate(err, ERROR_NAME_UNKNOWN);
        error_wrap(err, "tags of %s", repository);
        error_detail_json(err, "{\"name\":\"%s\"}", repository);
        return -1;
    }
    if (names.count <= FILTER_HERE_MAX)
        storage_list_filter(&names, is_tag);
    else if (offload(filter_job, &names, err) < 0)
        return -1;
    *out = names;
    names = (struct storage_list){0};
    return 0;
}
