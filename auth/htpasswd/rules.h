/* SPDX-License-Identifier: Apache-2.0
 *
 * rules - who may do what where: the access file beside an htpasswd file. Pure; fuzzed.
 *
 *     # comment
 *     group @devs = alice, bob
 *     allow anonymous  pull       library/busybox public-*
 *     allow @devs      pull,push  team-* tools/images
 *     allow alice      *          **
 *     allow alice,carl catalog
 *
 * Every line adds to what is allowed; nothing else is. docs/access.md is the manual.
 */
#pragma once

#include "lib/auth/access.h"
#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define RULES_FILE_MAX  (1 << 20) /* bytes of a file */
#define RULES_LINE_MAX  4096      /* bytes of a line */
#define RULES_COUNT_MAX 10000     /* patterns, over all lines; members of groups likewise */

struct rules;

/*
 * rules_parse - @text as rules.
 *
 * Given: rules_free. Errors: INVALID, with the number of the line and what would be right ("line 3:
 * unknown group @dev"); TOO_LARGE.
 */
must_check int rules_parse(struct span text, struct rules **out, struct error *err);
void rules_free(struct rules *rules); /* NULL is fine */

/* Whether @user may do what the record says; @user NULL: somebody who has not logged in. What
 * anonymous may do everybody may. */
bool rules_allow(const struct rules *rules, const char *user, const struct access_record *record);

/* The text they were read from; lent. */
struct span rules_text(const struct rules *rules);

/* The name of the @index-th user the file names, sorted, each once; NULL behind the last. Lent. */
const char *rules_user(const struct rules *rules, size_t index);
