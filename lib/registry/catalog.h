/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog - the repositories of the registry, a page at a time.
 */
#pragma once

#include "lib/registry/registry.h"

/*
 * catalog_list - up to @limit repository names after @last, in order. May suspend.
 *
 * A repository is a directory that holds `_layers`, at any depth. Order: bytewise with `/` lowest,
 * so that a repository comes before those below it; the same on every driver. @last ("" for the
 * first page) need not exist. Only directories that can hold names after @last are visited, and
 * the walk stops one name after the page.
 *
 * @out_more  whether a name follows the page
 *
 * Given: storage_list_fini(@out). An empty or missing storage is an empty list.
 */
must_check int catalog_list(struct registry *registry, const char *last, size_t limit,
                            struct storage_list *out, bool *out_more, struct error *err);
