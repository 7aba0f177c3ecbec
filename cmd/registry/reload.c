/* SPDX-License-Identifier: Apache-2.0
 *
 * reload - see reload.h.
 */
#include "cmd/registry/reload.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/task/offload.h"

#include <unistd.h>

#include "lib/base/banned.h"

#define WARNINGS_MAX (64 << 10) /* bytes */

/* What a helper reads; it must not log. */
struct loading {
    const char *path;
    struct config *config;
    struct str warnings; /* one in each line */
};

static void collect_warning(const char *message, void *arg)
{
    struct str *warnings = arg;

    str_append_text(warnings, message);
    str_append_char(warnings, '\n');
}

static int load(void *arg, struct error *err)
{
    struct loading *loading = arg;

    return config_load_again(loading->path, environ, collect_warning, &loading->warnings,
                             &loading->config, err);
}

static void log_taken(const char *key, bool is_reloadable, void *arg)
{
    (void)arg;
    if (is_reloadable)
        log_info("%s has changed", key);
}

static void log_left(const char *key, bool is_reloadable, void *arg)
{
    (void)arg;
    if (!is_reloadable)
        log_warn("%s has changed: that takes effect at the next start", key);
}

struct config *reload(struct instance *instance, const char *path, const struct config *started,
                      const struct config *current)
{
    struct loading loading = {.path = path, .warnings = STR_INIT(WARNINGS_MAX)};
    struct error err = ERROR_INIT;
    size_t failed;

    if (offload(load, &loading, &err) < 0) {
        if (err.code != ERROR_CANCELED) /* we are about to stop */
            log_error("the configuration stays as it was: %s", err.message);
        str_fini(&loading.warnings);
        return NULL;
    }
    log_warn_lines(str_span(&loading.warnings));
    str_fini(&loading.warnings);
    log_set_level(loading.config->log.level);
    config_each_difference(current, loading.config, log_taken, NULL);
    config_each_difference(started, loading.config, log_left, NULL);
    failed = instance_reload(instance, loading.config);
    if (failed == 0)
        log_info("the configuration has been read again");
    return loading.config;
}
