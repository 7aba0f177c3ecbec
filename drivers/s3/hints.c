/* SPDX-License-Identifier: Apache-2.0
 *
 * hints - see hints.h.
 */
#include "drivers/s3/hints.h"

#include "lib/base/lru.h"
#include "lib/base/memory.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define COUNT_MAX 1024 /* sessions between two requests; each takes some 300 bytes */

struct hints {
    struct lru *lru; /* struct hint by name */
    enum hints_end end;
    bool is_etag;
};

static void drop(void *value, void *arg)
{
    struct hint *hint = value;

    (void)arg;
    free(hint->id);
}

struct hints *hints_new(void)
{
    static const struct lru_options options = {
        .value_size = sizeof(struct hint), .count_max = COUNT_MAX, .on_drop = drop};
    struct hints *hints = xcalloc(1, sizeof(*hints));

    hints->lru = lru_new(&options);
    return hints;
}

void hints_free(struct hints *hints)
{
    lru_free(hints->lru);
    free(hints);
}

enum hints_end hints_end(const struct hints *hints)
{
    return hints->end;
}

void hints_learn(struct hints *hints, enum hints_end end)
{
    hints->end = end;
}

bool is_hints_etag(const struct hints *hints)
{
    return hints->is_etag;
}

void hints_learn_etag(struct hints *hints, bool is_etag)
{
    hints->is_etag = is_etag;
}

const struct hint *hints_find(struct hints *hints, const char *name)
{
    return lru_find(hints->lru, span_of(name));
}

void hints_put(struct hints *hints, const char *name, const struct hint *hint)
{
    struct hint own = *hint;

    own.id = xstrdup(hint->id);
    lru_put(hints->lru, span_of(name), &own);
}

void hints_forget(struct hints *hints, const char *name)
{
    lru_remove(hints->lru, span_of(name));
}
