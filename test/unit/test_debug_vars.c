/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of /debug/vars.
 */
#include "lib/debug/vars.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static cJSON *printed(char *const *command_line)
{
    auto_str text = STR_INIT(64 << 10);
    cJSON *root;

    vars_print(command_line, &text);
    assert_false(str_overflowed(&text));
    root = cJSON_Parse(str_text(&text));
    assert_non_null(root);
    return root;
}

static void the_command_line_is_told_as_it_is(void **state)
{
    char name[] = "registry";
    char odd[] = "a\"b\\c\n<\xff>";
    char *const command_line[] = {name, odd, NULL};
    cJSON *root = printed(command_line);
    const cJSON *list = cJSON_GetObjectItem(root, "cmdline");

    (void)state;
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(cJSON_GetArrayItem(list, 0)->valuestring, "registry");
    assert_string_equal(cJSON_GetArrayItem(list, 1)->valuestring, "a\"b\\c\n<\xef\xbf\xbd>");
    cJSON_Delete(root);
}

static void without_a_command_line_the_list_is_empty(void **state)
{
    cJSON *root = printed(NULL);

    (void)state;
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "cmdline")), 0);
    cJSON_Delete(root);
}

static void what_scrapers_look_for_is_in_its_place(void **state)
{
    cJSON *root = printed(NULL);
    const cJSON *registry = cJSON_GetObjectItem(root, "registry");
    const cJSON *proxy = cJSON_GetObjectItem(registry, "proxy");

    (void)state;
    assert_int_equal(cJSON_GetArraySize(root), 3);
    assert_true(cJSON_IsNumber(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "memstats"), "Sys")));
    assert_true(cJSON_IsNull(
        cJSON_GetObjectItem(cJSON_GetObjectItem(registry, "notifications"), "endpoints")));
    assert_true(cJSON_IsNumber(cJSON_GetObjectItem(cJSON_GetObjectItem(proxy, "blobs"), "Hits")));
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_line_is_told_as_it_is),
        cmocka_unit_test(without_a_command_line_the_list_is_empty),
        cmocka_unit_test(what_scrapers_look_for_is_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
