/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog - see catalog.h.
 *
 * Siblings come sorted bytewise and a directory comes before what is below it: that alone gives
 * the order of full names with `/` lowest. To go on after @last, the walk descends straight along
 * its components and starts at each level with the first sibling that is not before them.
 */
#include "lib/registry/catalog.h"

#include "lib/base/log.h"
#include "lib/oci/reference.h"
#include "lib/registry/presence.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <string.h>

#include "lib/base/banned.h"

/* Names of others' that are skipped before other tasks get their turn; a name of ours waits for the
 * storage anyway. */
#define SKIPPED_A_TURN 512

struct walk {
    struct registry *registry;
    const char *last;
    size_t limit;
    struct storage_list *out;
    bool has_more;
    char name[REPOSITORY_LEN_MAX + 1]; /* of the directory the walk is in; "" at the root */
    size_t name_len;
};

/* The first position whose name is not before @name. */
static size_t lower_bound(const struct storage_list *list, struct span name)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (span_compare(span_of(list->names[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_name(const struct storage_list *list, const char *name)
{
    size_t at = lower_bound(list, span_of(name));

    return at < list->count && strcmp(list->names[at], name) == 0;
}

/* Whether @last lies below the walk's directory; then @out_rest is @last from there on. */
static bool is_last_below(const struct walk *walk, struct span *out_rest)
{
    struct span last = span_of(walk->last);

    if (walk->name_len > 0) {
        if (!span_starts_with(last, span_make(walk->name, walk->name_len)) ||
            last.len == walk->name_len || last.data[walk->name_len] != '/')
            return false;
        last = span_from(last, walk->name_len + 1);
    }
    *out_rest = last;
    return true;
}

/* Notes the walk's directory, a repository, if the page still has room. */
static void emit(struct walk *walk)
{
    if (walk->name_len == 0)
        return; /* `_layers` at the root: nobody can name that in a request */
    if (walk->out->count == walk->limit)
        walk->has_more = true;
    else
        storage_list_add(walk->out, span_make(walk->name, walk->name_len));
}

/* False when the name would be too long for a repository, or cannot be a part of one: `_layers` and
 * the like, and what others put there, is not even looked into. */
static bool enter(struct walk *walk, const char *child)
{
    size_t len = strlen(child);
    size_t separator = walk->name_len > 0 ? 1 : 0;

    if (!is_repository(span_make(child, len)) ||
        walk->name_len + separator + len > REPOSITORY_LEN_MAX)
        return false;
    if (separator > 0)
        walk->name[walk->name_len++] = '/';
    memcpy(walk->name + walk->name_len, child, len + 1);
    walk->name_len += len;
    return true;
}

static void leave(struct walk *walk, size_t name_len)
{
    walk->name_len = name_len;
    walk->name[name_len] = '\0';
}

static int list_directory(struct walk *walk, struct storage_list *out, struct error *err)
{
    struct layout_key key =
        walk->name_len > 0 ? layout_repository(walk->name) : layout_repositories_root();
    struct error why = ERROR_INIT;

    if (store_list(walk->registry->store, key.text, out, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0; /* a file, or a directory just removed */
    if (walk->name_len == 0 || !is_presence_local(&why)) {
        *err = why;
        return -1;
    }
    log_warn("catalog: passed over: %s", why.message);
    return 0;
}

/* Visits the walk's directory: itself, unless it comes before @last, then those below. As deep as
 * a repository's name has components, which REPOSITORY_LEN_MAX bounds. */
static int visit(struct walk *walk, struct error *err)
{
    auto_storage_list children = {0};
    size_t name_len = walk->name_len;
    struct span rest;
    size_t first = 0;

    if (list_directory(walk, &children, err) < 0)
        return -1;
    if (is_last_below(walk, &rest))
        first = lower_bound(&children, span_cut(&rest, '/'));
    else if (strcmp(walk->name, walk->last) != 0 && has_name(&children, "_layers"))
        emit(walk);
    for (size_t i = first; i < children.count && !walk->has_more; i++) {
        if (!enter(walk, children.names[i])) {
            if (i % SKIPPED_A_TURN == 0 && task_sleep(0, err) < 0)
                return -1;
            continue;
        }
        if (visit(walk, err) < 0)
            return -1;
        leave(walk, name_len);
    }
    return 0;
}

int catalog_list(struct registry *registry, const char *last, size_t limit,
                 struct storage_list *out, bool *out_more, struct error *err)
{
    struct storage_list page = {0};
    struct walk walk = {.registry = registry, .last = last, .limit = limit, .out = &page};

    if (visit(&walk, err) < 0) {
        storage_list_fini(&page);
        return -1;
    }
    *out = page;
    *out_more = walk.has_more;
    return 0;
}
