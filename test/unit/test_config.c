/* SPDX-License-Identifier: Apache-2.0
 *
 * From YAML and environment to struct config, and what is refused on the way.
 */
#include "lib/base/cleanup.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define BASE   "version: 0.1\nstorage: inmemory\n"
#define SECOND INT64_C(1000000000)

static struct str warnings = {.max = 65536};

static void on_warning(const char *message, void *arg)
{
    (void)arg;
    str_append_format(&warnings, "%s\n", message);
}

static char *const no_variables[] = {NULL};

static struct config *parse_with(const char *yaml, char *const *variables)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    str_reset(&warnings);
    if (config_parse(span_of(yaml), "c.yml", variables, on_warning, NULL, &config, &err) < 0)
        fail_msg("%s", err.message);
    return config;
}

static struct config *parse(const char *yaml)
{
    return parse_with(yaml, no_variables);
}

static void assert_fails_with(const char *yaml, char *const *variables, const char *message)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    str_reset(&warnings);
    assert_int_equal(
        config_parse(span_of(yaml), "c.yml", variables, on_warning, NULL, &config, &err), -1);
    assert_null(config);
    assert_string_equal(err.message, message);
}

/* ---- values ---- */

static void the_least_file_gets_every_default(void **state)
{
    struct config *config = parse("version: 0.1\nstorage: filesystem\n");

    (void)state;
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_string_equal(config->log.formatter, "text");
    assert_false(config->log.is_access_log_disabled);
    assert_int_equal(config->log.fields.count, 0);
    assert_string_equal(config->storage.driver, "filesystem");
    assert_string_equal(config->storage.root, "/var/lib/registry");
    assert_false(config->storage.is_delete_enabled);
    assert_true(config->storage.purge.is_enabled);
    assert_int_equal(config->storage.purge.age_ns, 168 * 3600 * SECOND);
    assert_string_equal(config->http.addr, "");
    assert_string_equal(config->http.host, "");
    assert_string_equal(config->http.prefix, "/");
    assert_string_equal(config->http.secret, "");
    assert_int_equal(config->http.drain_timeout_ns, 30 * SECOND);
    assert_int_equal(config->http.header_timeout_ns, 30 * SECOND);
    assert_int_equal(config->http.idle_timeout_ns, 120 * SECOND);
    assert_int_equal(config->http.body_timeout_ns, 60 * SECOND);
    assert_int_equal(config->catalog.entries_max, 1000);
    assert_int_equal(config->health.storage_driver.interval_ns, 10 * SECOND);
    config_free(config);
}

static void the_stock_file_is_taken_unchanged(void **state)
{
    struct config *config = parse("version: 0.1\n"
                                  "log:\n"
                                  "  fields:\n"
                                  "    service: registry\n"
                                  "storage:\n"
                                  "  cache:\n"
                                  "    blobdescriptor: inmemory\n"
                                  "  filesystem:\n"
                                  "    rootdirectory: /var/lib/registry\n"
                                  "http:\n"
                                  "  addr: :5000\n"
                                  "  headers:\n"
                                  "    X-Content-Type-Options: [nosniff]\n"
                                  "health:\n"
                                  "  storagedriver:\n"
                                  "    enabled: true\n"
                                  "    interval: 10s\n"
                                  "    threshold: 3\n");

    (void)state;
    assert_string_equal(str_text(&warnings), "");
    assert_string_equal(config->http.addr, ":5000");
    assert_int_equal(config->http.headers.count, 1);
    assert_string_equal(config->http.headers.items[0].name, "X-Content-Type-Options");
    assert_string_equal(config->http.headers.items[0].value, "nosniff");
    assert_string_equal(config->log.fields.items[0].name, "service");
    assert_string_equal(config->storage.cache.descriptors, "inmemory");
    assert_true(config->health.storage_driver.is_enabled);
    assert_int_equal(config->health.storage_driver.threshold, 3);
    config_each_note(config, on_warning, NULL);
    assert_string_equal(
        str_text(&warnings),
        "storage.cache.blobdescriptor is accepted, without effect in this version: this registry "
        "reads links directly and needs no cache for them\n"
        "health.storagedriver.enabled is accepted, without effect in this version\n"
        "health.storagedriver.interval is accepted, without effect in this version\n"
        "health.storagedriver.threshold is accepted, without effect in this version\n");
    config_free(config);
}

