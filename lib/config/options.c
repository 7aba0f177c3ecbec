/* SPDX-License-Identifier: Apache-2.0
 *
 * options - the table. See options.h for the columns; checks.c holds the checks it names.
 *
 * Rows stand in the order of the example file, a section before what is below it. The types,
 * defaults and names are upstream's unless a row says `.is_ours`; rows of (3.x) name keys that
 * only upstream's later major version has.
 */
#include "lib/config/options.h"

#include "lib/base/str.h"
#include "lib/config/checks.h"

#include "lib/base/banned.h"

#define MILLISECOND INT64_C(1000000)
#define HOUR        (INT64_C(3600000) * MILLISECOND)

#define ITEMS_MAX 1000 /* entries of a list of maps */

#define FIELD(member)      .offset = offsetof(struct config, member)
#define ITEM(type, member) .is_item = true, .offset = offsetof(struct type, member)
#define SECTION(key, text)                                                                         \
    {                                                                                              \
        .path = key, .type = OPTION_SECTION, .help = text                                          \
    }
#define OPEN(key, text)                                                                            \
    {                                                                                              \
        .path = key, .type = OPTION_OPEN, .help = text                                             \
    }
#define REFUSED(key, kind, text)                                                                   \
    {                                                                                              \
        .path = key, .type = OPTION_##kind, .state = OPTION_REFUSED, .help = text                  \
    }
#define DRIVER(key, text)                                                                          \
    {                                                                                              \
        .path = "storage." key, .type = OPTION_OPEN, .is_driver = true, .help = text               \
    }
#define REFUSED_DRIVER(key, text)                                                                  \
    {                                                                                              \
        .path = "storage." key, .type = OPTION_ANY, .state = OPTION_REFUSED, .is_driver = true,    \
        .help = text                                                                               \
    }
#define CONTROLLER(key, text)                                                                      \
    {                                                                                              \
        .path = "auth." key, .type = OPTION_OPEN, .is_controller = true, .help = text              \
    }
#define NO_ACME(key, kind, text)                                                                   \
    {                                                                                              \
        .path = "http.tls.letsencrypt." key, .type = OPTION_##kind, .state = OPTION_REFUSED,       \
        .help = text,                                                                              \
        .note =                                                                                    \
            "let a reverse proxy or an ACME client (certbot, lego) fetch certificates and set "    \
            "http.tls.certificate and .key; renewed files are noticed"                             \
    }

