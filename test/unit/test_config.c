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
    assert_string_equal(str_text(&warnings), "");
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

/* As upstream reads them: sections grow together, values and untyped sections are replaced, and a
 * null takes everything away. */
static void the_last_of_equal_keys_counts(void **state)
{
    struct config *config =
        parse("version: 0.1\nstorage: inmemory\n"
              "http: {addr: &a ':1', headers: {X-A: [b], X-C: [d]}, tls: {key: k}}\n"
              "http: {secret: *a, addr: ':2', headers: {X-A: [e]}}\n"
              "log: {level: debug}\n"
              "log:\n"
              "log: {formatter: json}\n"
              "storage: {filesystem: {rootdirectory: /a}, delete: {enabled: true}}\n"
              "storage: {filesystem: {rootdirectory: /b, maxthreads: 25, maxthreads: 50}}\n");

    (void)state;
    assert_string_equal(config->http.addr, ":2");
    assert_string_equal(config->http.secret, ":1");
    assert_string_equal(config->http.tls.key, "k");
    assert_int_equal(config->http.headers.count, 2);
    assert_string_equal(config->http.headers.items[0].value, "e");
    assert_string_equal(config->storage.root, "/b");
    assert_false(config->storage.is_delete_enabled);
    assert_int_equal(config->storage.filesystem.threads_max, 50);
    assert_string_equal(
        str_text(&warnings),
        "c.yml: line 9: storage is given twice; the last one counts\n"
        "c.yml: line 9: storage.filesystem.maxthreads is given twice; the last one counts\n"
        "c.yml: line 4: http is given twice; the keys of both count\n"
        "c.yml: line 4: http.addr is given twice; the last one counts\n"
        "c.yml: line 4: http.headers is given twice; the keys of both count\n"
        "c.yml: line 4: http.headers.X-A is given twice; the last one counts\n"
        "c.yml: line 7: log is given twice; the last one counts\n"
        "c.yml: http.tls.key is ignored without http.tls.certificate: there is no TLS\n");
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_string_equal(config->log.formatter, "json");
    config_free(config);
}

static void lists_of_sections_get_defaults_for_what_is_left_out(void **state)
{
    struct config *config = parse(BASE "health:\n"
                                       "  file: [{file: /a}, {file: /b, interval: 0}]\n"
                                       "  http:\n"
                                       "  - uri: http://a/\n"
                                       "    headers: {A: [b, c]}\n"
                                       "    statuscode: 0\n"
                                       "  - {uri: https://b, statuscode: 204, timeout: 1s,\n"
                                       "     interval: 2s, threshold: 3}\n"
                                       "  tcp: [{addr: 'c:1', threshold: -1}]\n");
    const struct config_file_check *file = config->health.file.items;
    const struct config_http_check *http = config->health.http.items;
    const struct config_tcp_check *tcp = config->health.tcp.items;

    (void)state;
    assert_int_equal(config->health.file.count, 2);
    assert_string_equal(file[1].file, "/b");
    assert_int_equal(file[1].interval_ns, 10 * SECOND);
    assert_int_equal(config->health.http.count, 2);
    assert_string_equal(http[0].uri, "http://a/");
    assert_int_equal(http[0].headers.count, 2);
    assert_string_equal(http[0].headers.items[1].value, "c");
    assert_int_equal(http[0].status, 200);
    assert_int_equal(http[0].timeout_ns, 0);
    assert_int_equal(http[0].interval_ns, 10 * SECOND);
    assert_int_equal(http[1].headers.count, 0);
    assert_int_equal(http[1].status, 204);
    assert_int_equal(http[1].timeout_ns, SECOND);
    assert_int_equal(http[1].interval_ns, 2 * SECOND);
    assert_int_equal(http[1].threshold, 3);
    assert_int_equal(config->health.tcp.count, 1);
    assert_string_equal(tcp[0].addr, "c:1");
    assert_int_equal(tcp[0].threshold, 0);
    config_free(config);
}

static void an_interval_without_a_unit_is_taken_as_short_as_it_may_be(void **state)
{
    struct config *config = parse(BASE "health: {file: [{file: /a, interval: 10}]}\n");
    const struct config_file_check *file = config->health.file.items;

    (void)state;
    assert_int_equal(file->interval_ns, 1000000);
    assert_string_equal(
        str_text(&warnings),
        "c.yml: line 3: health.file.interval: 10ns is too short and taken as 1ms; a "
        "number without a unit is nanoseconds\n");
    config_free(config);
}