static void values_are_read_by_their_types(void **state)
{
    struct config *config = parse("version: 0.1\n"
                                  "loglevel: error\n"
                                  "log: {accesslog: {disabled: yes}, fields: {a: 0x10, b: 'no'}}\n"
                                  "storage: {filesystem: {rootdirectory: 0x10, maxthreads: '7'}}\n"
                                  "http:\n"
                                  "  host: https://example.com:8443/path\n"
                                  "  prefix: my/path\n"
                                  "  secret: 0123\n"
                                  "  draintimeout: 1500\n"
                                  "  idletimeout: 1m30s\n"
                                  "  headers: {X-A: [b, 2], X-C: []}\n"
                                  "catalog: {maxentries: 1e3}\n");

    (void)state;
    assert_int_equal(config->log.level, LOG_LEVEL_ERROR);
    assert_true(config->log.is_access_log_disabled);
    assert_string_equal(config->log.fields.items[0].value, "16");
    assert_string_equal(config->log.fields.items[1].value, "no");
    assert_string_equal(config->storage.root, "16");
    assert_int_equal(config->storage.filesystem.threads_max, 25);
    assert_string_equal(config->http.host, "https://example.com:8443/path");
    assert_string_equal(config->http.prefix, "/my/path/");
    assert_string_equal(config->http.secret, "0123");
    assert_int_equal(config->http.drain_timeout_ns, 1500);
    assert_int_equal(config->http.idle_timeout_ns, 90 * SECOND);
    assert_int_equal(config->http.headers.count, 2);
    assert_string_equal(config->http.headers.items[1].name, "X-A");
    assert_string_equal(config->http.headers.items[1].value, "2");
    assert_int_equal(config->catalog.entries_max, 1000);
    config_free(config);
}

static void null_and_empty_leave_the_default(void **state)
{
    struct config *config =
        parse("version: 0.1\nstorage: {inmemory: }\n"
              "log: {level: , formatter: '', fields: ~}\nhttp: \n"
              "catalog: {maxentries: 0}\nredis: {}\nauth: none\n"
              "notifications: {endpoints: [], events: {includereferences: false}}\n"
              "proxy: {remoteurl: ''}\n");

    (void)state;
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_string_equal(config->log.formatter, "text");
    assert_int_equal(config->catalog.entries_max, 1000);
    assert_null(config->storage.root);
    config_free(config);
}

static void aliases_and_merges_are_followed(void **state)
{
    struct config *config =
        parse("version: 0.1\nstorage: inmemory\n"
              "log: &log {level: debug, fields: &fields {a: b, c: d}}\n"
              "http: {addr: ':1', headers: {<<: [{X-A: [b]}, {X-A: [z], X-C: [d]}], X-E: [f]}}\n");

    (void)state;
    assert_int_equal(config->http.headers.count, 3);
    assert_string_equal(config->http.headers.items[1].value, "b");
    config_free(config);
}

static void the_last_of_equal_keys_counts(void **state)
{
    struct config *config = parse(BASE "http: {addr: &a ':1'}\nhttp: {secret: *a, addr: ':2'}\n");

    (void)state;
    assert_string_equal(config->http.addr, ":2");
    assert_string_equal(config->http.secret, ":1");
    config_free(config);
}

static void a_host_without_scheme_is_ignored_aloud(void **state)
{
    static const char *const hosts[] = {"example.com", "://x",        "https://",     "https:///p",
                                        "h t://x",     "https://a b", "https://a/b c"};

    (void)state;
    for (size_t i = 0; i < array_count(hosts); i++) {
        auto_str yaml = STR_INIT(256);
        struct config *config;

        str_append_format(&yaml, BASE "http: {host: '%s'}\n", hosts[i]);
        config = parse(str_text(&yaml));
        assert_string_equal(config->http.host, "");
        assert_non_null(strstr(str_text(&warnings), "is not a URL with scheme and host"));
        config_free(config);
    }
}