/* clang-format off */
const struct option options[] = {
    {.path = "version", .type = OPTION_TEXT, FIELD(version), .default_text = "0.1",
     .choices = "0.1",
     .help = "Version of the configuration's format. Every file must say it."},

    /* ---- log ---- */
    SECTION("log", "What is logged. The application log goes to stderr, the access log to stdout."),
    {.path = "log.level", .type = OPTION_LEVEL, FIELD(log.level), .default_text = "info",
     .choices = "error|warn|info|debug", .is_reloadable = true,
     .help = "Least important level that is logged, in any case of letters."},
    {.path = "log.formatter", .type = OPTION_TEXT, FIELD(log.formatter), .default_text = "text",
     .choices = "text|json|logstash", .help = "Form of a line of the application log."},
    {.path = "log.fields", .type = OPTION_PAIRS, FIELD(log.fields), .default_text = "{}", .max = 12,
     .is_untyped = true, .example = "{service: registry}", .is_shown = true, .check = check_log_fields,
     .help = "Fields added to every line about the process, not to those about a request."},
    SECTION("log.accesslog", "The access log: a line in Apache's combined form for each request."),
    {.path = "log.accesslog.disabled", .type = OPTION_BOOL, FIELD(log.is_access_log_disabled),
     .default_text = "false", .is_reloadable = true, .help = "Turns the access log off."},
    {.path = "log.hooks", .type = OPTION_ANY, .state = OPTION_REFUSED,
     .note = "no mail is sent; let what collects the log on stderr send it, and remove or disable the "
             "hook",
     .help = "Mails for chosen log lines. A hook with `disabled: true` is ignored."},
    {.path = "log.reportcaller", .type = OPTION_BOOL, .state = OPTION_ACCEPTED,
     FIELD(log.is_caller_reported), .default_text = "false",
     .note = "lines of this program's log never name their place in the source",
     .help = "Names the place in the source (3.x)."},
    {.path = "loglevel", .type = OPTION_LEVEL, FIELD(deprecated_log_level), .default_text = "info",
     .choices = "error|warn|info|debug", .example = "info", .is_reloadable = true,
     .help = "Old name of log.level; counts only where log.level is not given."},

    /* ---- storage ---- */
    {.path = "storage", .type = OPTION_ONE_OF,
     .help = "Where content is kept: exactly one storage driver, and keys for all drivers."},
    DRIVER("filesystem", "Storage driver: files below a directory. Every host that shares the "
         "directory may serve it."),
    {.path = "storage.filesystem.rootdirectory", .type = OPTION_TEXT, FIELD(storage.filesystem.root),
     .default_text = "/var/lib/registry", .is_untyped = true, .check = check_root,
     .help = "Directory that holds everything."},
    {.path = "storage.filesystem.maxthreads", .type = OPTION_INTEGER, .state = OPTION_ACCEPTED,
     FIELD(storage.filesystem.threads_max), .default_text = "100", .min = INT64_MIN,
     .is_untyped = true, .check = check_threads, .note = "the pool of helper threads has its own size",
     .help = "Most storage operations at a time; less than 25 is taken as 25. Accepted so that the "
             "configuration keeps working: what blocks runs on a pool of helper threads that has "
             "its own size."},
    DRIVER("inmemory", "Storage driver: everything in memory, gone when the process ends. For "
         "tests. It has no keys."),
    DRIVER("s3", "Storage driver: a bucket of Amazon S3, or of what speaks its protocol (Ceph, MinIO "
         "...). See docs/s3.md."),
    {.path = "storage.s3.accesskey", .type = OPTION_TEXT, FIELD(storage.s3.access_key),
     .default_text = "\"\"", .example = "AKIAIOSFODNN7EXAMPLE", .is_secret = true, .is_untyped = true,
     .help = "Access key. Without it and secretkey, credentials come from the environment, the shared "
             "credentials file, web identity, the container or the virtual machine."},
    {.path = "storage.s3.secretkey", .type = OPTION_TEXT, FIELD(storage.s3.secret_key),
     .default_text = "\"\"", .example = "secret", .is_secret = true, .is_untyped = true,
     .help = "Secret key of accesskey."},
    {.path = "storage.s3.sessiontoken", .type = OPTION_TEXT, FIELD(storage.s3.session_token),
     .default_text = "\"\"", .example = "token", .is_secret = true, .is_untyped = true,
     .help = "Session token, where accesskey and secretkey are temporary ones."},
    {.path = "storage.s3.region", .type = OPTION_TEXT, FIELD(storage.s3.region),
     .default_text = "\"\"", .example = "us-east-1", .is_untyped = true,
     .help = "Region of the bucket. Needed without regionendpoint; with it, us-east-1 if not given."},
    {.path = "storage.s3.regionendpoint", .type = OPTION_TEXT, FIELD(storage.s3.region_endpoint),
     .default_text = "\"\"", .example = "http://rgw.example.com:8080", .is_untyped = true,
     .help = "Where the service is if it is not Amazon's: a host, host:port, or URL. The bucket is then "
             "part of the path."},
    {.path = "storage.s3.forcepathstyle", .type = OPTION_BOOL, FIELD(storage.s3.is_path_style_forced),
     .default_text = "false",
     .help = "The bucket is part of the path, not of the host name, at Amazon too. With regionendpoint "
             "it always is (3.x)."},
    {.path = "storage.s3.accelerate", .type = OPTION_BOOL, FIELD(storage.s3.is_accelerated),
     .default_text = "false", .help = "Uses Amazon's transfer acceleration (3.x)."},
    {.path = "storage.s3.usedualstack", .type = OPTION_BOOL, FIELD(storage.s3.is_dual_stack),
     .default_text = "false", .help = "Uses Amazon's endpoints for IPv4 and IPv6 (3.x)."},
    {.path = "storage.s3.usefipsendpoint", .type = OPTION_BOOL, FIELD(storage.s3.is_fips),
     .default_text = "false", .help = "Uses Amazon's FIPS endpoints (3.x)."},
    {.path = "storage.s3.bucket", .type = OPTION_TEXT, FIELD(storage.s3.bucket),
     .default_text = "\"\"", .example = "registry", .is_untyped = true,
     .help = "Name of the bucket, which must exist."},
    {.path = "storage.s3.rootdirectory", .type = OPTION_TEXT, FIELD(storage.s3.root),
     .default_text = "\"\"", .example = "/registry", .is_untyped = true,
     .help = "What all names in the bucket begin with."},
    {.path = "storage.s3.encrypt", .type = OPTION_BOOL, FIELD(storage.s3.is_encrypted),
     .default_text = "false", .help = "Asks the service to encrypt what it stores."},
    {.path = "storage.s3.keyid", .type = OPTION_TEXT, FIELD(storage.s3.key_id),
     .default_text = "\"\"", .example = "arn:aws:kms:us-east-1:111122223333:key/1", .is_untyped = true,
     .help = "KMS key for encrypt; without it AES256 with the service's own key."},
    {.path = "storage.s3.secure", .type = OPTION_BOOL, FIELD(storage.s3.is_secure),
     .default_text = "true", .help = "Speaks HTTPS, where regionendpoint has no scheme of its own."},
    {.path = "storage.s3.skipverify", .type = OPTION_BOOL, FIELD(storage.s3.is_verify_skipped),
     .default_text = "false", .help = "Takes any certificate of the service, and uses no proxy."},
    {.path = "storage.s3.v4auth", .type = OPTION_BOOL, FIELD(storage.s3.is_v4_auth),
     .default_text = "true",
     .help = "Signature version 4. False: version 2, for old services; not at Amazon."},
    {.path = "storage.s3.chunksize", .type = OPTION_INTEGER, FIELD(storage.s3.chunk_size),
     .default_text = "10485760", .min = INT64_MIN, .is_untyped = true,
     .help = "Bytes of each part of an upload, 5242880 to 5368709120. Twice as much memory may be held "
             "for each upload that is going on. Blobs have at most 10000 parts."},
    {.path = "storage.s3.multipartcopychunksize", .type = OPTION_INTEGER,
     FIELD(storage.s3.copy_chunk_size), .default_text = "33554432", .min = INT64_MIN,
     .is_untyped = true, .help = "Bytes of each part when the service copies in parts, 5242880 to 5368709120."},
    {.path = "storage.s3.multipartcopymaxconcurrency", .type = OPTION_INTEGER,
     FIELD(storage.s3.copy_concurrency_max), .default_text = "100", .min = INT64_MIN,
     .is_untyped = true, .help = "Parts of one blob that are copied at once."},
    {.path = "storage.s3.multipartcopythresholdsize", .type = OPTION_INTEGER,
     FIELD(storage.s3.copy_threshold), .default_text = "-1", .min = INT64_MIN, .is_untyped = true,
     .example = "33554432",
     .help = "Bytes up to which content is copied in one request, 0 to 5368709120. Not given, or -1: "
             "33554432 at Amazon; elsewhere as much as the service copies quickly. See docs/s3.md."},
    {.path = "storage.s3.stalltimeout", .type = OPTION_DURATION,
     FIELD(storage.s3.stall_timeout_ns), .default_text = "60s", .min = 1000 * MILLISECOND,
     .max = 240 * HOUR, .is_ours = true,
     .help = "How long the service may be silent within a request: no byte either way. Then the request "
             "is made once more, and fails when that is met by silence too."},
    {.path = "storage.s3.storageclass", .type = OPTION_TEXT, FIELD(storage.s3.storage_class),
     .default_text = "STANDARD", .is_untyped = true,
     .help = "Storage class of what is stored: STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, "
             "INTELLIGENT_TIERING, OUTPOSTS, GLACIER_IR, EXPRESS_ONEZONE, or NONE to say nothing of it."},
    {.path = "storage.s3.objectacl", .type = OPTION_TEXT, FIELD(storage.s3.object_acl),
     .default_text = "private", .is_untyped = true,
     .help = "Canned ACL of what is stored, such as private or bucket-owner-full-control."},
    {.path = "storage.s3.useragent", .type = OPTION_TEXT, FIELD(storage.s3.user_agent),
     .default_text = "\"\"", .example = "registry", .is_untyped = true,
     .help = "User-Agent of the requests to the service."},
    {.path = "storage.s3.loglevel", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(storage.s3.log_level), .default_text = "\"off\"", .is_untyped = true, .example = "debug",
     .note = "log.level: debug shows each call of the storage",
     .help = "What a library of upstream's logs of its requests (3.x)."},
    DRIVER("s3aws", "Storage driver: another name of s3, with the same keys."),
    DRIVER("s3goamz", "Storage driver: an old name of s3, with the same keys."),
    REFUSED_DRIVER("azure", "Storage driver: Microsoft Azure Blob Storage."),
    REFUSED_DRIVER("gcs", "Storage driver: Google Cloud Storage."),
    REFUSED_DRIVER("swift", "Storage driver: OpenStack Swift."),
    REFUSED_DRIVER("oss", "Storage driver: Aliyun OSS."),
    OPEN("storage.delete", "Deleting through the API."),
    {.path = "storage.delete.enabled", .type = OPTION_BOOL, FIELD(storage.is_delete_enabled),
     .default_text = "false", .help = "Allows clients to delete manifests, tags and blobs."},
    OPEN("storage.cache", "The cache of blob descriptors."),
    {.path = "storage.cache.blobdescriptor", .type = OPTION_TEXT, FIELD(storage.cache.descriptors),
     .default_text = "\"\"", .example = "inmemory",
     .help = "Where descriptors of blobs are cached: inmemory, or redis, to be shared with other "
             "registries. Anything else is no cache, with a warning. What is cached never decides "
             "whether a blob exists."},
    {.path = "storage.cache.layerinfo", .type = OPTION_TEXT, FIELD(storage.cache.layer_info),
     .default_text = "\"\"", .example = "inmemory",
     .help = "Old name of storage.cache.blobdescriptor; counts only where that is not given."},
    {.path = "storage.cache.blobdescriptorsize", .type = OPTION_INTEGER,
     FIELD(storage.cache.entries_max), .default_text = "10000", .min = INT64_MIN,
     .help = "Most descriptors in memory (3.x). 0 or less, and more than 1000000, is 1000000."},
    OPEN("storage.redirect", "Sending clients to the storage for the content of blobs."),
    {.path = "storage.redirect.disable", .type = OPTION_BOOL, FIELD(storage.is_redirect_disabled),
     .default_text = "false",
     .help = "Serves all content through the registry. Else s3 and storage middleware send clients "
             "elsewhere for the content of blobs."},
    OPEN("storage.maintenance", "Jobs in the background and the state of the storage."),
    OPEN("storage.maintenance.uploadpurging", "Removing uploads that were never finished. What is "
         "left out has its default, where upstream demands age, interval and dryrun each."),
    {.path = "storage.maintenance.uploadpurging.enabled", .type = OPTION_BOOL,
     FIELD(storage.purge.is_enabled), .default_text = "true", .help = "Whether uploads are purged."},
    {.path = "storage.maintenance.uploadpurging.age", .type = OPTION_DURATION,
     FIELD(storage.purge.age_ns), .default_text = "168h", .is_string = true,
     .help = "Uploads that began longer ago are removed."},
    {.path = "storage.maintenance.uploadpurging.interval", .type = OPTION_DURATION,
     FIELD(storage.purge.interval_ns), .default_text = "24h", .min = MILLISECOND, .is_string = true,
     .help = "Time between two rounds. The first one is at a random moment of the first hour."},
    {.path = "storage.maintenance.uploadpurging.dryrun", .type = OPTION_BOOL,
     FIELD(storage.purge.is_dry_run), .default_text = "false",
     .help = "Only logs what would be removed."},
    OPEN("storage.maintenance.readonly", "Serving without accepting changes."),
    {.path = "storage.maintenance.readonly.enabled", .type = OPTION_BOOL,
     FIELD(storage.is_read_only), .default_text = "false", .is_reloadable = true,
     .help = "Refuses everything that would change the storage."},
    REFUSED("storage.tag", ANY, "Parallel lookups of tags (3.x)."),

    /* ---- http ---- */
    SECTION("http", "The server."),
    {.path = "http.addr", .type = OPTION_TEXT, FIELD(http.addr), .default_text = "\"\"",
     .example = ":5000", .is_shown = true,
     .help = "Address to listen on, host:port or :port for all interfaces. Without it: a free port "
             "of all interfaces. The path of a socket where http.net is unix."},
    {.path = "http.net", .type = OPTION_TEXT, FIELD(http.net), .default_text = "tcp",
     .choices = "tcp|unix", .help = "Kind of the address."},
    {.path = "http.host", .type = OPTION_TEXT, FIELD(http.host), .default_text = "\"\"",
     .example = "https://registry.example.com", .check = check_host,
     .help = "Scheme and host of all URLs in answers, where those of the request would not do. A "
             "path behind them is put before that of the answer, up to its last slash."},
    {.path = "http.prefix", .type = OPTION_TEXT, FIELD(http.prefix), .default_text = "/",
     .example = "/registry/", .check = check_prefix,
     .help = "Path under which everything is served. A missing slash at either end is added."},
    {.path = "http.secret", .type = OPTION_TEXT, FIELD(http.secret), .default_text = "\"\"",
     .example = "a-long-random-text", .is_secret = true,
     .help = "Key that signs the state of uploads. Registries behind one load balancer need the same "
             "one. Without it: random at each start."},
    {.path = "http.relativeurls", .type = OPTION_BOOL, FIELD(http.is_relative_urls),
     .default_text = "false", .help = "Answers with URLs without scheme and host; http.host wins."},
    {.path = "http.draintimeout", .type = OPTION_DURATION, FIELD(http.drain_timeout_ns),
     .default_text = "30s", .max = 240 * HOUR,
     .help = "How long requests may take to finish after SIGTERM or SIGINT. 0 stops at once. "
             "Upstream's default is 0, so that by default it cuts every transfer; ours lets them "
             "finish."},
    {.path = "http.headertimeout", .type = OPTION_DURATION, FIELD(http.header_timeout_ns),
     .default_text = "30s", .min = MILLISECOND, .max = 240 * HOUR, .is_ours = true,
     .help = "How long the head of a request may take from its first byte."},
    {.path = "http.idletimeout", .type = OPTION_DURATION, FIELD(http.idle_timeout_ns),
     .default_text = "120s", .min = MILLISECOND, .max = 240 * HOUR, .is_ours = true,
     .help = "How long a connection may wait for its next request."},
    {.path = "http.bodytimeout", .type = OPTION_DURATION, FIELD(http.body_timeout_ns),
     .default_text = "60s", .min = MILLISECOND, .max = 240 * HOUR, .is_ours = true,
     .help = "How long a body, or a client that reads an answer, may stand still."},
    {.path = "http.maxconnections", .type = OPTION_INTEGER, FIELD(http.connections_max),
     .default_text = "0", .example = "1000", .is_ours = true, .is_reloadable = true,
     .help = "Most connections at once; 0 is as many as the limit of open files allows. Who comes when "
             "all are taken waits, and the connection ends that has waited for a request for longest."},
    {.path = "http.headers", .type = OPTION_HEADERS, FIELD(http.headers), .default_text = "{}",
     .example = "{X-Content-Type-Options: [nosniff]}", .is_shown = true, .is_reloadable = true,
     .check = check_headers, .help = "Headers added to answers: names with lists of values."},
    SECTION("http.tls", "TLS. The files are read again when they have changed."),
    {.path = "http.tls.certificate", .type = OPTION_TEXT, FIELD(http.tls.certificate),
     .default_text = "\"\"", .example = "/etc/registry/tls.crt",
     .help = "PEM file with the certificate and, behind it, those between it and its authority. Turns "
             "TLS on."},
    {.path = "http.tls.key", .type = OPTION_TEXT, FIELD(http.tls.key), .default_text = "\"\"",
     .example = "/etc/registry/tls.key", .help = "PEM file with the private key."},
    {.path = "http.tls.clientcas", .type = OPTION_TEXTS, FIELD(http.tls.client_cas),
     .default_text = "[]", .example = "[/etc/registry/clients.crt]",
     .help = "PEM files with the authorities of client certificates. With any, clients need one."},
    {.path = "http.tls.clientauth", .type = OPTION_TEXT, FIELD(http.tls.client_auth),
     .default_text = "require-and-verify-client-cert",
     .choices = "request-client-cert|require-any-client-cert|verify-client-cert-if-given|"
                "require-and-verify-client-cert",
     .help = "How client certificates are checked; counts with clientcas only (3.x)."},
    {.path = "http.tls.minimumtls", .type = OPTION_TEXT, FIELD(http.tls.minimum),
     .default_text = "tls1.2", .choices = "tls1.0|tls1.1|tls1.2|tls1.3",
     .help = "Lowest version of TLS."},
    {.path = "http.tls.ciphersuites", .type = OPTION_TEXTS, FIELD(http.tls.cipher_suites),
     .default_text = "[]", .example = "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
     .help = "Allowed cipher suites, by upstream's names. Without any: those with forward secrecy and "
             "authenticated encryption."},
    SECTION("http.tls.letsencrypt", "Certificates from an ACME authority."),
    NO_ACME("cachefile", TEXT, "Where certificates are kept."),
    NO_ACME("email", TEXT, "Address of the account."),
    NO_ACME("hosts", TEXTS, "Allowed host names."),
    NO_ACME("directoryurl", TEXT, "The authority (3.x)."),
    SECTION("http.http2", "HTTP/2 over TLS."),
    {.path = "http.http2.disabled", .type = OPTION_BOOL, .state = OPTION_ACCEPTED,
     FIELD(http.is_http2_disabled), .default_text = "false",
     .note = "HTTP/1.1 is all that is offered", .help = "Leaves HTTP/2 out. It is never offered."},
    SECTION("http.h2c", "HTTP/2 without TLS (3.x)."),
    {.path = "http.h2c.enabled", .type = OPTION_BOOL, .state = OPTION_ACCEPTED,
     FIELD(http.is_h2c_enabled), .default_text = "false",
     .note = "HTTP/1.1 is all that is offered",
     .help = "Allows it (3.x). HTTP/1.1, which every client speaks, is all that is offered."},
    SECTION("http.debug", "A second server for those who watch over this one: /debug/health, "
            "/debug/vars and the metrics. Without TLS, without authentication."),
    {.path = "http.debug.addr", .type = OPTION_TEXT, FIELD(http.debug.addr), .default_text = "\"\"",
     .example = "127.0.0.1:5001", .check = check_addr,
     .help = "Its address, host:port. Without it there is no such server."},
    SECTION("http.debug.prometheus", "Metrics in Prometheus' form, on the second server."),
    {.path = "http.debug.prometheus.enabled", .type = OPTION_BOOL,
     FIELD(http.debug.is_metrics_enabled), .default_text = "false", .help = "Serves them."},
    {.path = "http.debug.prometheus.path", .type = OPTION_TEXT, FIELD(http.debug.metrics_path),
     .default_text = "/metrics", .check = check_metrics_path, .help = "Where."},

    /* ---- health ---- */
    SECTION("health", "Checks that make the registry answer 503 while they fail."),
    SECTION("health.storagedriver", "Looks whether the storage answers."),
    {.path = "health.storagedriver.enabled", .type = OPTION_BOOL,
     FIELD(health.storage_driver.is_enabled), .default_text = "false", .example = "true",
     .help = "Whether it does."},
    {.path = "health.storagedriver.interval", .type = OPTION_DURATION,
     FIELD(health.storage_driver.interval_ns), .default_text = "10s", .check = check_interval,
     .help = "Time between two looks."},
    {.path = "health.storagedriver.threshold", .type = OPTION_INTEGER,
     FIELD(health.storage_driver.threshold), .default_text = "0", .example = "3", .min = INT64_MIN,
     .check = check_threshold, .help = "How many failures in a row count as one."},
    {.path = "health.file", .type = OPTION_MAPS, FIELD(health.file),
     .item_size = sizeof(struct config_file_check), .default_text = "[]", .max = ITEMS_MAX,
     .env = "FILECHECKERS", .help = "Files whose presence is a failure."},
    {.path = "health.file.file", .type = OPTION_TEXT, ITEM(config_file_check, file),
     .default_text = "\"\"", .example = "/run/registry/maintenance", .is_required = true,
     .help = "Path of the file."},
    {.path = "health.file.interval", .type = OPTION_DURATION, ITEM(config_file_check, interval_ns),
     .default_text = "10s", .check = check_interval, .help = "Time between two looks."},
    {.path = "health.file.threshold", .type = OPTION_INTEGER, ITEM(config_file_check, threshold),
     .state = OPTION_ACCEPTED, .default_text = "0", .min = INT64_MIN, .check = check_threshold,
     .note = "a file that is there counts at once, upstream too",
     .help = "How many failures in a row count as one; without effect, as upstream."},
    {.path = "health.http", .type = OPTION_MAPS, FIELD(health.http),
     .item_size = sizeof(struct config_http_check), .default_text = "[]", .max = ITEMS_MAX,
     .env = "HTTPCHECKERS", .help = "URLs that must answer."},
    {.path = "health.http.uri", .type = OPTION_TEXT, ITEM(config_http_check, uri),
     .default_text = "\"\"", .example = "http://127.0.0.1:8080/ready", .is_required = true,
     .check = check_url, .help = "The URL; it is asked with HEAD."},
    {.path = "health.http.headers", .type = OPTION_HEADERS, ITEM(config_http_check, headers),
     .default_text = "{}", .example = "{Authorization: [Bearer abc]}", .is_secret = true,
     .check = check_headers, .help = "Headers of the request."},
    {.path = "health.http.statuscode", .type = OPTION_INTEGER, ITEM(config_http_check, status),
     .default_text = "200", .max = 999, .check = check_status, .help = "The status that is well."},
    {.path = "health.http.timeout", .type = OPTION_DURATION, ITEM(config_http_check, timeout_ns),
     .default_text = "0s", .help = "How long the answer may take. 0: as long as it likes."},
    {.path = "health.http.interval", .type = OPTION_DURATION, ITEM(config_http_check, interval_ns),
     .default_text = "10s", .check = check_interval, .help = "Time between two looks."},
    {.path = "health.http.threshold", .type = OPTION_INTEGER, ITEM(config_http_check, threshold),
     .default_text = "0", .min = INT64_MIN, .check = check_threshold,
     .help = "How many failures in a row count as one."},
    {.path = "health.tcp", .type = OPTION_MAPS, FIELD(health.tcp),
     .item_size = sizeof(struct config_tcp_check), .default_text = "[]", .max = ITEMS_MAX,
     .env = "TCPCHECKERS", .help = "Addresses that must accept connections."},
    {.path = "health.tcp.addr", .type = OPTION_TEXT, ITEM(config_tcp_check, addr),
     .default_text = "\"\"", .example = "127.0.0.1:6379", .is_required = true, .check = check_addr,
     .help = "The address, host:port."},
    {.path = "health.tcp.timeout", .type = OPTION_DURATION, ITEM(config_tcp_check, timeout_ns),
     .default_text = "0s", .help = "How long connecting may take. 0: as long as it likes."},
    {.path = "health.tcp.interval", .type = OPTION_DURATION, ITEM(config_tcp_check, interval_ns),
     .default_text = "10s", .check = check_interval, .help = "Time between two looks."},
    {.path = "health.tcp.threshold", .type = OPTION_INTEGER, ITEM(config_tcp_check, threshold),
     .default_text = "0", .min = INT64_MIN, .check = check_threshold,
     .help = "How many failures in a row count as one."},

    /* ---- catalog, validation, compatibility ---- */
    SECTION("catalog", "The list of all repositories."),
    {.path = "catalog.maxentries", .type = OPTION_INTEGER, FIELD(catalog.entries_max),
     .default_text = "1000", .min = INT64_MIN, .check = check_entries,
     .help = "Most repositories in one answer; less than 1 is taken as 1000."},
    SECTION("validation", "What is checked of a manifest before it is stored."),
    {.path = "validation.enabled", .type = OPTION_BOOL, FIELD(validation.is_enabled),
     .default_text = "false",
     .help = "Old opposite of validation.disabled: the rules count if this is true or that is "
             "false."},
    {.path = "validation.disabled", .type = OPTION_BOOL, FIELD(validation.is_disabled),
     .default_text = "false",
     .help = "Lets layers name any http and https URL, whatever the rules below. That what a manifest "
             "refers to is there is checked in any case."},
    SECTION("validation.manifests", "Rules for manifests."),
    SECTION("validation.manifests.urls", "Rules for the URLs of layers kept elsewhere."),
    {.path = "validation.manifests.urls.allow", .type = OPTION_TEXTS, FIELD(validation.url_allow),
     .default_text = "[]", .example = "['^https://([^/]+\\.)*example\\.com/']",
     .check = check_expressions,
     .help = "Regular expressions; a URL must match one of them. Without any, here and in deny, no "
             "URL is allowed."},
    {.path = "validation.manifests.urls.deny", .type = OPTION_TEXTS, FIELD(validation.url_deny),
     .default_text = "[]", .example = "['^https://www\\.example\\.com/']",
     .check = check_expressions,
     .help = "Regular expressions; a URL must match none of them."},
    SECTION("validation.manifests.indexes", "Rules for indexes (3.x)."),
    REFUSED("validation.manifests.indexes.platforms", TEXT, "Platforms that must be there (3.x)."),
    REFUSED("validation.manifests.indexes.platformlist", ANY, "Their list (3.x)."),
    SECTION("compatibility", "What old clients need."),
    SECTION("compatibility.schema1", "Manifests of Docker's first schema."),
    {.path = "compatibility.schema1.enabled", .type = OPTION_BOOL,
     FIELD(compatibility.is_schema1_enabled), .default_text = "false", .choices = "false",
     .refused = "true", .help = "Accepts them."},
    {.path = "compatibility.schema1.signingkeyfile", .type = OPTION_TEXT, .state = OPTION_REFUSED,
     .env = "TRUSTKEY", .help = "File with the key that signs them."},

    /* ---- auth ---- */
    {.path = "auth", .type = OPTION_ONE_OF,
     .help = "Who may do what: exactly one access controller. Without it everybody may do everything."},
    CONTROLLER("none", "Everybody may do everything, as without the section. It has no keys."),
    CONTROLLER("silly", "Access controller: any Authorization header will do. For tests."),
    {.path = "auth.silly.realm", .type = OPTION_TEXT, FIELD(auth.silly.realm),
     .default_text = "\"\"", .example = "silly", .is_string = true,
     .help = "Name of the realm in challenges. Must be given."},
    {.path = "auth.silly.service", .type = OPTION_TEXT, FIELD(auth.silly.service),
     .default_text = "\"\"", .example = "registry.example.com", .is_string = true,
     .help = "Name of the service in challenges. Must be given."},
    CONTROLLER("htpasswd", "Access controller: a file of users and bcrypt passwords. It is read again "
               "when it has changed."),
    {.path = "auth.htpasswd.realm", .type = OPTION_TEXT, FIELD(auth.htpasswd.realm),
     .default_text = "\"\"", .example = "Registry", .is_string = true,
     .help = "Name of the realm in challenges. Must be given."},
    {.path = "auth.htpasswd.path", .type = OPTION_TEXT, FIELD(auth.htpasswd.path),
     .default_text = "\"\"", .example = "/etc/registry/htpasswd", .is_string = true,
     .help = "The file, as `htpasswd -B` makes it. Must be given; one that is missing is made, with a "
             "user whose password is logged."},
    {.path = "auth.htpasswd.access", .type = OPTION_TEXT, FIELD(auth.htpasswd.access),
     .default_text = "\"\"", .example = "/etc/registry/access", .is_string = true, .is_ours = true,
     .help = "File of rules: which user may do what with which repositories. Without it every user "
             "may do everything."},
    CONTROLLER("token", "Access controller: tokens that a token service signs."),
    {.path = "auth.token.realm", .type = OPTION_TEXT, FIELD(auth.token.realm),
     .default_text = "\"\"", .example = "https://auth.example.com/token", .is_string = true,
     .help = "URL of the token service. Must be given."},
    {.path = "auth.token.issuer", .type = OPTION_TEXT, FIELD(auth.token.issuer),
     .default_text = "\"\"", .example = "auth.example.com", .is_string = true,
     .help = "Whom tokens must come from. Must be given."},
    {.path = "auth.token.service", .type = OPTION_TEXT, FIELD(auth.token.service),
     .default_text = "\"\"", .example = "registry.example.com", .is_string = true,
     .help = "Whom tokens must be for. Must be given."},
    {.path = "auth.token.rootcertbundle", .type = OPTION_TEXT, FIELD(auth.token.root_cert_bundle),
     .default_text = "\"\"", .example = "/etc/registry/token.crt", .is_string = true,
     .help = "PEM file with the certificates whose keys sign tokens, or sign certificates that do."},
    {.path = "auth.token.jwks", .type = OPTION_TEXT, FIELD(auth.token.jwks), .default_text = "\"\"",
     .example = "/etc/registry/token.jwks", .is_string = true,
     .help = "File with a JSON Web Key Set of the keys that sign tokens (3.x)."},
    {.path = "auth.token.signingalgorithms", .type = OPTION_TEXTS,
     FIELD(auth.token.signing_algorithms), .default_text = "[]", .example = "[ES256, RS256]",
     .help = "Allowed algorithms of signatures (3.x). Without any: all that are safe."},
    {.path = "auth.token.autoredirect", .type = OPTION_BOOL, FIELD(auth.token.is_auto_redirect),
     .default_text = "false",
     .help = "Challenges name this registry's own host as token service, whatever the realm."},
    {.path = "auth.token.autoredirectpath", .type = OPTION_TEXT,
     FIELD(auth.token.auto_redirect_path), .default_text = "/auth/token", .is_string = true,
     .help = "The path of that URL (3.x)."},

    /* ---- reporting ---- */
    SECTION("reporting", "Services that collect errors. Nothing is sent to them."),
    SECTION("reporting.bugsnag", "Bugsnag."),
    {.path = "reporting.bugsnag.apikey", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(reporting.bugsnag.api_key), .default_text = "\"\"", .example = "abc", .is_secret = true,
     .note = "nothing is reported to Bugsnag; errors are in the log", .help = "Its key."},
    {.path = "reporting.bugsnag.releasestage", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(reporting.bugsnag.release_stage), .default_text = "\"\"", .example = "production",
     .note = "", .help = "Where the registry runs."},
    {.path = "reporting.bugsnag.endpoint", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(reporting.bugsnag.endpoint), .default_text = "\"\"",
     .example = "https://notify.bugsnag.com/", .note = "", .help = "Its URL."},
    SECTION("reporting.newrelic", "New Relic."),
    {.path = "reporting.newrelic.licensekey", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(reporting.newrelic.license_key), .default_text = "\"\"", .example = "abc",
     .is_secret = true, .note = "nothing is reported to New Relic; there are metrics for Prometheus",
     .help = "Its key."},
    {.path = "reporting.newrelic.name", .type = OPTION_TEXT, .state = OPTION_ACCEPTED,
     FIELD(reporting.newrelic.name), .default_text = "\"\"", .example = "registry", .note = "",
     .help = "Name of the application."},
    {.path = "reporting.newrelic.verbose", .type = OPTION_BOOL, .state = OPTION_ACCEPTED,
     FIELD(reporting.newrelic.is_verbose), .default_text = "false", .note = "",
     .help = "Logs what is sent."},

    /* ---- redis ---- */
    SECTION("redis", "The Redis server of storage.cache."),
    {.path = "redis.addr", .type = OPTION_TEXT, FIELD(redis.addr), .default_text = "\"\"",
     .check = check_addr, .example = "redis.example.com:6379", .help = "Its address, host:port."},
    {.path = "redis.addrs", .type = OPTION_TEXTS, FIELD(redis.addrs), .default_text = "[]",
     .example = "[\"redis.example.com:6379\"]",
     .help = "Likewise (3.x): one address. Several would be a cluster or sentinels, which this "
             "version does not speak to."},
    {.path = "redis.username", .type = OPTION_TEXT, FIELD(redis.username), .default_text = "\"\"",
     .example = "registry", .help = "User of an access list (3.x); needs the password."},
    {.path = "redis.password", .type = OPTION_TEXT, FIELD(redis.password), .default_text = "\"\"",
     .is_secret = true, .example = "asecret", .help = "Its password."},
    {.path = "redis.db", .type = OPTION_INTEGER, FIELD(redis.database), .default_text = "0",
     .help = "Number of the database."},
    {.path = "redis.dialtimeout", .type = OPTION_DURATION, FIELD(redis.dial_timeout_ns),
     .default_text = "1s", .check = check_redis_timeout,
     .help = "How long connecting may take. 0 is the default: no request waits without end."},
    {.path = "redis.readtimeout", .type = OPTION_DURATION, FIELD(redis.read_timeout_ns),
     .default_text = "1s", .check = check_redis_timeout,
     .help = "How long an answer may take. 0 is the default."},
    {.path = "redis.writetimeout", .type = OPTION_DURATION, FIELD(redis.write_timeout_ns),
     .default_text = "1s", .check = check_redis_timeout,
     .help = "How long sending may take. 0 is the default."},
    SECTION("redis.pool", "Its connections."),
    {.path = "redis.pool.maxidle", .type = OPTION_INTEGER, FIELD(redis.pool.idle_max),
     .default_text = "16", .help = "Most that are kept for later; 0 keeps none."},
    {.path = "redis.pool.maxactive", .type = OPTION_INTEGER, FIELD(redis.pool.active_max),
     .default_text = "64",
     .help = "Most at all; 0 is no limit, as upstream has it without one. Who would need one more "
             "goes on without the cache."},
    {.path = "redis.pool.idletimeout", .type = OPTION_DURATION, FIELD(redis.pool.idle_timeout_ns),
     .default_text = "0s", .example = "300s",
     .help = "How long one is kept; 0 as long as it lasts."},
    SECTION("redis.tls", "TLS to the server (3.x). Any key turns it on."),
    {.path = "redis.tls.certificate", .type = OPTION_TEXT, FIELD(redis.tls.certificate),
     .default_text = "\"\"", .example = "/etc/redis/client.crt",
     .help = "PEM file with our certificate; needs the key."},
    {.path = "redis.tls.key", .type = OPTION_TEXT, FIELD(redis.tls.key), .default_text = "\"\"",
     .example = "/etc/redis/client.key", .help = "PEM file with the key."},
    {.path = "redis.tls.rootcas", .type = OPTION_TEXTS, FIELD(redis.tls.root_cas),
     .default_text = "[]", .example = "[/etc/redis/ca.crt]",
     .help = "PEM files with the authorities that are trusted; without one, those of the system."},

    /* ---- middleware ---- */
    OPEN("middleware", "Parts put between others."),
    {.path = "middleware.registry", .type = OPTION_ANY, .state = OPTION_REFUSED,
     .note = "there is none, in upstream's program neither; remove or disable the item",
     .help = "Around the registry. An item with `disabled: true` is ignored."},
    {.path = "middleware.repository", .type = OPTION_ANY, .state = OPTION_REFUSED,
     .note = "there is none, in upstream's program neither; remove or disable the item",
     .help = "Around repositories. An item with `disabled: true` is ignored."},
    {.path = "middleware.storage", .type = OPTION_MAPS, FIELD(middleware.storage),
     .item_size = sizeof(struct config_storage_middleware), .default_text = "[]", .max = ITEMS_MAX,
     .help = "Around the storage: what changes the URLs that clients are sent to for the content of "
             "blobs. The last is asked first."},
    {.path = "middleware.storage.name", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, name), .default_text = "\"\"", .example = "redirect",
     .is_required = true,
     .help = "Its kind, redirect (a fixed server), cloudfront (signed URLs of Amazon CloudFront) or "
             "rewrite (3.x; changes the storage's own URLs)."},
    {.path = "middleware.storage.disabled", .type = OPTION_BOOL,
     ITEM(config_storage_middleware, is_disabled), .default_text = "false",
     .help = "Leaves the item out. Upstream reads it and takes no notice."},
    {.path = "middleware.storage.options", .type = OPTION_OPEN, .is_item = true,
     .help = "What it needs; each kind takes its own."},
    {.path = "middleware.storage.options.baseurl", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, base_url), .default_text = "\"\"",
     .example = "https://cdn.example.com/", .is_string = true,
     .help = "With redirect and cloudfront: the URL before the keys of the storage. Must be given."},
    {.path = "middleware.storage.options.privatekey", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, private_key), .default_text = "\"\"",
     .example = "/etc/registry/cloudfront.pem", .is_string = true,
     .help = "With cloudfront: PEM file with the RSA key that signs. Must be given."},
    {.path = "middleware.storage.options.keypairid", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, key_pair_id), .default_text = "\"\"",
     .example = "APKAEXAMPLE", .is_string = true,
     .help = "With cloudfront: the name of that key. Must be given."},
    {.path = "middleware.storage.options.duration", .type = OPTION_DURATION,
     ITEM(config_storage_middleware, duration_ns), .default_text = "20m",
     .min = 1000 * MILLISECOND, .is_string = true,
     .help = "With cloudfront: how long a URL holds."},
    {.path = "middleware.storage.options.ipfilteredby", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, ip_filtered_by), .default_text = "none", .is_string = true,
     .help = "With cloudfront: clients that get the URLs of the bucket: none, those of aws, or of "
             "awsregion."},
    {.path = "middleware.storage.options.awsregion", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, aws_region), .default_text = "\"\"",
     .example = "us-east-1,us-east-2", .is_string = true,
     .help = "With cloudfront: those regions, joined by commas."},
    {.path = "middleware.storage.options.iprangesurl", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, ip_ranges_url),
     .default_text = "https://ip-ranges.amazonaws.com/ip-ranges.json", .is_string = true,
     .check = check_url, .help = "With cloudfront: where their addresses are published."},
    {.path = "middleware.storage.options.updatefrequency", .type = OPTION_DURATION,
     ITEM(config_storage_middleware, update_frequency_ns), .default_text = "12h",
     .min = 1000 * MILLISECOND, .is_string = true,
     .help = "With cloudfront: how often they are fetched (3.x)."},
    {.path = "middleware.storage.options.updatefrenquency", .type = OPTION_DURATION,
     ITEM(config_storage_middleware, old_update_frequency_ns), .default_text = "0s",
     .example = "12h", .is_string = true,
     .help = "Old spelling of updatefrequency; counts unless it is 0. Upstream's version 2 takes it "
             "for duration."},
    {.path = "middleware.storage.options.scheme", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, scheme), .default_text = "\"\"", .example = "https",
     .is_string = true, .help = "With rewrite: the scheme in place of the URL's own (3.x)."},
    {.path = "middleware.storage.options.host", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, host), .default_text = "\"\"",
     .example = "cdn.example.com", .is_string = true,
     .help = "With rewrite: the host, and its port, in place of the URL's own (3.x)."},
    {.path = "middleware.storage.options.trimpathprefix", .type = OPTION_TEXT,
     ITEM(config_storage_middleware, trim_path_prefix), .default_text = "\"\"",
     .example = "/bucket", .is_string = true,
     .help = "With rewrite: what is cut off the beginning of the URL's path (3.x)."},

    /* ---- sections of which this version has nothing ---- */
    SECTION("notifications", "Messages about what happens."),
    {.path = "notifications.events", .type = OPTION_SECTION, .env = "EVENTCONFIG",
     .help = "What messages contain."},
    REFUSED("notifications.events.includereferences", BOOL, "References of manifests too."),
    REFUSED("notifications.endpoints", ANY, "Where messages go."),
    SECTION("proxy", "Being a cache of another registry."),
    REFUSED("proxy.remoteurl", TEXT, "The other registry."),
    REFUSED("proxy.username", TEXT, "User there."),
    {.path = "proxy.password", .type = OPTION_TEXT, .state = OPTION_REFUSED, .is_secret = true,
     .help = "Password there."},
    REFUSED("proxy.ttl", DURATION, "How long content stays (3.x)."),
    REFUSED("proxy.exec", ANY, "Helper that knows the password (3.x)."),
    REFUSED("proxy.cachewritetimeout", DURATION, "How long storing may take (3.x)."),
    SECTION("policy", "Rules for repositories."),
    SECTION("policy.repository", "Rules for repositories."),
    REFUSED("policy.repository.classes", TEXTS, "Kinds of content that may be pushed."),
    SECTION("tags", "Lists of tags (3.x)."),
    REFUSED("tags.maxtags", INTEGER, "Most tags in one answer (3.x)."),
};
/* clang-format on */

