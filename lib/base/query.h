/* SPDX-License-Identifier: Apache-2.0
 *
 * query - parameters of a request target's query, or of a form, which has the same form. Pure.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

/*
 * query_get - the decoded value of the first parameter @name, appended to @out.
 *
 * @query  raw, without the question mark
 *
 * False when there is none. Pairs that hold a `;` or a broken escape count as absent. Source: the
 * WHATWG form encoding, with upstream's treatment of what does not fit it.
 */
must_check bool query_get(struct span query, const char *name, struct str *out);