static void prefixes_begin_and_end_with_a_slash(void **state)
{
    static const struct {
        const char *given;
        const char *normal;
    } cases[] = {
        {"", "/"}, {"/", "/"}, {"my", "/my/"}, {"/my", "/my/"}, {"my/", "/my/"}, {"/a/b", "/a/b/"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str yaml = STR_INIT(256);
        struct config *config;

        str_append_format(&yaml, BASE "http: {prefix: '%s'}\n", cases[i].given);
        config = parse(str_text(&yaml));
        assert_string_equal(config->http.prefix, cases[i].normal);
        config_free(config);
    }
}

/* ---- refusals ---- */

static const struct {
    const char *yaml;
    const char *message; /* behind "error parsing c.yml: " */
} refusals[] = {
    /* the document */
    {"", "unsupported version: \"\""},
    {"a: [", "yaml: line 2: did not find expected node content"},
    {"a: b: c", "yaml: line 1: mapping values are not allowed in this context"},
    {"[1]", "line 1: the file holds a list, but must hold sections"},
    {BASE "a: &a [*a]", "yaml: line 3: an anchor's value contains itself"},
    {BASE "a: *b", "yaml: line 3: unknown anchor referenced"},
    {BASE "a: \"\\0\"", "yaml: line 3: a value contains a NUL"},
    {BASE "a: !!binary aa==", "yaml: line 3: a value has an unknown tag"},
    {BASE "? [a]\n: b", "yaml: line 3: a key must be plain text"},
    {BASE "http: {<<: 5}", "yaml: line 3: map merge requires a map or a list of maps"},
    /* version */
    {"storage: inmemory", "unsupported version: \"\""},
    {"version: 0.2", "line 1: unsupported version: \"0.2\"; it must be 0.1"},
    {"version: 1", "line 1: unsupported version: \"1\"; it must be 0.1"},
    /* storage */
    {"version: 0.1", "no storage configuration provided"},
    {"version: 0.1\nstorage: {cache: {blobdescriptor: inmemory}}",
     "no storage configuration provided"},
    {"version: 0.1\nstorage: {filesystem: , inmemory: }",
     "must provide exactly one storage type. Provided: [filesystem inmemory]"},
    {"version: 0.1\nstorage: bogus",
     "line 2: StorageDriver not registered: bogus; this version has filesystem, inmemory"},
    {"version: 0.1\nstorage: {s3: {bucket: b}}",
     "line 2: storage driver s3 is not supported by this version"},
    {"version: 0.1\nstorage: [a]", "line 2: storage: a list is not a section with keys below it"},
    {"version: 0.1\nstorage:\n  filesystem:\n    rootdirectry: /x",
     "line 4: unknown key storage.filesystem.rootdirectry; did you mean "
     "storage.filesystem.rootdirectory?"},
    {"version: 0.1\nstorage: {inmemory: , cache: {blobdescriptor: redis}}",
     "line 2: storage.cache.blobdescriptor: redis is not supported by this version; it must be "
     "inmemory"},
    {"version: 0.1\nstorage: {inmemory: , delete: {enabled: 'true'}}",
     "line 2: storage.delete.enabled: \"true\" is not true or false"},
    {"version: 0.1\nstorage: {inmemory: , maintenance: {readonly: {enabled: true}}}",
     "line 2: storage.maintenance.readonly.enabled: true is not supported by this version; it must "
     "be false"},
    {"version: 0.1\nstorage: {filesystem: {rootdirectory: ''}}",
     "line 2: storage.filesystem.rootdirectory: must not be empty; write a directory, such as "
     "/var/lib/registry"},
    /* log */
    {BASE "log: {level: trace}",
     "line 3: log.level: invalid loglevel trace Must be one of [error, warn, info, debug]"},
    {BASE "log: {formatter: json}",
     "line 3: log.formatter: json is not supported by this version; it must be text"},
    {BASE "log: {formatter: xml}", "line 3: log.formatter: \"xml\" is unknown; it must be text"},
    {BASE "log: {fields: {a: [b]}}", "line 3: log.fields: a list is not a text in its map"},
    {BASE "log: {fields: {'a b': c}}",
     "line 3: log.fields: \"a b\" is not a name of a field; use letters, digits and . _ - / @"},
    {BASE "log: {hooks: [{type: mail}]}", "line 3: log.hooks is not supported by this version"},
    /* http */
    {BASE "http: 5", "line 3: http: \"5\" is not a section with keys below it"},
    {BASE "http:\n  adr: ':1'", "line 4: unknown key http.adr; did you mean http.addr?"},
    {BASE "http: {addr: 5000}",
     "line 3: http.addr: \"5000\" is not an address; write host:port or :port"},
    {BASE "http: {addr: ':70000'}", "line 3: http.addr: \":70000\" has a port beyond 65535"},
    {BASE "http: {net: unix}",
     "line 3: http.net: unix is not supported by this version; it must be tcp"},
    {BASE "http: {prefix: /a/../b}",
     "line 3: http.prefix: \"/a/../b\" is not a path, such as /registry/"},
    {BASE "http: {prefix: a//b}",
     "line 3: http.prefix: \"a//b\" is not a path, such as /registry/"},
    {BASE "http: {draintimeout: soon}",
     "line 3: http.draintimeout: \"soon\" is not a duration, such as 30s or 1m30s"},
    {BASE "http: {draintimeout: -1s}",
     "line 3: http.draintimeout: \"-1s\" is too small; it must be at least 0s"},
    {BASE "http: {idletimeout: 0}",
     "line 3: http.idletimeout: \"0\" is too small; it must be at least 1ms"},
    {BASE "http: {bodytimeout: 241h}",
     "line 3: http.bodytimeout: \"241h\" is too big; it must be at most 240h"},
    {BASE "http: {headers: {X-A: b}}",
     "line 3: http.headers: \"b\" is not a list of values, such as [nosniff]"},
    {BASE "http: {headers: {'X A': [b]}}", "line 3: http.headers: \"X A\" is not a header name"},
    {BASE "http: {headers: {X-A: [\"b\\r\\nc\"]}}",
     "line 3: http.headers: a value of \"X-A\" has a control character"},
    {BASE "http: {secret: [s3cret]}", "line 3: http.secret: a list is not a text"},
    {BASE "http: {tls: {certificate: /c}}",
     "line 3: http.tls.certificate is not supported by this version"},
    {BASE "http: {debug: {addr: ':5001'}}",
     "line 3: http.debug.addr is not supported by this version"},
    /* the rest */
    {BASE "catalog: {maxentries: many}",
     "line 3: catalog.maxentries: \"many\" is not a whole number"},
    {BASE "catalog: {maxentries: 1.5}",
     "line 3: catalog.maxentries: \"1.5\" is not a whole number"},
    {BASE "health: {storagedriver: {threshold: -1}}",
     "line 3: health.storagedriver.threshold: \"-1\" is too small; it must be at least 0"},
    {BASE "validation: {manifests: {urls: {allow: [a, '((']}}}",
     "line 3: validation.manifests.urls.allow: \"((\": missing closing parenthesis"},
    {BASE "validation: {manifests: {urls: {deny: ['(?P<n>a)(?P=n)']}}}",
     "line 3: validation.manifests.urls.deny: \"(?P<n>a)(?P=n)\": references back to a group are "
     "not "
     "supported"},
    {BASE "validation: {manifests: {urls: {deny: a}}}",
     "line 3: validation.manifests.urls.deny: \"a\" is not a list, such as [one, two]"},
    {BASE "compatibility: {schema1: {enabled: true}}",
     "line 3: compatibility.schema1.enabled: true is not supported by this version; it must be "
     "false"},
    {BASE "auth: {htpasswd: {realm: r}}", "line 3: auth.htpasswd is not supported by this version"},
    {BASE "auth: htpasswd", "line 3: auth.htpasswd is not supported by this version"},
    {BASE "proxy: {remoteurl: https://r}",
     "line 3: proxy.remoteurl is not supported by this version"},
    {BASE "nonsense: 1", "line 3: unknown key nonsense"},
    {BASE "\"a\\nb\": 1", "line 3: unknown key a\\nb"},
};

static void what_cannot_work_is_refused_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(refusals); i++) {
        auto_str message = STR_INIT(512);

        str_append_format(&message, "error parsing c.yml: %s", refusals[i].message);
        assert_fails_with(refusals[i].yaml, no_variables, str_text(&message));
    }
}

