/* SPDX-License-Identifier: Apache-2.0
 *
 * passwords - the text of an htpasswd file as a table of users. Pure; fuzzed.
 *
 *     # comment
 *     alice:$2y$10$...
 *
 * Blanks around a line do not count, nor do empty lines and comments. A line is cut at its first
 * colon; of two lines for one user the last counts. One line without a colon and the whole text is
 * refused. Source: upstream's reader.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define PASSWORDS_FILE_MAX (16 << 20) /* bytes of a file */
#define PASSWORDS_LINE_MAX                                                                         \
    (64 << 10) /* bytes; a line is shorter, as upstream's reader wants it                          \
                */

enum passwords_line { PASSWORDS_NOTHING, PASSWORDS_ENTRY, PASSWORDS_BROKEN };

/* What one line is; of an entry, its two sides, lent. */
enum passwords_line passwords_split(struct span line, struct span *out_user,
                                    struct span *out_entry);

struct passwords;

/* Given: passwords_free. Errors: INVALID, TOO_LARGE; the message tells the number of the line,
 * never its text, which may well be a password. */
must_check int passwords_parse(struct span text, struct passwords **out, struct error *err);
void passwords_free(struct passwords *passwords); /* NULL is fine */

/* What stands behind the user's colon, of any form; lent. False: there is no such user. */
bool passwords_find(const struct passwords *passwords, struct span user, struct span *out_entry);

/* Number of users. */
size_t passwords_count(const struct passwords *passwords);

/* Number of users whose entry is no bcrypt hash, or one that costs too much: none of them gets in.
 */
size_t passwords_useless_count(const struct passwords *passwords);

/* The text it was read from; lent. */
struct span passwords_text(const struct passwords *passwords);

/* Whether @after holds every user of @before with the same entry. */
bool passwords_only_gained(const struct passwords *before, const struct passwords *after);

/* The bcrypt cost that most entries have, the higher one of two; BCRYPT_COST_USUAL without any. */
unsigned passwords_usual_cost(const struct passwords *passwords);
