/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations - see annotations.h.
 */
#include "lib/oci/annotations.h"

#include "lib/base/json.h"
#include "lib/base/memory.h"

#include <string.h>

#include "lib/base/banned.h"

struct pair {
    const cJSON *member;
    size_t position;
};

/* By key, and among equal keys in the order of the content. */
static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a;
    const struct pair *other = b;
    int order = strcmp(one->member->string, other->member->string);

    if (order != 0)
        return order;
    return one->position < other->position ? -1 : 1;
}

static bool is_text(const cJSON *value)
{
    return cJSON_IsString(value) || cJSON_IsNull(value);
}

static size_t collect(const cJSON *object, struct pair *out)
{
    size_t count = 0;

    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        if (!is_text(child))
            continue;
        if (out != NULL)
            out[count] = (struct pair){child, count};
        count++;
    }
    return count;
}

static void append_member(struct str *out, const cJSON *member)
{
    str_append_char(out, out->len == 0 ? '{' : ',');
    json_append_string(out, span_of(member->string));
    str_append_char(out, ':');
    json_append_string(out, span_of(cJSON_IsString(member) ? member->valuestring : ""));
}

char *annotations_format(const cJSON *object, size_t max)
{
    auto_free struct pair *pairs = NULL;
    auto_str out = STR_INIT(max);
    size_t count = object != NULL ? collect(object, NULL) : 0;

    if (count == 0)
        return NULL;
    pairs = xcalloc(count, sizeof(*pairs));
    collect(object, pairs);
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || strcmp(pairs[i].member->string, pairs[i + 1].member->string) != 0)
            append_member(&out, pairs[i].member);
    }
    str_append_char(&out, '}');
    return str_overflowed(&out) ? NULL : str_take(&out);
}
