/* SPDX-License-Identifier: Apache-2.0
 *
 * What REGISTRY_* variables do to a configuration.
 */
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define FILE_TEXT                                                                                  \
    "version: 0.1\n"                                                                               \
    "log: {fields: {service: registry}}\n"                                                         \
    "storage: {filesystem: {rootdirectory: /a}, delete: {enabled: true}}\n"                        \
    "http: {addr: ':1', headers: {X-A: [b]}}\n"
#define VARIABLES_MAX 8

static struct str warnings = {.max = 65536};

static void on_warning(const char *message, void *arg)
{
    (void)arg;
    str_append_format(&warnings, "%s\n", message);
}

/* @text: variables, one a line. */
static int parse(const char *yaml, const char *text, struct config **out, struct error *err)
{
    char copy[2048];
    char *variables[VARIABLES_MAX + 1] = {NULL};
    size_t count = 0;

    assert_true(strlen(text) < sizeof(copy));
    memcpy(copy, text, strlen(text) + 1);
    for (char *line = copy; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');

        assert_true(count < VARIABLES_MAX);
        variables[count++] = line;
        if (end != NULL)
            *end++ = '\0';
        line = end;
    }
    str_reset(&warnings);
    return config_parse(span_of(yaml), "c.yml", variables, on_warning, NULL, out, err);
}

static struct config *load(const char *variables)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    if (parse(FILE_TEXT, variables, &config, &err) < 0)
        fail_msg("%s", err.message);
    return config;
}

static void a_variable_replaces_one_value(void **state)
{
    struct config *config = load("REGISTRY_HTTP_ADDR=:5001\nREGISTRY_HTTP_SECRET=0123\n"
                                 "REGISTRY_LOG_ACCESSLOG_DISABLED=true\n"
                                 "REGISTRY_STORAGE_DELETE_ENABLED=false\n"
                                 "REGISTRY_CATALOG_MAXENTRIES=7");

    (void)state;
    assert_string_equal(config->http.addr, ":5001");
    assert_string_equal(config->http.secret, "0123");
    assert_true(config->log.is_access_log_disabled);
    assert_false(config->storage.is_delete_enabled);
    assert_string_equal(config->storage.root, "/a");
    assert_int_equal(config->catalog.entries_max, 7);
    assert_string_equal(str_text(&warnings), "");
    config_free(config);
}

static void an_empty_variable_restores_the_default(void **state)
{
    struct config *config = load("REGISTRY_HTTP_ADDR=\nREGISTRY_LOG_FIELDS=");

    (void)state;
    assert_string_equal(config->http.addr, "");
    assert_int_equal(config->log.fields.count, 0);
    config_free(config);
}

static void a_section_is_replaced_as_a_whole(void **state)
{
    struct config *config = load("REGISTRY_STORAGE=inmemory\n"
                                 "REGISTRY_HTTP={addr: ':9'}\n"
                                 "REGISTRY_LOG_FIELDS={a: b}");

    (void)state;
    assert_string_equal(config->storage.driver, "inmemory");
    assert_false(config->storage.is_delete_enabled);
    assert_string_equal(config->http.addr, ":9");
    assert_int_equal(config->http.headers.count, 0);
    assert_int_equal(config->log.fields.count, 1);
    config_free(config);
}

/* Bytewise order: the section comes before what is below it, wherever it stands. */
static void sections_are_applied_before_their_keys(void **state)
{
    struct config *config = load("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/b\n"
                                 "REGISTRY_HTTP_ADDR=:2\n"
                                 "REGISTRY_STORAGE=filesystem\n"
                                 "REGISTRY_HTTP={secret: s}");

    (void)state;
    assert_string_equal(config->storage.root, "/b");
    assert_false(config->storage.is_delete_enabled);
    assert_string_equal(config->http.addr, ":2");
    assert_string_equal(config->http.secret, "s");
    config_free(config);
}

static void a_driver_is_implied_by_its_keys(void **state)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        parse("version: 0.1", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/x", &config, &err), 0);
    assert_string_equal(config->storage.driver, "filesystem");
    assert_string_equal(config->storage.root, "/x");
    config_free(config);
}

