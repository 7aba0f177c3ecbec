/* SPDX-License-Identifier: Apache-2.0
 *
 * object - see object.h.
 */
#include "auth/token/object.h"

#include "lib/base/json.h"

#include <string.h>

#include "lib/base/banned.h"

/* Enough for the most entries that a token of 64 KiB has room for; a parsed value costs some 100
 * bytes. */
static const struct json_limits limits = {.depth = 16, .values = 16384};

int object_parse(struct str *text, cJSON **out, struct error *err)
{
    auto_object cJSON *json = NULL;
    size_t offset = 0;

    if (text->len == 0)
        return error_set(err, ERROR_INVALID, "no JSON at all");
    switch (json_prepare(text->data, text->len, limits, &offset)) {
    case JSON_FINE:
        break;
    case JSON_TOO_DEEP:
        return error_set(err, ERROR_INVALID, "JSON nested too deep at byte %zu", offset);
    case JSON_TOO_MANY:
        return error_set(err, ERROR_INVALID, "JSON of too many values at byte %zu", offset);
    case JSON_SYNTAX:
    default:
        return error_set(err, ERROR_INVALID, "invalid JSON at byte %zu", offset);
    }
    json = cJSON_ParseWithLength(text->data, text->len);
    if (object_check(json, err) < 0)
        return -1;
    *out = json;
    json = NULL;
    return 0;
}

static bool is_name_again(const cJSON *object, const cJSON *member)
{
    const cJSON *other;

    for (other = object->child; other != member; other = other->next) {
        if (strcmp(other->string, member->string) == 0)
            return true;
    }
    return false;
}

int object_check(const cJSON *json, struct error *err)
{
    const cJSON *member;
    size_t count = 0;

    if (!cJSON_IsObject(json))
        return error_set(err, ERROR_INVALID, "no JSON object");
    cJSON_ArrayForEach(member, json)
    {
        if (++count > OBJECT_MEMBERS_MAX)
            return error_set(err, ERROR_INVALID, "JSON object of too many members");
        if (is_name_again(json, member))
            return error_set(err, ERROR_INVALID, "JSON object with a name that comes twice");
    }
    return 0;
}

const cJSON *object_member(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNull(member) ? NULL : member;
}

int object_text(const cJSON *object, const char *name, const char **out, struct error *err)
{
    const cJSON *member = object_member(object, name);

    if (member != NULL && !cJSON_IsString(member))
        return error_set(err, ERROR_INVALID, "%s is not a string", name);
    *out = member != NULL ? member->valuestring : "";
    return 0;
}

int object_integer(const cJSON *object, const char *name, int64_t *out, struct error *err)
{
    const cJSON *member = object_member(object, name);

    if (member != NULL && !cJSON_IsNumber(member))
        return error_set(err, ERROR_INVALID, "%s is not an integer", name);
    *out = member != NULL ? (int64_t)member->valuedouble : 0;
    return 0;
}

int object_list(const cJSON *object, const char *name, const cJSON **out, struct error *err)
{
    const cJSON *member = object_member(object, name);

    if (member != NULL && !cJSON_IsArray(member))
        return error_set(err, ERROR_INVALID, "%s is not a list", name);
    *out = member;
    return 0;
}

int object_texts(const cJSON *object, const char *name, const cJSON **out, struct error *err)
{
    const cJSON *list = NULL;
    const cJSON *item;

    if (object_list(object, name, &list, err) < 0)
        return -1;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return error_set(err, ERROR_INVALID, "%s is not a list of strings", name);
    }
    *out = list;
    return 0;
}

bool object_texts_have(const cJSON *texts, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, texts)
    {
        if (strcmp(item->valuestring, text) == 0)
            return true;
    }
    return false;
}
