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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void items_of_lists_are_named_by_their_index(void **state)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;
    const struct config_http_check *http;

    (void)state;
    assert_int_equal(parse("version: 0.1\nstorage: inmemory\nhttp: {headers: {X-A: [b]}}\n"
                           "health: {http: [{uri: http://a}, {uri: http://b, interval: 5s}]}\n",
                           "REGISTRY_HEALTH_HTTPCHECKERS_1_URI=http://c\n"
                           "REGISTRY_HEALTH_HTTPCHECKERS_2_URI=http://d\n"
                           "REGISTRY_HEALTH_HTTPCHECKERS_2_HEADERS_X-B=[c]\n"
                           "REGISTRY_HEALTH_HTTPCHECKERS_3={uri: http://e}\n"
                           "REGISTRY_HTTP_TLS_CLIENTCAS_0=/a\nREGISTRY_HTTP_TLS_CLIENTCAS_1=/b\n"
                           "REGISTRY_HTTP_HEADERS_X-A_1=c\n",
                           &config, &err),
                     0);
    assert_string_equal(str_text(&warnings), "");
    http = config->health.http.items;
    assert_int_equal(config->health.http.count, 4);
    assert_string_equal(http[0].uri, "http://a");
    assert_string_equal(http[1].uri, "http://c");
    assert_int_equal(http[1].interval_ns, INT64_C(5000000000));
    assert_string_equal(http[2].uri, "http://d");
    assert_string_equal(http[2].headers.items[0].name, "x-b");
    assert_string_equal(http[3].uri, "http://e");
    assert_int_equal(config->http.tls.client_cas.count, 2);
    assert_string_equal(config->http.tls.client_cas.items[1], "/b");
    assert_int_equal(config->http.headers.count, 2);
    assert_string_equal(config->http.headers.items[1].value, "c");
    config_free(config);
}

/* Bytewise, 10 would come before 2. */
static void items_are_applied_in_the_order_of_their_numbers(void **state)
{
    char *variables[13] = {NULL};
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 12; i++) {
        auto_str variable = STR_INIT(100);

        str_append_format(&variable, "REGISTRY_HEALTH_TCPCHECKERS_%d_ADDR=a:%d", i, i);
        variables[i] = str_take(&variable);
    }
    if (config_parse(span_of(FILE_TEXT), "c.yml", variables, on_warning, NULL, &config, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(config->health.tcp.count, 12);
    assert_string_equal(((const struct config_tcp_check *)config->health.tcp.items)[11].addr,
                        "a:11");
    config_free(config);
    for (int i = 0; i < 12; i++)
        free(variables[i]);
}

static void a_secret_may_be_in_a_file(void **state)
{
    static const struct {
        const char *content;
        const char *secret;
    } cases[] = {{"a\n", "a"}, {"a: [b\n\n", "a: [b\n"}, {"0123", "0123"}, {"", ""}, {"\n", ""}};
    char path[] = "/tmp/test_config_env.XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < array_count(cases); i++) {
        size_t len = strlen(cases[i].content);
        auto_str variable = STR_INIT(100);
        struct config *config;

        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].content, len, 0), len);
        str_append_format(&variable, "REGISTRY_HTTP_SECRET_FILE=%s", path);
        config = load(str_text(&variable));
        assert_string_equal(config->http.secret, cases[i].secret);
        config_free(config);
    }
    close(fd);
    unlink(path);
}

static void a_secrets_file_that_is_not_named_is_none(void **state)
{
    struct config *config = load("REGISTRY_HTTP_SECRET_FILE=\nREGISTRY_HTTP_SECRET=s\n");

    (void)state;
    assert_string_equal(config->http.secret, "s");
    config_free(config);
}

static void the_access_controller_of_the_environment_counts(void **state)
{
    static const char file[] = "version: 0.1\nstorage: inmemory\n"
                               "auth: {htpasswd: {realm: r, path: /p}}\n";
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(parse(file, "REGISTRY_AUTH_SILLY_REALM=s", &config, &err), 0);
    assert_string_equal(config->auth.controller, "silly");
    assert_string_equal(config->auth.silly.realm, "s");
    assert_string_equal(str_text(&warnings), "c.yml: line 3: auth.htpasswd is ignored: the "
                                             "environment says another\n");
    config_free(config);
    assert_int_equal(parse(file, "REGISTRY_AUTH_HTPASSWD_REALM=s", &config, &err), 0);
    assert_string_equal(config->auth.controller, "htpasswd");
    assert_string_equal(config->auth.htpasswd.realm, "s");
    assert_string_equal(config->auth.htpasswd.path, "/p");
    config_free(config);
    assert_int_equal(parse(file, "REGISTRY_AUTH=token\nREGISTRY_AUTH_TOKEN_REALM=s", &config, &err),
                     0);
    assert_string_equal(config->auth.controller, "token");
    assert_string_equal(config->auth.token.realm, "s");
    config_free(config);
    assert_int_equal(parse(file, "REGISTRY_AUTH=none", &config, &err), 0);
    assert_null(config->auth.controller);
    config_free(config);
}

static void read_only_may_be_a_single_variable(void **state)
{
    struct config *config = load("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true");

    (void)state;
    assert_true(config->storage.is_read_only);
    config_free(config);
}