const size_t option_count = array_count(options);

const struct option *option_find(const char *path)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(options[i].path, path) == 0)
            return &options[i];
    }
    return NULL;
}

size_t option_index(const struct option *option)
{
    return (size_t)(option - options);
}

bool is_option_section(const struct option *option)
{
    return option->type == OPTION_SECTION || option->type == OPTION_OPEN ||
           option->type == OPTION_ONE_OF;
}

bool has_option_value(const struct option *option)
{
    return !is_option_section(option) && option->state != OPTION_REFUSED;
}

bool is_option_within(const struct option *option, const struct option *section)
{
    size_t len = strlen(section->path);

    return strncmp(option->path, section->path, len) == 0 &&
           (option->path[len] == '\0' || option->path[len] == '.');
}

bool has_option_values(const struct option *section)
{
    for (size_t i = 0; i < option_count; i++) {
        if (has_option_value(&options[i]) && is_option_within(&options[i], section))
            return true;
    }
    return false;
}

size_t option_depth(const struct option *option)
{
    size_t depth = 0;

    for (const char *c = option->path; *c != '\0'; c++)
        depth += *c == '.';
    return depth;
}

bool is_option_below(const struct option *option, const char *section)
{
    size_t len = strlen(section);
    const char *rest = option->path;

    if (len > 0) {
        if (strncmp(rest, section, len) != 0 || rest[len] != '.')
            return false;
        rest += len + 1;
    }
    return strchr(rest, '.') == NULL;
}

