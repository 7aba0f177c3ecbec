/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - see repository.h.
 */
#include "lib/registry/repository.h"

#include "lib/storage/layout.h"

#include "lib/base/banned.h"

#define PIN_NAME "/.keep"

static int has_key(struct registry *registry, const char *key, bool *out, struct error *err)
{
    struct storage_stat ignored;
    struct error why = ERROR_INIT;

    if (store_stat(registry->store, key, &ignored, &why) == 0) {
        *out = true;
        return 0;
    }
    if (why.code != ERROR_NOT_FOUND) {
        *err = why;
        return -1;
    }
    *out = false;
    return 0;
}

int repository_pin(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    auto_str pin = STR_INIT(LAYOUT_KEY_SIZE + sizeof(PIN_NAME));
    bool is_there;

    str_append_text(&pin, layers.text);
    str_append_text(&pin, PIN_NAME);
    if (has_key(registry, str_text(&pin), &is_there, err) < 0)
        return -1;
    return is_there ? 0 : store_put(registry->store, str_text(&pin), SPAN(""), err);
}

int repository_keep(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    bool is_there;

    if (has_key(registry, layers.text, &is_there, err) < 0)
        return -1;
    return is_there ? 0 : repository_pin(registry, repository, err);
}
