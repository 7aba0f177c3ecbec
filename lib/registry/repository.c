/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - see repository.h.
 */
#include "lib/registry/repository.h"

#include "lib/storage/layout.h"

#include "lib/base/banned.h"

#define KEEP_NAME "/.keep"

int repository_keep(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    auto_str keep = STR_INIT(LAYOUT_KEY_SIZE + sizeof(KEEP_NAME));
    struct storage_stat ignored;
    struct error why = ERROR_INIT;

    if (store_stat(registry->store, layers.text, &ignored, &why) == 0)
        return 0;
    if (why.code != ERROR_NOT_FOUND) {
        *err = why;
        return -1;
    }
    str_append_text(&keep, layers.text);
    str_append_text(&keep, KEEP_NAME);
    return store_put(registry->store, str_text(&keep), SPAN(""), err);
}
