/* SPDX-License-Identifier: Apache-2.0
 *
 * url_policy - which URLs the layers of a pushed manifest may name. Pure, and safe on any thread.
 *
 * Expressions are searched for anywhere in the URL, as upstream does with RE2; what RE2 has not
 * (references back to a group) is refused here, too. Matching takes no path twice, whatever the
 * expression: a hostile URL costs at most the product of its length, squared, and the
 * expression's.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>

#define URL_LEN_MAX 2048 /* bytes; a longer URL is refused by any expression */

struct url_policy;

/* A list of expressions. */
struct url_expressions {
    const char *const *items; /* borrowed */
    size_t count;
};

/*
 * url_policy_new - a policy of expressions.
 *
 * A URL passes if it matches one of @allow, or @allow is empty, and none of @deny.
 * Given: url_policy_free. INVALID, with the expression and what is wrong with it.
 */
must_check int url_policy_new(struct url_expressions allow, struct url_expressions deny,
                              struct url_policy **out, struct error *err);
void url_policy_free(struct url_policy *policy); /* NULL is fine */

/* INVALID unless @expression can be part of a policy; the message says what is wrong with it. */
must_check int url_policy_check_expression(const char *expression, struct error *err);

/* Whether @url may be named: an http or https URL of somebody, in the sense of is_http_url, that
 * passes the expressions. NULL for the policy: nothing may. What cannot be decided within the
 * limits may not. */
bool url_policy_allows(const struct url_policy *policy, struct span url);

/* Scheme http or https in lower case, so that no other spelling gets around an expression; then a
 * host, perhaps a port; no fragment, no control characters, no blanks, no broken escapes. */
bool is_http_url(struct span url);
