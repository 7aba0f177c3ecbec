/* SPDX-License-Identifier: Apache-2.0
 *
 * hints - which unfinished upload this process has last seen at a name. Private to the folder.
 *
 * Nothing is true because it is remembered: the parts of the upload are asked for, and one that the
 * service does not know any more is looked for as if nothing were known. But one that is alive is
 * the only one at its name: whoever begins another there, in whatever process, has ended it before.
 *
 * Not all services tell the end: OpenStack Swift still lists the parts of an upload that has become
 * the object at its name. So it is tried with the first one that a process completes. Until then,
 * and where ends are hidden, an upload is alive only if there is no object.
 */
#pragma once

#include <stdbool.h>
#include <time.h>

struct hints;

struct hint {
    char *id; /* owned by the table, which copies it */
    struct timespec modified_at;
    bool is_bare; /* there was no object at the name: it appears as the upload ends, only */
};

enum hints_end { HINTS_END_UNKNOWN, HINTS_END_TOLD, HINTS_END_HIDDEN };

/* Whether an upload that was completed says so. */
enum hints_end hints_end(const struct hints *hints);
void hints_learn(struct hints *hints, enum hints_end end);

/* Whether the ETag in the answer to a completion was the object's when that was looked at last, so
 * that it can be a condition. Where it was another, the service need not be odd: another process
 * may have put another object there. So it is looked at the next time. */
bool is_hints_etag(const struct hints *hints);
void hints_learn_etag(struct hints *hints, bool is_etag);

struct hints *hints_new(void); /* given: hints_free */
void hints_free(struct hints *hints);

/* Lent until the next call, by whatever task: copied before any wait. NULL: nothing is known. */
const struct hint *hints_find(struct hints *hints, const char *name);

/* Copies @hint. Of many names, those are kept that were used last. */
void hints_put(struct hints *hints, const char *name, const struct hint *hint);
void hints_forget(struct hints *hints, const char *name);
