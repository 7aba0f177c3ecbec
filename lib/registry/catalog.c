/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog - see catalog.h.
 *
 * Siblings come sorted bytewise and a directory comes before what is below it: that alone gives
 * the order of full names with `/` lowest. To go on after @last, the walk descends straight along
 * its components and starts at each level with the first sibling that is not before them.
 */
#include "lib/registry/catalog.h"

#include "lib/registry/walk.h"
#include "lib/task/task.h"

#include <string.h>

#include "lib/base/banned.h"

struct search {
    struct registry *registry;
    const char *last;
    size_t limit;
    struct storage_list *out;
    bool has_more;
    struct walk walk;
};

static bool has_name(const struct storage_list *list, const char *name)
{
    size_t at = storage_list_position(list, span_of(name));

    return at < list->count && strcmp(list->names[at], name) == 0;
}

/* Whether @last lies below the walk's directory; then @out_rest is @last from there on. */
static bool is_last_below(const struct search *search, struct span *out_rest)
{
    const struct walk *walk = &search->walk;
    struct span last = span_of(search->last);

    if (walk->len > 0) {
        if (!span_starts_with(last, span_make(walk->name, walk->len)) || last.len == walk->len ||
            last.data[walk->len] != '/')
            return false;
        last = span_from(last, walk->len + 1);
    }
    *out_rest = last;
    return true;
}

/* Notes the walk's directory, a repository, if the page still has room. */
static void emit(struct search *search)
{
    const struct walk *walk = &search->walk;

    if (walk->len == 0)
        return; /* `_layers` at the root: nobody can name that in a request */
    if (search->out->count == search->limit)
        search->has_more = true;
    else
        storage_list_add(search->out, span_make(walk->name, walk->len));
}

/* Visits the walk's directory: itself, unless it comes before @last, then those below. */
static int visit(struct search *search, struct error *err)
{
    auto_storage_list children = {0};
    struct walk *walk = &search->walk;
    size_t len = walk->len;
    struct span rest;
    size_t first = 0;

    if (walk_list(search->registry->store, walk, "catalog", &children, err) < 0)
        return -1;
    if (is_last_below(search, &rest))
        first = storage_list_position(&children, span_cut(&rest, '/'));
    else if (strcmp(walk->name, search->last) != 0 && has_name(&children, "_layers"))
        emit(search);
    for (size_t i = first; i < children.count && !search->has_more; i++) {
        if (!walk_enter(walk, children.names[i])) {
            if (i % WALK_SKIPPED_A_TURN == 0 && task_sleep(0, err) < 0)
                return -1;
            continue;
        }
        if (visit(search, err) < 0)
            return -1;
        walk_leave(walk, len);
    }
    return 0;
}

int catalog_list(struct registry *registry, const char *last, size_t limit,
                 struct storage_list *out, bool *out_more, struct error *err)
{
    struct storage_list page = {0};
    struct search search = {.registry = registry, .last = last, .limit = limit, .out = &page};

    if (visit(&search, err) < 0) {
        storage_list_fini(&page);
        return -1;
    }
    *out = page;
    *out_more = search.has_more;
    return 0;
}
