/* SPDX-License-Identifier: Apache-2.0
 *
 * link - see link.h. Ours are replaced in one step; upstream rewrites its links in place, so that
 * one found empty or cut may be whole a moment later.
 */
#include "lib/registry/link.h"

#include "lib/base/log.h"
#include "lib/registry/way.h"
#include "lib/task/task.h"

#include <errno.h>

#include "lib/base/banned.h"

#define RETRY_COUNT 3
#define RETRY_MS    10

/* DAMAGED: there is something at @key, but no digest. NOT_FOUND with EISDIR: not even a file. */
static int load(struct registry *registry, const char *key, struct digest *out, struct error *err)
{
    auto_str text = STR_INIT(DIGEST_TEXT_SIZE);

    if (store_get(registry->store, key, &text, err) < 0)
        return err->code == ERROR_TOO_LARGE ? error_translate(err, ERROR_DAMAGED) : -1;
    if (!digest_parse(str_span(&text), out))
        return error_set(err, ERROR_DAMAGED, "%s: %zu bytes that are no digest", key, text.len);
    return 0;
}

int link_read(struct registry *registry, const char *key, struct digest *out, struct error *err)
{
    struct error why = ERROR_INIT;

    for (int attempt = 0; load(registry, key, out, &why) < 0; attempt++) {
        if (why.code != ERROR_DAMAGED) {
            if (why.sys == EISDIR)
                log_warn("link damaged, taken as absent: %s", why.message);
            *err = why;
            return -1;
        }
        if (attempt == RETRY_COUNT) {
            log_warn("link damaged, taken as absent: %s", why.message);
            *err = why;
            return error_translate(err, ERROR_NOT_FOUND);
        }
        if (task_sleep(RETRY_MS, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether there is nothing to write; where a put costs no more than looking, nobody looks. */
static bool is_there(struct registry *registry, const char *key, const struct digest *digest)
{
    struct digest present;
    struct error ignored = ERROR_INIT;

    return !is_store_put_cheap(registry->store) && load(registry, key, &present, &ignored) == 0 &&
           digest_equals(&present, digest);
}

int link_write(struct registry *registry, const char *key, const struct digest *digest,
               struct error *err)
{
    char text[DIGEST_TEXT_SIZE];

    if (is_there(registry, key, digest))
        return 0;
    return way_put(registry->store, key, span_of(digest_format(digest, text)), err);
}
