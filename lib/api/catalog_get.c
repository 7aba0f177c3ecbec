/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_get - GET /v2/_catalog: the repositories, a page at a time.
 */
#include "lib/api/handlers.h"
#include "lib/api/names.h"
#include "lib/api/page.h"
#include "lib/registry/catalog.h"

#include "lib/base/banned.h"

#define ENTRIES_DEFAULT 100                              /* without `n` */
#define ENTRIES_MAX     1000                             /* when none is configured */
#define LAST_MAX        (4 * (size_t)REPOSITORY_LEN_MAX) /* bytes of `last`; more is after all */

/* How many to list. */
static int page_size(const struct exchange *ex, int64_t *out, struct error *err)
{
    int64_t max = ex->options->catalog_entries_max;
    auto_str text = STR_INIT(64);
    int has_n = page_get_count(ex, &text, out);

    if (max <= 0)
        max = ENTRIES_MAX;
    if (has_n == 0)
        *out = ENTRIES_DEFAULT < max ? ENTRIES_DEFAULT : max;
    if (has_n < 0 || *out > max)
        return page_refuse(str_span(&text), has_n > 0, err);
    return 0;
}

static int list(struct exchange *ex, int64_t limit, struct storage_list *names, bool *out_more,
                struct error *err)
{
    auto_str last = STR_INIT(LAST_MAX);

    *out_more = false;
    if (limit == 0)
        return 0;
    if (!exchange_query(ex, "last", &last))
        str_reset(&last);
    return catalog_list(ex->registry, str_text(&last), (size_t)limit, names, out_more, err);
}

int catalog_get(struct exchange *ex, struct error *err)
{
    auto_storage_list names = {0};
    int64_t limit;
    bool has_more;

    if (page_size(ex, &limit, err) < 0 || list(ex, limit, &names, &has_more, err) < 0)
        return -1;
    if (has_more && names.count > 0)
        page_set_link(ex, names.names[names.count - 1], limit);
    return names_send(ex, SPAN("{\"repositories\":"), &names, 0, names.count, err);
}
