/* SPDX-License-Identifier: Apache-2.0
 *
 * object - JSON objects of tokens and key files, read strictly: no name twice, no member of another
 * type than it should be. Parsing itself is lib/base/json and cJSON. Pure.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <cjson/cJSON.h>
#include <stdint.h>

#define OBJECT_MEMBERS_MAX 128

/* Scope cleanup of a parsed tree. */
static inline void object_cleanup(cJSON **json)
{
    cJSON_Delete(*json);
}

#define auto_object auto_cleanup(object_cleanup)

/*
 * object_parse - one JSON object and nothing else.
 *
 * @text  taken apart in place
 *
 * Given: cJSON_Delete. Errors: INVALID, with a message that holds nothing of the text.
 */
must_check int object_parse(struct str *text, cJSON **out, struct error *err);

/* That @json is an object of at most OBJECT_MEMBERS_MAX members, each name once. Errors: INVALID.
 */
must_check int object_check(const cJSON *json, struct error *err);

/* The member @name, lent; NULL when it is absent or null. */
const cJSON *object_member(const cJSON *object, const char *name);

/* A text; "" when it is absent. Lent. Errors: INVALID for another type. */
must_check int object_text(const cJSON *object, const char *name, const char **out,
                           struct error *err);

/* An integer of at most 2^53 in size; 0 when it is absent. Errors: INVALID for another type. */
must_check int object_integer(const cJSON *object, const char *name, int64_t *out,
                              struct error *err);

/* A list; NULL when it is absent. Lent. Errors: INVALID for another type. */
must_check int object_list(const cJSON *object, const char *name, const cJSON **out,
                           struct error *err);

/* A list of texts only, which may be empty; NULL when it is absent. Lent. Errors: INVALID. */
must_check int object_texts(const cJSON *object, const char *name, const cJSON **out,
                            struct error *err);

/* Whether a list of texts, or NULL, holds @text. */
bool object_texts_have(const cJSON *texts, const char *text);
