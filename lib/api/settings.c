/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - see settings.h.
 */
#include "lib/api/settings.h"

#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/banned.h"

static void copy_headers(struct settings *settings, const struct config_pairs *from)
{
    settings->headers = xcalloc(from->count + 1, sizeof(*settings->headers));
    for (size_t i = 0; i < from->count; i++) {
        settings->headers[i].name = xstrdup(from->items[i].name);
        settings->headers[i].value = xstrdup(from->items[i].value);
    }
    settings->header_count = from->count;
}

struct settings *settings_new(const struct api_settings *from)
{
    struct settings *settings = xcalloc(1, sizeof(*settings));

    settings->user_count = 1;
    settings->is_read_only = from->is_read_only;
    settings->is_access_log_disabled = from->is_access_log_disabled;
    if (from->headers != NULL)
        copy_headers(settings, from->headers);
    return settings;
}

struct settings *settings_use(struct settings *settings)
{
    settings->user_count++;
    return settings;
}

void settings_release(struct settings *settings)
{
    assert(settings->user_count > 0);
    if (--settings->user_count > 0)
        return;
    for (size_t i = 0; i < settings->header_count; i++) {
        free(settings->headers[i].name);
        free(settings->headers[i].value);
    }
    free(settings->headers);
    free(settings);
}