static void deep_nesting_is_refused(void **state)
{
    auto_str yaml = STR_INIT(200000);

    (void)state;
    str_append_text(&yaml, BASE "a: ");
    for (int i = 0; i < 5000; i++)
        str_append_char(&yaml, '[');
    assert_fails_with(str_text(&yaml), no_variables,
                      "error parsing c.yml: yaml: line 3: nested too deeply");
}

static void aliases_of_aliases_are_bounded(void **state)
{
    auto_str yaml = STR_INIT(4096);

    (void)state;
    str_append_text(&yaml, BASE "a0: &a0 [x]\n");
    for (int i = 1; i < 20; i++)
        str_append_format(&yaml, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                          i - 1);
    assert_fails_with(str_text(&yaml), no_variables, "error parsing c.yml: more than 10000 values");
}

static void long_values_are_cut_in_messages(void **state)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;
    auto_str yaml = STR_INIT(70000);

    (void)state;
    str_append_text(&yaml, BASE "log: {level: ");
    for (int i = 0; i < 60000; i++)
        str_append_char(&yaml, 'x');
    str_append_char(&yaml, '}');
    assert_int_equal(
        config_parse(str_span(&yaml), "c.yml", no_variables, on_warning, NULL, &config, &err), -1);
    assert_non_null(strstr(err.message, "xxx... Must be one of"));
}

static void a_missing_file_is_said_as_upstream_says_it(void **state)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(config_load("/nowhere/c.yml", no_variables, on_warning, NULL, &config, &err),
                     -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.message, "open /nowhere/c.yml: no such file or directory");
}

