/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_json - any bytes as JSON: what json_prepare accepts, it accepts again as it is, cJSON reads
 * to the end, and no string in it is cut and no number inexact. And any bytes as a string: written
 * as JSON it is JSON.
 */
#include "lib/base/json.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {.depth = 64, .values = 10000};

static void check_tree(const cJSON *node)
{
    for (; node != NULL; node = node->next) {
        if (cJSON_IsNumber(node)) {
            assert(node->valuedouble >= -9007199254740992.0);
            assert(node->valuedouble <= 9007199254740992.0);
            assert(node->valuedouble == (double)(int64_t)node->valuedouble);
        }
        check_tree(node->child);
    }
}

/* A second opinion on depth: brackets and braces outside strings. */
static bool is_depth_within(struct span text, size_t max)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > max)
            return false;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    return true;
}

static void check_json(struct span input)
{
    auto_free char *text = xmalloc(input.len);
    auto_free char *again = xmalloc(input.len);
    size_t offset = SIZE_MAX;
    cJSON *tree;

    if (input.len > 0)
        memcpy(text, input.data, input.len);
    if (json_prepare(text, input.len, limits, &offset) != JSON_FINE) {
        assert(offset <= input.len);
        return;
    }
    assert(is_depth_within(span_make(text, input.len), limits.depth));
    memcpy(again, text, input.len);
    assert(json_prepare(again, input.len, limits, &offset) == JSON_FINE);
    assert(memcmp(again, text, input.len) == 0);
    tree = cJSON_ParseWithLength(text, input.len);
    assert(tree != NULL);
    check_tree(tree);
    cJSON_Delete(tree);
}

static void check_string(struct span input)
{
    auto_str out = STR_INIT(6 * input.len + 2);
    size_t offset;

    json_append_string(&out, input);
    assert(!str_overflowed(&out));
    assert(json_prepare(out.data, out.len, limits, &offset) == JSON_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_json(span_make(data, size));
    check_string(span_make(data, size));
    return 0;
}
