/* SPDX-License-Identifier: Apache-2.0
 *
 * members - see members.h.
 */
#include "lib/oci/members.h"

#include "lib/base/span.h"

#include "lib/base/banned.h"

static const char *type_name(int type)
{
    switch (type & 0xff) {
    case cJSON_String:
        return "string";
    case cJSON_Number:
        return "integer";
    case cJSON_Array:
        return "array";
    case cJSON_Object:
        return "object"; /* also a number that is no integer */
    case cJSON_NULL:
        return "null";
    default:
        return "bool";
    }
}

static int wrong_type(const char *field, const cJSON *value, int type, struct error *err)
{
    error_set(err, ERROR_MANIFEST_INVALID, "%s is of type %s, not %s", field,
              type_name(value->type), type_name(type));
    error_detail_json(err, "{\"Value\":\"%s\",\"Field\":\"%s\"}", type_name(value->type), field);
    return -1;
}

int members_refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_MANIFEST_INVALID, "%s", why);
    error_detail_json(err, "{}");
    return -1;
}

int members_pick(const cJSON *object, struct member *members, size_t count, struct error *err)
{
    for (const cJSON *child = object != NULL ? object->child : NULL; child != NULL;
         child = child->next) {
        struct span key = span_of(child->string);

        for (size_t i = 0; i < count; i++) {
            if (!span_equals_nocase(key, span_of(members[i].key)))
                continue;
            if (!cJSON_IsNull(child) && (child->type & 0xff) != members[i].type)
                return wrong_type(members[i].key, child, members[i].type, err);
            members[i].value = cJSON_IsNull(child) ? NULL : child;
            break;
        }
    }
    return 0;
}

int members_check_all(const cJSON *parent, const char *field, int type, struct error *err)
{
    for (const cJSON *child = parent != NULL ? parent->child : NULL; child != NULL;
         child = child->next) {
        if (!cJSON_IsNull(child) && (child->type & 0xff) != type)
            return wrong_type(field, child, type, err);
    }
    return 0;
}

size_t members_count(const cJSON *parent)
{
    size_t count = 0;

    for (const cJSON *child = parent != NULL ? parent->child : NULL; child != NULL;
         child = child->next)
        count++;
    return count;
}

const char *members_text(const cJSON *string)
{
    return string != NULL && cJSON_IsString(string) ? string->valuestring : "";
}