static void a_list_of_sections_is_bounded(void **state)
{
    auto_str yaml = STR_INIT(65536);

    (void)state;
    str_append_text(&yaml, BASE "health: {file: [");
    for (int i = 0; i < 1001; i++)
        str_append_text(&yaml, "{file: /a},");
    str_append_text(&yaml, "]}");
    assert_fails_with(str_text(&yaml), no_variables,
                      "error parsing c.yml: line 3: health.file: more than 1000 entries");
}

static void the_access_controller_is_chosen_by_its_key(void **state)
{
    static const struct {
        const char *yaml;
        const char *controller; /* NULL: none */
    } cases[] = {
        {BASE, NULL},
        {BASE "auth: \n", NULL},
        {BASE "auth: {}\n", NULL},
        {BASE "auth: none\n", NULL},
        {BASE "auth: {NONE: }\n", NULL},
        {BASE "auth: None\n", NULL},
        {BASE "auth: silly\n", "silly"},
        {BASE "auth: {silly: }\n", "silly"},
        {BASE "auth: {htpasswd: {realm: r, path: /p, access: /a}}\n", "htpasswd"},
        {BASE "auth: {token: {realm: r}}\n", "token"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct config *config = parse(cases[i].yaml);

        if (cases[i].controller == NULL)
            assert_null(config->auth.controller);
        else
            assert_string_equal(config->auth.controller, cases[i].controller);
        assert_non_null(config->auth.token.realm);
        assert_string_equal(config->auth.token.auto_redirect_path, "/auth/token");
        config_free(config);
    }
}

static void a_key_without_certificate_is_ignored_aloud(void **state)
{
    struct config *config = parse(BASE "http: {tls: {key: /k}}\n");

    (void)state;
    assert_string_equal(
        str_text(&warnings),
        "c.yml: http.tls.key is ignored without http.tls.certificate: there is no TLS\n");
    config_free(config);
}

static void what_is_empty_where_upstream_has_a_default_is_the_default(void **state)
{
    struct config *config =
        parse(BASE "http: {net: '', tls: {minimumtls: '', clientauth: ''},\n"
                   "  debug: {prometheus: {path: ''}}}\n"
                   "log: {hooks: [{type: mail, disabled: true}, ~], formatter: logstash}\n");

    (void)state;
    assert_string_equal(config->http.net, "tcp");
    assert_string_equal(config->http.tls.minimum, "tls1.2");
    assert_string_equal(config->http.tls.client_auth, "require-and-verify-client-cert");
    assert_string_equal(config->http.debug.metrics_path, "/metrics");
    assert_string_equal(config->log.formatter, "logstash");
    config_free(config);
}

static void only_what_would_do_something_is_noted(void **state)
{
    struct config *config =
        parse(BASE "reporting: {bugsnag: {apikey: '', releasestage: x}, newrelic: {licensekey: k,\n"
                   "  name: n, verbose: true}}\n"
                   "http: {http2: {disabled: true}, h2c: {enabled: true}}\n");

    (void)state;
    config_each_note(config, on_warning, NULL);
    assert_string_equal(
        str_text(&warnings),
        "http.http2.disabled is accepted, without effect in this version: HTTP/1.1 is all that is "
        "offered\n"
        "http.h2c.enabled is accepted, without effect in this version: HTTP/1.1 is all that is "
        "offered\n"
        "reporting.newrelic.licensekey is accepted, without effect in this version: nothing is "
        "reported to New Relic; there are metrics for Prometheus\n");
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
    {"version: 0.1\nstorage: bogus", "line 2: StorageDriver not registered: bogus; this version "
                                     "has filesystem, inmemory, s3, s3aws, "
                                     "s3goamz"},
    {"version: 0.1\nstorage: {azure: {container: c}}",
     "line 2: storage driver azure is not supported by this version"},
    {"version: 0.1\nstorage: [a]", "line 2: storage: a list is not a section with keys below it"},
    {"version: 0.1\nstorage:\n  filesystem:\n    rootdirectry: /x",
     "line 4: unknown key storage.filesystem.rootdirectry; did you mean "
     "storage.filesystem.rootdirectory?"},
    {"version: 0.1\nstorage: {inmemory: , cache: {blobdescriptor: redis}}",
     "line 2: storage.cache.blobdescriptor: redis configuration required to use for layerinfo "
     "cache: redis.addr"},
    {"version: 0.1\nstorage: {inmemory: , cache: {layerinfo: redis}}",
     "line 2: storage.cache.layerinfo: redis configuration required to use for layerinfo cache: "
     "redis.addr"},
    {"version: 0.1\nstorage: inmemory\nredis: {addrs: ['a:1', 'b:1']}",
     "line 3: redis.addrs: several addresses are a cluster or sentinels, which this version does "
     "not speak to; write the one of a server"},
    {"version: 0.1\nstorage: inmemory\nredis: {addr: 'a:1', addrs: ['b:1']}",
     "line 3: redis.addrs: redis.addr says another address"},
    {"version: 0.1\nstorage: inmemory\nredis: {addrs: [a]}",
     "line 3: redis.addrs: \"a\" is not an address; write host:port or :port"},
    {"version: 0.1\nstorage: inmemory\nredis: {addr: a}",
     "line 3: redis.addr: \"a\" is not an address; write host:port or :port"},
    {"version: 0.1\nstorage: inmemory\nredis: {addr: 'a:1', username: u}",
     "line 3: redis.username: needs redis.password"},
    {"version: 0.1\nstorage: {inmemory: , delete: {enabled: 'true'}}",
     "line 2: storage.delete.enabled: \"true\" is not true or false"},
    {"version: 0.1\nstorage: {filesystem: {rootdirectory: ''}}",
     "line 2: storage.filesystem.rootdirectory: must not be empty; write a directory, such as "
     "/var/lib/registry"},
    /* log */
    {BASE "log: {level: trace}",
     "line 3: log.level: invalid loglevel trace Must be one of [error, warn, info, debug]"},
    {BASE "log: {formatter: xml}",
     "line 3: log.formatter: \"xml\" is unknown; it must be text, json or logstash"},
    {BASE "log: {fields: {a: [b]}}", "line 3: log.fields: a list is not a text in its map"},
    {BASE "log: {fields: {'a b': c}}",
     "line 3: log.fields: \"a b\" is not a name of a field; use letters, digits and . _ - / @"},
    {BASE "log: {hooks: [{type: mail, disabled: true}, {type: mail}]}",
     "line 3: log.hooks is not supported by this version: no mail is sent; let what collects the "
     "log on stderr send it, and remove or disable the hook"},
    /* http */
    {BASE "http: 5", "line 3: http: \"5\" is not a section with keys below it"},
    {BASE "http:\n  adr: ':1'", "line 4: unknown key http.adr; did you mean http.addr?"},
    {BASE "http: {addr: 5000}",
     "line 3: http.addr: \"5000\" is not an address; write host:port or :port"},
    {BASE "http: {addr: ':70000'}", "line 3: http.addr: \":70000\" has a port beyond 65535"},
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
    {BASE "http:\n  addr: /run/x.sock", "line 4: http.addr: a socket's path needs http.net: unix"},
    {BASE "http: {net: unix}", "line 3: http.net: unix needs the path of a socket in http.addr"},
    {BASE "http: {net: udp}", "line 3: http.net: \"udp\" is unknown; it must be tcp or unix"},
    {BASE "http: {tls: {certificate: /c}}",
     "line 3: http.tls.certificate: http.tls.key must be given, too"},
    {BASE "http: {tls: {minimumtls: TLS1.2}}",
     "line 3: http.tls.minimumtls: \"TLS1.2\" is unknown; it must be tls1.0, tls1.1, tls1.2 or "
     "tls1.3"},
    {BASE "http: {tls: {letsencrypt: {cachefile: /c}}}",
     "line 3: http.tls.letsencrypt.cachefile is not supported by this version: let a reverse proxy "
     "or an ACME client (certbot, lego) fetch certificates and set http.tls.certificate and .key; "
     "renewed files are noticed"},
    {BASE "http: {debug: {addr: localhost}}",
     "line 3: http.debug.addr: \"localhost\" is not an address; write host:port or :port"},
    {BASE "http: {debug: {prometheus: {path: /a b}}}",
     "line 3: http.debug.prometheus.path: \"/a b\" is not a path, such as /metrics"},
    /* health */
    {BASE "health: {http: {uri: http://a}}", "line 3: health.http: a section is not a list of "
                                             "sections"},
    {BASE "health: {http: [a]}", "line 3: health.http: \"a\" is not a section with keys below it"},
    {BASE "health: {http: [{interval: 1s}]}", "line 3: health.http.uri: must be given"},
    {BASE "health: {http: [~]}", "line 3: health.http.uri: must be given"},
    {BASE "health:\n  http:\n  - uri: http://a\n    urj: b",
     "line 6: unknown key health.http.urj; did you mean health.http.uri?"},
    {BASE "health: {http: [{uri: a}]}",
     "line 3: health.http.uri: \"a\" is not a URL that begins with http:// or https://"},
    {BASE "health: {http: [{uri: http://a, statuscode: 1000}]}",
     "line 3: health.http.statuscode: \"1000\" is too big; it must be at most 999"},
    {BASE "health: {http: [{uri: http://a, headers: {A: b}}]}",
     "line 3: health.http.headers: a single value is not a list of values, such as [nosniff]"},
    {BASE "health: {tcp: [{addr: a}]}",
     "line 3: health.tcp.addr: \"a\" is not an address; write host:port or :port"},
    {BASE "health: {tcp: [{addr: 'a:1'}, {addr: 'a:1', timeout: -1s}]}",
     "line 3: health.tcp.timeout: \"-1s\" is too small; it must be at least 0s"},
    {BASE "health: {file: [{file: /x, interval: -1s}]}",
     "line 3: health.file.interval: \"-1s\" is too small; it must be at least 0s"},
    /* auth */
    {BASE "auth: {silly: {realm: r}, htpasswd: }",
     "must provide exactly one type. Provided: [silly htpasswd]"},
    {BASE "auth: {none: , htpasswd: }", "must provide exactly one type. Provided: [none htpasswd]"},
    {BASE "auth: bogus", "line 3: unable to configure authorization (bogus): no access controller "
                         "registered with name: bogus"},
    {BASE "auth: {bogus: {a: b}}",
     "line 3: unable to configure authorization (bogus): no access controller registered with "
     "name: bogus"},
    {BASE "auth: [silly]", "line 3: auth: a list is not a section with keys below it"},
    {BASE "auth: {token: {realm: 5000}}",
     "line 3: auth.token.realm: \"5000\" is not a text; put it into quotes"},
    {BASE "auth: {token: {autoredirect: 'true'}}",
     "line 3: auth.token.autoredirect: \"true\" is not true or false"},
    {BASE "auth: {htpasswd: {relm: r}}",
     "line 3: unknown key auth.htpasswd.relm; did you mean auth.htpasswd.realm?"},
    /* purging */
    {"version: 0.1\nstorage: {inmemory: , maintenance: {uploadpurging: {age: 5}}}",
     "line 2: storage.maintenance.uploadpurging.age: \"5\" is not a duration with a unit, such as "
     "30s or 168h"},
    {"version: 0.1\nstorage: {inmemory: , maintenance: {uploadpurging: {interval: 0s}}}",
     "line 2: storage.maintenance.uploadpurging.interval: \"0s\" is too small; it must be at least "
     "1ms"},
    {"version: 0.1\nstorage: {inmemory: , maintenance: {readonly: true}}",
     "line 2: storage.maintenance.readonly: \"true\" is not a section with keys below it"},
    /* the rest */
    {BASE "catalog: {maxentries: many}",
     "line 3: catalog.maxentries: \"many\" is not a whole number"},
    {BASE "catalog: {maxentries: 1.5}",
     "line 3: catalog.maxentries: \"1.5\" is not a whole number"},
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

/* Is the comment, without its mark, a key or the dash of an item? */
static bool is_yaml(struct span text)
{
    struct span value = text;
    struct span key = span_cut(&value, ':');

    if (span_is(text, "-"))
        return true;
    return value.data != NULL && memchr(key.data, ' ', key.len) == NULL &&
           memchr(key.data, '*', key.len) == NULL && (value.len == 0 || value.data[0] == ' ');
}

/* Does the key begin one of several ways, of which there may be one only? */
static bool is_other_way(struct span text)
{
    return span_is(text, "inmemory:") || span_is(text, "none:") || span_is(text, "silly:") ||
           span_is(text, "token:") || span_is(text, "s3:") || span_is(text, "s3aws:") ||
           span_is(text, "s3goamz:");
}

/* Every comment that looks like a key, taken for real at once: the commented values fit, too. */
static void the_example_is_good_with_its_comments_removed(void **state)
{
    auto_str example = STR_INIT(1 << 20);
    auto_str yaml = STR_INIT(1 << 20);
    struct span rest;
    struct config *config;
    size_t skipped = SIZE_MAX; /* indentation of a way that is left out */

    (void)state;
    config_print_example(&example);
    rest = str_span(&example);
    while (rest.data != NULL) {
        struct span line = span_cut(&rest, '\n');
        struct span text = span_trim(line);
        size_t indentation = line.len - text.len;

        if (span_starts_with(text, SPAN("# "))) {
            if (!is_yaml(span_from(text, 2)))
                continue;
            if (indentation <= skipped)
                skipped = is_other_way(span_from(text, 2)) ? indentation : SIZE_MAX;
            if (skipped != SIZE_MAX)
                continue;
            str_append(&yaml, span_make(line.data, (size_t)(text.data - line.data)));
            str_append(&yaml, span_from(text, 2));
        } else {
            if (text.len > 0 && indentation <= skipped)
                skipped = SIZE_MAX;
            str_append(&yaml, line);
        }
        str_append_char(&yaml, '\n');
    }
    config = parse(str_text(&yaml));
    assert_string_equal(config->storage.cache.descriptors, "inmemory");
    assert_string_equal(config->http.host, "https://registry.example.com");
    assert_string_equal(config->auth.controller, "htpasswd");
    assert_int_equal(config->health.http.count, 1);
    assert_int_equal(config->middleware.storage.count, 1);
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

static void lists_of_sections_are_printed_with_their_origins(void **state)
{
    struct config *config = parse(BASE "health:\n"
                                       "  http:\n"
                                       "    - uri: http://a/\n"
                                       "    - uri: http://b/\n"
                                       "      headers: {A: [hunter2, hunter3]}\n");
    auto_str text = STR_INIT(65536);
    struct config *again;

    (void)state;
    config_print(config, &text);
    assert_non_null(strstr(str_text(&text), "  http: # line 4\n"
                                            "    - uri: http://a/ # line 5\n"
                                            "      headers: {} # default\n"
                                            "      statuscode: 200 # default\n"));
    assert_non_null(strstr(str_text(&text),
                           "    - uri: http://b/ # line 6\n"
                           "      headers: {A: [\"********\", \"********\"]} # line 7\n"));
    assert_non_null(strstr(str_text(&text), "  tcp: [] # default\n"));
    again = parse(str_text(&text));
    assert_int_equal(again->health.http.count, 2);
    config_free(config);
    config_free(again);
}

/* ---- differences ---- */

static void note_difference(const char *path, bool is_reloadable, void *arg)
{
    (void)arg;
    str_append_format(&warnings, "%s%s\n", path, is_reloadable ? " now" : "");
}

static void differences_name_what_has_an_effect(void **state)
{
    struct config *old = parse(BASE "log: {level: info, fields: {a: b}}\n"
                                    "health: {http: [{uri: http://a}]}\n"
                                    "http: {secret: a, headers: {A: [b]}}\n"
                                    "catalog: {maxentries: 0}\n");
    struct config *new = parse("version: 0.1\n"
                               "loglevel: debug\n"
                               "storage: {filesystem: {rootdirectory: /x}, maintenance:\n"
                               "  {readonly: {enabled: true}}, redirect: {disable: true}}\n"
                               "log: {fields: {a: c}}\n"
                               "health: {http: [{uri: http://b}]}\n"
                               "http: {secret: b, headers: {A: [c]}}\n"
                               "catalog: {maxentries: 1000}\n"
                               "auth: silly\n");

    (void)state;
    config_each_difference(old, old, note_difference, NULL);
    assert_string_equal(str_text(&warnings), "");
    config_each_difference(old, new, note_difference, NULL);
    assert_string_equal(str_text(&warnings), "storage\n"
                                             "auth\n"
                                             "log.level now\n"
                                             "log.fields\n"
                                             "storage.redirect.disable\n"
                                             "storage.maintenance.readonly.enabled now\n"
                                             "http.secret\n"
                                             "http.headers now\n"
                                             "health.http\n");
    config_free(old);
    config_free(new);
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
        cmocka_unit_test(lists_of_sections_get_defaults_for_what_is_left_out),
        cmocka_unit_test(an_interval_without_a_unit_is_taken_as_short_as_it_may_be),
        cmocka_unit_test(a_list_of_sections_is_bounded),
        cmocka_unit_test(the_access_controller_is_chosen_by_its_key),
        cmocka_unit_test(a_key_without_certificate_is_ignored_aloud),
        cmocka_unit_test(what_is_empty_where_upstream_has_a_default_is_the_default),
        cmocka_unit_test(only_what_would_do_something_is_noted),
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
        cmocka_unit_test(lists_of_sections_are_printed_with_their_origins),
        cmocka_unit_test(differences_name_what_has_an_effect),
        cmocka_unit_test(secrets_are_masked),
    };

    return cmocka_run_group_tests(tests, NULL, free_warnings);
}