static void without_a_file_the_environment_is_enough(void **state)
{
    char *const variables[] = {(char[]){"REGISTRY_STORAGE=inmemory"}, NULL};
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(config_load(NULL, variables, on_warning, NULL, &config, &err), 0);
    assert_string_equal(config->storage.driver, "inmemory");
    assert_string_equal(config->version, "0.1");
    config_free(config);
}

/* ---- printing ---- */

static void the_example_is_itself_a_good_configuration(void **state)
{
    auto_str example = STR_INIT(1 << 20);
    struct config *config;

    (void)state;
    config_print_example(&example);
    config = parse(str_text(&example));
    assert_string_equal(str_text(&warnings), "");
    assert_string_equal(config->http.addr, ":5000");
    config_free(config);
}

/* Every comment that looks like a key, taken for real at once: the commented values fit, too. */
static void the_example_is_good_with_its_comments_removed(void **state)
{
    auto_str example = STR_INIT(1 << 20);
    auto_str yaml = STR_INIT(1 << 20);
    struct span rest;
    struct config *config;

    (void)state;
    config_print_example(&example);
    rest = str_span(&example);
    while (rest.data != NULL) {
        struct span line = span_cut(&rest, '\n');
        struct span text = span_trim(line);
        struct span value;
        struct span key;

        if (span_starts_with(text, SPAN("# "))) {
            value = span_from(text, 2);
            key = span_cut(&value, ':');
            if (value.data == NULL || memchr(key.data, ' ', key.len) != NULL ||
                memchr(key.data, '*', key.len) != NULL || (value.len > 0 && value.data[0] != ' ') ||
                span_is(key, "inmemory"))
                continue;
            str_append(&yaml, span_make(line.data, (size_t)(text.data - line.data)));
            str_append(&yaml, span_from(text, 2));
        } else {
            str_append(&yaml, line);
        }
        str_append_char(&yaml, '\n');
    }
    config = parse(str_text(&yaml));
    assert_string_equal(config->storage.cache.descriptors, "inmemory");
    assert_string_equal(config->http.host, "https://registry.example.com");
    config_free(config);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    struct config *config =
        parse("version: 0.1\nlog: {level: debug, fields: {a: '0x10', b: 'x, y]', c: \"q\\\"\"}}\n"
              "storage: {filesystem: {rootdirectory: '/a: b #c'}, delete: {enabled: true}}\n"
              "http: {addr: ':1', prefix: /x, headers: {X-A: [a, 'no', '[b'], X-B: ['']}}\n");
    auto_str first = STR_INIT(65536);
    struct config *again;

    (void)state;
    config_print(config, &first);
    again = parse(str_text(&first));
    assert_string_equal(again->storage.root, "/a: b #c");
    assert_string_equal(again->log.fields.items[0].value, "0x10");
    assert_string_equal(again->log.fields.items[2].value, "q\"");
    assert_int_equal(again->http.headers.count, 4);
    assert_string_equal(again->http.headers.items[1].value, "no");
    assert_non_null(strstr(str_text(&first), "  addr: :1 # line 4\n"));
    config_free(config);
    config_free(again);
}

static void secrets_are_masked(void **state)
{
    struct config *config = parse(BASE "http: {secret: hunter2}\n");
    auto_str text = STR_INIT(65536);

    (void)state;
    config_print(config, &text);
    assert_null(strstr(str_text(&text), "hunter2"));
    assert_non_null(strstr(str_text(&text), "secret: \"********\" # line 3\n"));
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
        cmocka_unit_test(the_least_file_gets_every_default),
        cmocka_unit_test(the_stock_file_is_taken_unchanged),
        cmocka_unit_test(values_are_read_by_their_types),
        cmocka_unit_test(null_and_empty_leave_the_default),
        cmocka_unit_test(aliases_and_merges_are_followed),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(a_host_without_scheme_is_ignored_aloud),
        cmocka_unit_test(prefixes_begin_and_end_with_a_slash),
        cmocka_unit_test(what_cannot_work_is_refused_with_place_and_reason),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(aliases_of_aliases_are_bounded),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(a_missing_file_is_said_as_upstream_says_it),
        cmocka_unit_test(without_a_file_the_environment_is_enough),
        cmocka_unit_test(the_example_is_itself_a_good_configuration),
        cmocka_unit_test(the_example_is_good_with_its_comments_removed),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(secrets_are_masked),
    };

    return cmocka_run_group_tests(tests, NULL, free_warnings);
}