const char *option_key(const struct option *option)
{
    const char *dot = strrchr(option->path, '.');

    return dot != NULL ? dot + 1 : option->path;
}

static void append_upper(struct str *out, const char *text)
{
    for (; *text != '\0'; text++)
        str_append_char(out, *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text);
}

void option_variable(const struct option *option, struct str *out)
{
    struct span rest = span_of(option->path);
    auto_str path = STR_INIT(256);

    str_append_text(out, "REGISTRY");
    while (rest.data != NULL) {
        struct span part = span_cut(&rest, '.');
        const struct option *row;

        if (path.len > 0)
            str_append_char(&path, '.');
        str_append(&path, part);
        row = option_find(str_text(&path));
        str_append_char(out, '_');
        append_upper(out, row != NULL && row->env != NULL ? row->env
                                                          : str_text(&path) + path.len - part.len);
        if (row != NULL && row->type == OPTION_MAPS && row != option)
            str_append_text(out, "_0");
    }
}

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_SECTION] = "section",
        [OPTION_OPEN] = "section",
        [OPTION_ONE_OF] = "section",
        [OPTION_TEXT] = "text",
        [OPTION_BOOL] = "true or false",
        [OPTION_INTEGER] = "number",
        [OPTION_DURATION] = "duration",
        [OPTION_LEVEL] = "text",
        [OPTION_TEXTS] = "list",
        [OPTION_PAIRS] = "map",
        [OPTION_HEADERS] = "map of lists",
        [OPTION_MAPS] = "list of sections",
        [OPTION_ANY] = "any",
    };

    return names[type];
}

