/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds - every storage middleware of this program. A new one adds its line here, its row in
 * kinds.c and its source in CMakeLists.txt; nothing else knows them by name.
 */
#pragma once

#include "lib/storage/middleware.h"

struct config_items;

extern const struct middleware_kind cloudfront_middleware;
extern const struct middleware_kind redirect_middleware;
extern const struct middleware_kind rewrite_middleware;

/* Opens what the configuration lists and puts each before those that came earlier; the store takes
 * them. Errors: INVALID, with the name of the one that is wrong. */
must_check int kinds_open(const struct config_items *list, struct store *store, struct error *err);
