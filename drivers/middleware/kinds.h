/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds - every storage middleware of this program. A new one adds its line here, its row in
 * kinds.c and its source in CMakeLists.txt; nothing else knows them by name.
 */
#pragma once

#include "lib/storage/middleware.h"

extern const struct middleware_kind cloudfront_middleware;
extern const struct middleware_kind redirect_middleware;
extern const struct middleware_kind rewrite_middleware;

/* By its name in the configuration; NULL when there is none. */
const struct middleware_kind *kinds_find(const char *name);