static void what_means_nothing_is_warned_about(void **state)
{
    struct config *config = load("REGISTRY_PORT=tcp://10.0.0.1:5000\n"
                                 "REGISTRY_PORT_5000_TCP_ADDR=10.0.0.1\n"
                                 "REGISTRY_HTTP_NOSUCH=1\n"
                                 "REGISTRY_HEALTH_FILE=[]\n"
                                 "REGISTRY_HTTP_ADDR_X=1\n"
                                 "REGISTRY_HTTP_HEADERS_X-A_0_B=1\n"
                                 "REGISTRY_HTTP_ADDR_FILE=/x\n"
                                 "REGISTRY_LOG_FIELDS_A_B=1");

    (void)state;
    assert_string_equal(
        str_text(&warnings),
        "Ignoring unrecognized environment variable REGISTRY_HEALTH_FILE\n"
        "Ignoring environment variable REGISTRY_HTTP_ADDR_FILE: what it names has no parts\n"
        "Ignoring environment variable REGISTRY_HTTP_ADDR_X: what it names has no parts\n"
        "Ignoring environment variable REGISTRY_HTTP_HEADERS_X-A_0_B: what it names has no parts\n"
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
        {"REGISTRY_STORAGE=gcs\nREGISTRY_STORAGE_GCS_BUCKET=b",
         "environment variable REGISTRY_STORAGE_GCS_BUCKET: storage driver gcs is not supported by "
         "this version"},
        {"REGISTRY_STORAGE_CACHE=inmemory", "environment variable REGISTRY_STORAGE_CACHE: "
                                            "storage.cache: \"inmemory\" is not a section "
                                            "with keys below it"},
        {"REGISTRY_STORAGE_FILESYSTEM_NOSUCH=1",
         "environment variable REGISTRY_STORAGE_FILESYSTEM_NOSUCH: unknown key "
         "storage.filesystem.nosuch"},
        {"REGISTRY_AUTH_HTPASSWD_REALM=r\nREGISTRY_AUTH_SILLY_REALM=s",
         "must provide exactly one type. Provided: [htpasswd silly]"},
        {"REGISTRY_AUTH_TOKEN_SERVICE=5000",
         "environment variable REGISTRY_AUTH_TOKEN_SERVICE: auth.token.service: \"5000\" is not a "
         "text; put it into quotes"},
        {"REGISTRY_HEALTH_FILECHECKERS=[{fil: /x}]",
         "environment variable REGISTRY_HEALTH_FILECHECKERS: unknown key health.file.fil; did you "
         "mean health.file.file?"},
        {"REGISTRY_HEALTH_FILECHECKERS_0_INTERVAL=1s",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_0_INTERVAL: health.file.file: must be "
         "given"},
        {"REGISTRY_HEALTH_FILECHECKERS_1_FILE=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_1_FILE: undefined index: 1"},
        {"REGISTRY_HEALTH_FILECHECKERS_99999999999999999999_FILE=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_99999999999999999999_FILE: undefined "
         "index: 99999999999999999999"},
        {"REGISTRY_HEALTH_FILECHECKERS_X_FILE=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_X_FILE: non-numeric index: X"},
        {"REGISTRY_HEALTH_FILECHECKERS__FILE=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS__FILE: non-numeric index: "},
        {"REGISTRY_HEALTH_FILECHECKERS_-1_FILE=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_-1_FILE: non-numeric index: -1"},
        {"REGISTRY_HEALTH_FILECHECKERS_0=/x",
         "environment variable REGISTRY_HEALTH_FILECHECKERS_0: health.file: \"/x\" is not a "
         "section "
         "with keys below it"},
        {"REGISTRY_HTTP_TLS_CLIENTCAS_1=/x",
         "environment variable REGISTRY_HTTP_TLS_CLIENTCAS_1: undefined index: 1"},
        {"REGISTRY_HTTP_SECRET_FILE=/nowhere/x",
         "environment variable REGISTRY_HTTP_SECRET_FILE: open /nowhere/x: no such file or "
         "directory"},
        {"REGISTRY_HTTP_SECRET_FILE=/dev/null",
         "environment variable REGISTRY_HTTP_SECRET_FILE: /dev/null is not a regular file"},
        {"REGISTRY_HTTP_SECRET_FILE=/x\nREGISTRY_HTTP_SECRET=y",
         "environment variable REGISTRY_HTTP_SECRET_FILE: REGISTRY_HTTP_SECRET is given, too; only "
         "one of them may be"},
        {"REGISTRY_MIDDLEWARE_REGISTRY_0_NAME=x",
         "environment variable REGISTRY_MIDDLEWARE_REGISTRY_0_NAME: middleware.registry is not "
         "supported by this version: there is none, in upstream's program neither; remove or "
         "disable the item"},
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
        cmocka_unit_test(items_of_lists_are_named_by_their_index),
        cmocka_unit_test(items_are_applied_in_the_order_of_their_numbers),
        cmocka_unit_test(a_secret_may_be_in_a_file),
        cmocka_unit_test(a_secrets_file_that_is_not_named_is_none),
        cmocka_unit_test(the_access_controller_of_the_environment_counts),
        cmocka_unit_test(read_only_may_be_a_single_variable),
        cmocka_unit_test(what_means_nothing_is_warned_about),
        cmocka_unit_test(other_variables_are_not_looked_at),
        cmocka_unit_test(long_names_are_ignored),
        cmocka_unit_test(problems_name_the_variable),
        cmocka_unit_test(the_effective_configuration_names_the_variables),
    };

    return cmocka_run_group_tests(tests, NULL, free_warnings);
}
