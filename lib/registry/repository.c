/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - see repository.h.
 */
#include "lib/registry/repository.h"

#include "lib/registry/presence.h"
#include "lib/storage/layout.h"

#include "lib/base/banned.h"

#define PIN_NAME "/.keep"

int repository_pin(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    auto_str pin = STR_INIT(LAYOUT_KEY_SIZE + sizeof(PIN_NAME));
    bool is_there;

    str_append_text(&pin, layers.text);
    str_append_text(&pin, PIN_NAME);
    if (presence_of(registry->store, str_text(&pin), &is_there, err) < 0)
        return -1;
    return is_there ? 0 : store_put(registry->store, str_text(&pin), SPAN(""), err);
}

int repository_keep(struct registry *registry, const char *repository, struct error *err)
{
    struct layout_key layers = layout_layers(repository);
    bool is_there;

    if (presence_of(registry->store, layers.text, &is_there, err) < 0)
        return -1;
    return is_there ? 0 : repository_pin(registry, repository, err);
}
