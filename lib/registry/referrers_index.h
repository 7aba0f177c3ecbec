/* SPDX-License-Identifier: Apache-2.0
 *
 * referrers_index - what is known of a repository's revisions, as the text that `_referrers/index`
 * holds, and the passes over it. Pure; fuzzed.
 *
 *     1 sha256:<of all that follows>
 *     <hex of a revision>                    looked at: it has no subject
 *     <hex of a revision> sha512:<hex>       it refers to this subject
 *
 * The lines are sorted by revision, and each ends with a newline. What a line says follows from
 * the revision's content alone, so it can go missing but never become wrong; the number in front
 * changes with the rules by which content is read. Private to lib/registry.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/storage/driver.h"

#define REFERRERS_INDEX_MAX ((size_t)256 << 20) /* bytes; more than a million revisions */

/* Whether @text is whole and well-formed; then its lines, lent, go to @out_lines. */
must_check bool referrers_index_open(struct span text, struct span *out_lines);

/* Appends a line; @subject is NULL for none. */
void referrers_index_add(struct str *lines, struct span revision, const struct digest *subject);

/*
 * referrers_index_select - compare @lines with the revisions there are, in one pass.
 *
 * @revisions   names of the directory of revisions, sorted; others than digests are passed over
 * @found       the digests ("sha256:...") of those that refer to @subject are added, in order
 * @unseen      names of those that no line tells of are added, in order; may be NULL
 */
void referrers_index_select(const struct storage_list *revisions, struct span lines,
                            const struct digest *subject, struct storage_list *found,
                            struct storage_list *unseen);

/* Appends a whole index of the @revisions there are, with all that @known and @learned tell of
 * them (both sorted lines); @out is empty before. */
void referrers_index_write(const struct storage_list *revisions, struct span known,
                           struct span learned, struct str *out);
