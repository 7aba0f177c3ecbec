/* SPDX-License-Identifier: Apache-2.0
 *
 * members - the members of a JSON object that matter, matched against a small table of keys. What
 * is not in the table is not looked at. Only manifest.c uses this; pure.
 *
 * Every refusal is MANIFEST_INVALID with a detail for the client, worded as upstream's.
 */
#pragma once

#include "lib/base/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* A key that matters, and what was found under it. */
struct member {
    const char *key;
    int type;           /* cJSON_String ... */
    const cJSON *value; /* lent from the object; NULL: nothing, or a JSON null */
};

/* Fills the values from @object, which may be NULL. Keys match without case, the last of equal ones
 * counts, all of them must be of the right type. */
must_check int members_pick(const cJSON *object, struct member *members, size_t count,
                            struct error *err);

/* That all elements or members of @parent, which may be NULL, are of @type or null; @field is its
 * name in the message. */
must_check int members_check_all(const cJSON *parent, const char *field, int type,
                                 struct error *err);

/* Refuses content for what it says, though the types are right. @why is for the log. Always -1. */
int members_refuse(struct error *err, const char *why);

/* Of a list or an object; 0 for NULL. */
size_t members_count(const cJSON *parent);

/* The text of a string, lent; "" for NULL and anything else. */
const char *members_text(const cJSON *string);
