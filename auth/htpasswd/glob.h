/* SPDX-License-Identifier: Apache-2.0
 *
 * glob - patterns of repository names. Pure.
 *
 *     `*`   any characters within one component, none too: web-* is web-1 and web-
 *     `**`  any number of whole components, none too: `team`, slash, `**` is team, team/a, team/a/b
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>

#define GLOB_LEN_MAX 255 /* bytes of a pattern */

/* What is wrong with @pattern, to follow its text in a sentence ("holds capitals; ..."); NULL when
 * it can match a repository. Static. */
const char *glob_check(struct span pattern);

/* @pattern: one that glob_check accepts; @name: anything. A name that no repository can have
 * because of its length is matched by `**` only. Takes at most pattern times name steps. */
bool glob_match(struct span pattern, struct span name);
