/* SPDX-License-Identifier: Apache-2.0
 *
 * tags_get - GET /v2/<name>/tags/list: the tags in bytewise order, whole or a page at a time
 * (end-8).
 */
#include "lib/api/handlers.h"
#include "lib/api/names.h"
#include "lib/api/page.h"
#include "lib/base/json.h"
#include "lib/registry/tag_store.h"

#include "lib/base/banned.h"

#define HEAD_MAX 1024 /* bytes of the answer up to the tags */
#define LAST_MAX 1024 /* bytes of `last` that are looked at */

/* The first name after @last; @last need not exist. */
static size_t first_after(const struct storage_list *tags, struct span last)
{
    size_t at = storage_list_position(tags, last);

    return at < tags->count && span_equals(span_of(tags->names[at]), last) ? at + 1 : at;
}

/* Chooses the page: names @out_first and on, @out_count of them. */
static int choose(struct exchange *ex, const struct storage_list *tags, size_t *out_first,
                  size_t *out_count, struct error *err)
{
    auto_str last = STR_INIT(LAST_MAX);
    auto_str text = STR_INIT(64);
    int64_t n = 0;
    int has_n = page_get_count(ex, &text, &n);
    size_t first = 0;
    size_t count;

    if (has_n < 0)
        return page_refuse(str_span(&text), false, err);
    if (exchange_query(ex, "last", &last))
        first = first_after(tags, str_span(&last));
    count = tags->count - first;
    if (has_n > 0 && (uint64_t)n < count) {
        count = (size_t)n;
        if (count > 0)
            page_set_link(ex, tags->names[first + count - 1], n);
    }
    *out_first = first;
    *out_count = count;
    return 0;
}

int tags_get(struct exchange *ex, struct error *err)
{
    auto_storage_list tags = {0};
    auto_str head = STR_INIT(HEAD_MAX);
    size_t first = 0;
    size_t count = 0;

    if (tag_list(ex->registry, ex->repository, &tags, err) < 0 ||
        choose(ex, &tags, &first, &count, err) < 0)
        return -1;
    str_append_text(&head, "{\"name\":");
    json_append_string(&head, span_of(ex->repository));
    str_append_text(&head, ",\"tags\":");
    return names_send(ex, str_span(&head), &tags, first, count, err);
}