#define NEAREST_LEN_MAX 63 /* characters of names that are compared */

/* The least number of characters to insert, remove or replace. Longer names: a big number. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LEN_MAX + 1];
    size_t b_len = strlen(b);

    if (strlen(a) > NEAREST_LEN_MAX || b_len > NEAREST_LEN_MAX)
        return NEAREST_LEN_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

/* The row below @section, or anywhere if NULL, whose key is nearest to @key within @limit. */
static const struct option *nearest_key(const char *key, const char *section, size_t limit)
{
    const struct option *best = NULL;

    for (size_t i = 0; i < option_count; i++) {
        size_t distance;

        if (section != NULL && !is_option_below(&options[i], section))
            continue;
        distance = edit_distance(key, option_key(&options[i]));
        if (distance <= limit) {
            best = &options[i];
            if (distance == 0)
                break;
            limit = distance - 1;
        }
    }
    return best;
}

const struct option *option_nearest(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *key = dot != NULL ? dot + 1 : path;
    auto_str section = STR_INIT(256);
    auto_str lower = STR_INIT(NEAREST_LEN_MAX);
    const struct option *best;

    if (dot != NULL)
        str_append(&section, span_make(path, (size_t)(dot - path)));
    for (const char *c = key; *c != '\0'; c++)
        str_append_char(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
    if (str_overflowed(&section) || str_overflowed(&lower))
        return NULL;
    best = nearest_key(str_text(&lower), str_text(&section), 1 + lower.len / 4);
    return best != NULL ? best : nearest_key(str_text(&lower), NULL, 0);
}
