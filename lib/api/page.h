/* SPDX-License-Identifier: Apache-2.0
 *
 * page - what the listings - catalog, tags, referrers - share: the page asked for, the JSON array,
 * the link to the next page.
 */
#pragma once

#include "lib/api/exchange.h"

/* The parameter `n`: 1 with @out set, 0 when it is absent or empty, -1 when it is no number. The
 * text of it goes to @text. */
int page_get_count(const struct exchange *ex, struct str *text, int64_t *out);

/* Sets PAGINATION_NUMBER_INVALID with detail {"n":...}. */
int page_refuse(struct span n, bool is_number, struct error *err);

/* Sets `Link: <path?last=...&n=...>; rel="next"`. */
void page_set_link(struct exchange *ex, const char *last, int64_t n);

/* The same with one more parameter in front, unless @value is empty. */
void page_set_link_with(struct exchange *ex, const char *name, struct span value, const char *last,
                        int64_t n);