static void maps_get_new_keys_in_lower_case(void **state)
{
    struct config *config = load("REGISTRY_HTTP_HEADERS_X-A=[zz]\nREGISTRY_LOG_FIELDS_SERVICE=svc\n"
                                 "REGISTRY_LOG_FIELDS_ENV=prod");

    (void)state;
    assert_int_equal(config->http.headers.count, 2);
    assert_string_equal(config->http.headers.items[0].name, "X-A");
    assert_string_equal(config->http.headers.items[1].name, "x-a");
    assert_string_equal(config->http.headers.items[1].value, "zz");
    assert_int_equal(config->log.fields.count, 2);
    assert_string_equal(config->log.fields.items[0].value, "svc");
    assert_string_equal(config->log.fields.items[1].name, "env");
    config_free(config);
}

static void untyped_sections_may_be_given_in_parts(void **state)
{
    struct config *config = load("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED=false\n"
                                 "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory");

    (void)state;
    assert_false(config->storage.purge.is_enabled);
    assert_string_equal(config->storage.cache.descriptors, "inmemory");
    config_free(config);
}

static void what_means_nothing_is_warned_about(void **state)
{
    struct config *config = load("REGISTRY_PORT=tcp://10.0.0.1:5000\n"
                                 "REGISTRY_PORT_5000_TCP_ADDR=10.0.0.1\n"
                                 "REGISTRY_HTTP_NOSUCH=1\n"
                                 "REGISTRY_HEALTH_FILE=[]\n"
                                 "REGISTRY_HTTP_ADDR_X=1\n"
                                 "REGISTRY_HTTP_HEADERS_X-A_0=1\n"
                                 "REGISTRY_LOG_FIELDS_A_B=1");

    (void)state;
    assert_string_equal(
        str_text(&warnings),
        "Ignoring unrecognized environment variable REGISTRY_HEALTH_FILE\n"
        "Ignoring environment variable REGISTRY_HTTP_ADDR_X: what it names has no parts\n"
        "Ignoring environment variable REGISTRY_HTTP_HEADERS_X-A_0: what it names has no parts\n"
        "Ignoring unrecognized environment variable REGISTRY_HTTP_NOSUCH\n"
        "Ignoring environment variable REGISTRY_LOG_FIELDS_A_B: what it names has no parts\n"
        "Ignoring unrecognized environment variable REGISTRY_PORT\n"
        "Ignoring unrecognized environment variable REGISTRY_PORT_5000_TCP_ADDR\n");
    assert_string_equal(config->http.addr, ":1");
    config_free(config);
}

static void other_variables_are_not_looked_at(void **state)
{
    struct config *config = load("registry_HTTP_ADDR=[\nRegistry_HTTP_ADDR=[\nHTTP_ADDR=[\n"
                                 "REGISTRYX=[\nREGISTRY_NOVALUE\nREGISTRY_CONFIGURATION_PATH=/x");

    (void)state;
    assert_string_equal(str_text(&warnings), "");
    assert_string_equal(config->http.addr, ":1");
    config_free(config);
}

static void long_names_are_ignored(void **state)
{
    auto_str deep = STR_INIT(2000);
    auto_str wide = STR_INIT(2000);

    (void)state;
    str_append_text(&deep, "REGISTRY_LOG_FIELDS");
    for (int i = 0; i < 200; i++)
        str_append_text(&deep, "_A");
    str_append_text(&deep, "=1");
    config_free(load(str_text(&deep)));
    str_append_text(&wide, "REGISTRY_LOG_FIELDS_");
    for (int i = 0; i < 1000; i++)
        str_append_char(&wide, 'A');
    str_append_text(&wide, "=1");
    config_free(load(str_text(&wide)));
    assert_non_null(strstr(str_text(&warnings), "Ignoring unrecognized"));
}

