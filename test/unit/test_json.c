/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON strings as upstream writes them, and the strict check before cJSON.
 */
#include "lib/base/json.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    struct span text;
    const char *json;
} strings[] = {
    {{"", 0}, "\"\""},
    {{"plain/text", 10}, "\"plain/text\""},
    {{"\"\\", 2}, "\"\\\"\\\\\""},
    {{"a\nb\rc\td", 7}, "\"a\\nb\\rc\\td\""},
    {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\x7f\""},
    {{"<a>&", 4}, "\"\\u003ca\\u003e\\u0026\""},
    {{"\xc3\xa4\xf0\x9f\x98\x80", 6}, "\"\xc3\xa4\xf0\x9f\x98\x80\""},
    {{"\xe2\x80\xa8\xe2\x80\xa9", 6}, "\"\\u2028\\u2029\""},
    {{"\xff", 1}, "\"\\ufffd\""},
    {{"\xc3", 1}, "\"\\ufffd\""},
    {{"\xc0\x80", 2}, "\"\\ufffd\\ufffd\""},
    {{"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
    {{"\xf4\x90\x80\x80", 4}, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
};

static void json_append_string_escapes_as_upstream(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(strings); i++) {
        auto_str out = STR_INIT(100);

        json_append_string(&out, strings[i].text);
        assert_string_equal(str_text(&out), strings[i].json);
    }
}

/* ---- json_prepare ---- */

static const struct json_limits limits = {.depth = 3, .values = 8};

/* In a buffer of the exact size, so that the sanitizer sees a read beyond it. Given. */
static char *prepare(struct span text, enum json_fault *out_fault, size_t *out_offset)
{
    char *copy = xmalloc(text.len);

    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    *out_fault = json_prepare(copy, text.len, limits, out_offset);
    return copy;
}

static enum json_fault judge(struct span text, size_t *out_offset)
{
    enum json_fault fault;

    free(prepare(text, &fault, out_offset));
    return fault;
}

static const char *const unchanged[] = {
    "{}",
    " \t\r\n[ ] ",
    "null",
    "-0",
    "0",
    "[true,false,null,1,-1]",
    "{\"a\":{\"b\":[\"c\"]},\"d\":2}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"",
    "\"\\ud83d\\ude00\\uFFFF\"",
    "\"\xff\xc3\x7f\"",
    "9007199254740992",
    "-9007199254740992",
};

static void json_prepare_leaves_plain_json_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(unchanged); i++) {
        enum json_fault fault;
        size_t offset;
        auto_free char *text = prepare(span_of(unchanged[i]), &fault, &offset);

        if (fault != JSON_FINE)
            fail_msg("refused: %s", unchanged[i]);
        assert_memory_equal(text, unchanged[i], strlen(unchanged[i]));
    }
}

static const struct {
    const char *text;
    const char *prepared;
} rewritten[] = {
    {"2.0", "{} "},
    {"[1e5]", "[{} ]"},
    {"[2E+1,3]", "[{}  ,3]"},
    {"-0.0", "{}  "},
    {"9007199254740993", "{}              "},
    {"-99999999999999999999", "{}                   "},
    {"\"a\\u0000b\"", "\"a\\ufffdb\""},
    {"\"\\ud83d\"", "\"\\ufffd\""},
    {"\"\\ude00\\ud83d\"", "\"\\ufffd\\ufffd\""},
    {"\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\""},
    {"\"\\ud83d\\u0000\"", "\"\\ufffd\\ufffd\""},
    {"\"\\uD83Dx\"", "\"\\ufffdx\""},
    {"{\"\\u0000\":1}", "{\"\\ufffd\":1}"},
};

static void json_prepare_rewrites_what_would_be_misread(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(rewritten); i++) {
        enum json_fault fault;
        size_t offset;
        auto_free char *text = prepare(span_of(rewritten[i].text), &fault, &offset);

        if (fault != JSON_FINE)
            fail_msg("refused: %s", rewritten[i].text);
        assert_memory_equal(text, rewritten[i].prepared, strlen(rewritten[i].prepared));
    }
}

static const struct {
    struct span text;
    size_t offset;
} broken[] = {
    {{"", 0}, 0},
    {{" ", 1}, 1},
    {{"\xef\xbb\xbf{}", 5}, 1},
    {{"{}x", 3}, 3},
    {{"{} {}", 5}, 4},
    {{"{}\0", 3}, 3},
    {{"\0{}", 3}, 1},
    {{"[1,]", 4}, 4},
    {{"[,1]", 4}, 2},
    {{"[1 2]", 5}, 4},
    {{"[1", 2}, 2},
    {{"[}", 2}, 2},
    {{"{\"a\"}", 5}, 5},
    {{"{\"a\":}", 6}, 6},
    {{"{a:1}", 5}, 2},
    {{"{\"a\":1,}", 8}, 8},
    {{"{'a':1}", 7}, 2},
    {{"tru", 3}, 3},
    {{"nul ", 4}, 4},
    {{"True", 4}, 1},
    {{"01", 2}, 2},
    {{"-", 1}, 1},
    {{"+1", 2}, 1},
    {{".5", 2}, 1},
    {{"1.", 2}, 2},
    {{"1.e1", 4}, 3},
    {{"1e", 2}, 2},
    {{"1e+", 3}, 3},
    {{"0x10", 4}, 2},
    {{"NaN", 3}, 1},
    {{"\"a", 2}, 2},
    {{"\"a\n\"", 4}, 3},
    {{"\"a\0\"", 4}, 3},
    {{"\"\\", 2}, 2},
    {{"\"\\x\"", 4}, 3},
    {{"\"\\\0\"", 4}, 3},
    {{"\"\\u00g0\"", 8}, 6},
    {{"\"\\u00", 5}, 5},
    {{"\"\\ud83d\\u00\"", 12}, 12},
    {{"\v{}", 3}, 1},
    {{"// c\n{}", 7}, 1},
};

static void json_prepare_refuses_what_is_not_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        size_t offset = SIZE_MAX;

        if (judge(broken[i].text, &offset) != JSON_SYNTAX)
            fail_msg("accepted: %.*s", SPAN_ARGS(broken[i].text));
        if (offset != broken[i].offset)
            fail_msg("%.*s: after %zu", SPAN_ARGS(broken[i].text), offset);
    }
}

static void json_prepare_minds_its_limits(void **state)
{
    static const struct {
        const char *text;
        enum json_fault fault;
    } cases[] = {
        {"[[{}]]", JSON_FINE},
        {"[[],[[]],[],{\"a\":[]}]", JSON_FINE},
        {"[[[[]]]]", JSON_TOO_DEEP},
        {"{\"a\":{\"b\":{\"c\":{}}}}", JSON_TOO_DEEP},
        {"[1,2,3,4,5,6,7]", JSON_FINE},
        {"[1,2,3,4,5,6,7,8]", JSON_TOO_MANY},
        {"[{},{},{},{},{},{},{},{}]", JSON_TOO_MANY},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        size_t offset;

        assert_int_equal(judge(span_of(cases[i].text), &offset), cases[i].fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_append_string_escapes_as_upstream),
        cmocka_unit_test(json_prepare_leaves_plain_json_alone),
        cmocka_unit_test(json_prepare_rewrites_what_would_be_misread),
        cmocka_unit_test(json_prepare_refuses_what_is_not_json),
        cmocka_unit_test(json_prepare_minds_its_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
