/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of options: that its rows make sense together.
 */
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/config/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void every_row_says_what_it_is_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        assert_non_null(options[i].help);
        assert_int_equal(options[i].help[strlen(options[i].help) - 1], '.');
    }
}

static void every_path_is_there_once_and_below_a_section(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const char *dot = strrchr(options[i].path, '.');
        auto_str parent = STR_INIT(256);

        assert_ptr_equal(option_find(options[i].path), &options[i]);
        if (dot == NULL)
            continue;
        str_append(&parent, span_make(options[i].path, (size_t)(dot - options[i].path)));
        assert_non_null(option_find(str_text(&parent)));
        assert_true(is_option_section(option_find(str_text(&parent))) ||
                    option_find(str_text(&parent))->type == OPTION_MAPS);
        assert_true(option_find(str_text(&parent)) < &options[i]);
    }
}

static void every_value_has_a_default_and_sections_have_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        bool is_value = !is_option_section(&options[i]) && options[i].state != OPTION_REFUSED;

        assert_int_equal(is_value, options[i].default_text != NULL);
        assert_true(options[i].type != OPTION_ANY || options[i].state == OPTION_REFUSED);
    }
}

/* The keys of items live in the struct of an item, and nothing else does. */
static void items_are_what_lies_below_a_list_of_maps(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        bool is_below = false;

        for (size_t list = 0; list < option_count; list++)
            is_below |= options[list].type == OPTION_MAPS && list != i &&
                        is_option_within(&options[i], &options[list]);
        assert_int_equal(options[i].is_item, is_below);
        assert_false(is_below && options[i].type == OPTION_MAPS);
        assert_int_equal(options[i].type == OPTION_MAPS, options[i].item_size > 0);
        assert_true(!options[i].is_required ||
                    (options[i].is_item && options[i].type == OPTION_TEXT));
    }
}

static void secrets_are_texts_or_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++)
        assert_true(!options[i].is_secret || options[i].type == OPTION_TEXT ||
                    options[i].type == OPTION_HEADERS);
}

static void variables_are_the_path_in_capitals(void **state)
{
    static const struct {
        const char *path;
        const char *variable;
    } cases[] = {
        {"http.addr", "REGISTRY_HTTP_ADDR"},
        {"storage.maintenance.uploadpurging.age", "REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE"},
        {"health.file", "REGISTRY_HEALTH_FILECHECKERS"},
        {"health.file.file", "REGISTRY_HEALTH_FILECHECKERS_0_FILE"},
        {"notifications.events.includereferences",
         "REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES"},
        {"compatibility.schema1.signingkeyfile", "REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str variable = STR_INIT(256);

        option_variable(option_find(cases[i].path), &variable);
        assert_string_equal(str_text(&variable), cases[i].variable);
    }
}

static void option_nearest_finds_what_was_meant(void **state)
{
    static const struct {
        const char *path;
        const char *nearest;
    } cases[] = {
        {"http.adr", "http.addr"},
        {"http.Addr", "http.addr"},
        {"htttp", "http"},
        {"http.maxentries", "catalog.maxentries"},
        {"storage.filesystem.rootdir", NULL},
        {"storage.filesystem.rootdirectry", "storage.filesystem.rootdirectory"},
        {"rootdirectory", "storage.filesystem.rootdirectory"},
        {"health.http.urll", "health.http.uri"},
        {"health.tcp.adr", "health.tcp.addr"},
        {"zzzzzzzz", NULL},
        {"", NULL},
        {".", NULL},
        {"http.", NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        const struct option *nearest = option_nearest(cases[i].path);

        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest->path, cases[i].nearest);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_says_what_it_is_for),
        cmocka_unit_test(every_path_is_there_once_and_below_a_section),
        cmocka_unit_test(every_value_has_a_default_and_sections_have_none),
        cmocka_unit_test(items_are_what_lies_below_a_list_of_maps),
        cmocka_unit_test(secrets_are_texts_or_headers),
        cmocka_unit_test(variables_are_the_path_in_capitals),
        cmocka_unit_test(option_nearest_finds_what_was_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