static void problems_name_the_variable(void **state)
{
    static const struct {
        const char *variables;
        const char *message; /* behind "error parsing c.yml: " */
    } cases[] = {
        {"REGISTRY_HTTP_ADDR=[a", "environment variable REGISTRY_HTTP_ADDR: yaml: did not find "
                                  "expected ',' or ']'"},
        {"REGISTRY_HTTP_ADDR=[a]",
         "environment variable REGISTRY_HTTP_ADDR: http.addr: a list is not a text"},
        {"REGISTRY_HTTP=5",
         "environment variable REGISTRY_HTTP: http: \"5\" is not a section with keys below it"},
        {"REGISTRY_VERSION=5",
         "environment variable REGISTRY_VERSION: version: \"5\" is unknown; it must be 0.1"},
        {"REGISTRY_STORAGE_S3_BUCKET=b", "multiple storage drivers specified in configuration or "
                                         "environment: filesystem, s3"},
        {"REGISTRY_STORAGE=s3\nREGISTRY_STORAGE_S3_BUCKET=b",
         "environment variable REGISTRY_STORAGE_S3_BUCKET: storage driver s3 is not supported by "
         "this version"},
        {"REGISTRY_STORAGE_CACHE=inmemory", "environment variable REGISTRY_STORAGE_CACHE: "
                                            "storage.cache: \"inmemory\" is not a section "
                                            "with keys below it"},
        {"REGISTRY_STORAGE_FILESYSTEM_NOSUCH=1",
         "environment variable REGISTRY_STORAGE_FILESYSTEM_NOSUCH: unknown key "
         "storage.filesystem.nosuch"},
        {"REGISTRY_AUTH_HTPASSWD_REALM=r", "environment variable REGISTRY_AUTH_HTPASSWD_REALM: "
                                           "auth.htpasswd is not supported by this version"},
        {"REGISTRY_AUTH=htpasswd", "environment variable REGISTRY_AUTH: auth.htpasswd is not "
                                   "supported by this version"},
        {"REGISTRY_HEALTH_FILECHECKERS=[{file: /x}]",
         "environment variable REGISTRY_HEALTH_FILECHECKERS: health.file is not supported by this "
         "version"},
        {"REGISTRY_MIDDLEWARE_STORAGE_0_NAME=redirect",
         "environment variable REGISTRY_MIDDLEWARE_STORAGE_0_NAME: middleware.storage is not "
         "supported by this version"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct config *config = NULL;
        struct error err = ERROR_INIT;
        auto_str message = STR_INIT(512);

        str_append_format(&message, "error parsing c.yml: %s", cases[i].message);
        assert_int_equal(parse(FILE_TEXT, cases[i].variables, &config, &err), -1);
        assert_string_equal(err.message, str_text(&message));
    }
}

static void the_effective_configuration_names_the_variables(void **state)
{
    struct config *config = load("REGISTRY_HTTP_ADDR=:5001");
    auto_str text = STR_INIT(65536);

    (void)state;
    config_print(config, &text);
    assert_non_null(strstr(str_text(&text), "  addr: :5001 # REGISTRY_HTTP_ADDR\n"));
    assert_non_null(strstr(str_text(&text), "    rootdirectory: /a # line 3\n"));
    assert_non_null(strstr(str_text(&text), "  idletimeout: 2m # default\n"));
    config_free(config);
}

static int free_warnings(void **state)
{
    (void)state;
    str_fini(&warnings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_replaces_one_value),
        cmocka_unit_test(an_empty_variable_restores_the_default),
        cmocka_unit_test(a_section_is_replaced_as_a_whole),
        cmocka_unit_test(sections_are_applied_before_their_keys),
        cmocka_unit_test(a_driver_is_implied_by_its_keys),
        cmocka_unit_test(maps_get_new_keys_in_lower_case),
        cmocka_unit_test(untyped_sections_may_be_given_in_parts),
        cmocka_unit_test(what_means_nothing_is_warned_about),
        cmocka_unit_test(other_variables_are_not_looked_at),
        cmocka_unit_test(long_names_are_ignored),
        cmocka_unit_test(problems_name_the_variable),
        cmocka_unit_test(the_effective_configuration_names_the_variables),
    };

    return cmocka_run_group_tests(tests, NULL, free_warnings);
}
