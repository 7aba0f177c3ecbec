/* SPDX-License-Identifier: Apache-2.0
 *
 * config - the effective configuration: default < file < environment.
 *
 * One table (options.c) describes every key: YAML path, type, state, default, limits or choices,
 * secret, help. The YAML reader, the REGISTRY_* reader, `registry config ...`, config.yml.example
 * and docs/configuration.md all work from it. README.md in this folder shows the way of a value.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_pair {
    char *name;  /* owned */
    char *value; /* owned */
};

struct config_pairs {
    struct config_pair *items; /* owned */
    size_t count;
};

struct config_texts {
    char **items; /* owned */
    size_t count;
};

/* The entries of a list of maps: an array of one of the structs below, owned. */
struct config_items {
    void *items;
    size_t count;
};

struct config_file_check {
    char *file;
    int64_t interval_ns;
    int64_t threshold; /* read, without effect, as upstream */
};

struct config_http_check {
    char *uri;
    struct config_pairs headers;
    int64_t status;     /* the answer that is well */
    int64_t timeout_ns; /* 0: none */
    int64_t interval_ns;
    int64_t threshold;
};

struct config_tcp_check {
    char *addr;
    int64_t timeout_ns; /* 0: none */
    int64_t interval_ns;
    int64_t threshold;
};

/* One of middleware.storage; each kind takes its own of these. */
struct config_storage_middleware {
    char *name;
    bool is_disabled;
    char *base_url;
    char *private_key;
    char *key_pair_id;
    int64_t duration_ns; /* these two: at least 1 s */
    int64_t update_frequency_ns;
    int64_t old_update_frequency_ns; /* counts unless it is 0 */
    char *ip_filtered_by;
    char *aws_region;
    char *ip_ranges_url;
    char *scheme;
    char *host;
    char *trim_path_prefix;
};

struct config_origins;

/* storage.s3; the sizes are bytes. */
struct config_s3 {
    char *access_key;
    char *secret_key;
    char *session_token;
    char *region;
    char *region_endpoint; /* host, host:port or URL; "": Amazon's */
    char *bucket;
    char *key_id;
    char *root;
    char *storage_class;
    char *object_acl;
    char *user_agent;
    char *log_level; /* without effect */
    bool is_encrypted;
    bool is_secure;
    bool is_verify_skipped;
    bool is_v4_auth;
    bool is_path_style_forced;
    bool is_dual_stack;
    bool is_accelerated;
    bool is_fips;
    int64_t chunk_size;
    int64_t copy_chunk_size;
    int64_t copy_concurrency_max;
    int64_t copy_threshold;
    int64_t stall_timeout_ns;
};

/* Every text is owned and never NULL; "" is "not given". */
struct config {
    char *version;
    enum log_level deprecated_log_level; /* loglevel; log.level has taken it over */
    struct {
        enum log_level level;
        char *formatter; /* "text", "json" or "logstash" */
        bool is_access_log_disabled;
        bool is_caller_reported; /* without effect */
        struct config_pairs fields;
    } log;
    struct {
        const char *driver; /* lent: "filesystem" or "inmemory" */
        const char *root;   /* lent; NULL: the driver has none */
        struct {
            char *root;
            int64_t threads_max;
        } filesystem;
        struct config_s3 s3;
        struct {
            char *descriptors; /* "inmemory" or "redis", "" for none, anything else for none, too */
            char *layer_info;  /* likewise; counts where the other is "" */
            int64_t entries_max;
        } cache;
        bool is_delete_enabled;
        bool is_redirect_disabled;
        bool is_read_only;
        struct {
            bool is_enabled;
            int64_t age_ns;
            int64_t interval_ns;
            bool is_dry_run;
        } purge;
    } storage;
    struct {
        char *addr;   /* "" picks a free port of all interfaces */
        char *net;    /* "tcp" or "unix" */
        char *host;   /* a URL with scheme and host, "" for none */
        char *prefix; /* begins and ends with "/" */
        char *secret; /* "" none given */
        bool is_relative_urls;
        int64_t drain_timeout_ns;  /* 0: stop at once */
        int64_t header_timeout_ns; /* these three: at least 1 ms */
        int64_t idle_timeout_ns;
        int64_t body_timeout_ns;
        int64_t connections_max;     /* 0: as many as open files allow */
        struct config_pairs headers; /* a name may repeat */
        struct {
            char *certificate; /* "": no TLS */
            char *key;
            struct config_texts client_cas;
            char *client_auth; /* "require-and-verify-client-cert" ...; counts with client_cas */
            char *minimum;     /* "tls1.0" ... "tls1.3" */
            struct config_texts cipher_suites; /* upstream's names; empty: the defaults */
        } tls;
        bool is_http2_disabled; /* these two without effect */
        bool is_h2c_enabled;
        struct {
            char *addr; /* "": no debug server */
            bool is_metrics_enabled;
            char *metrics_path;
        } debug;
    } http;
    struct {
        struct {
            bool is_enabled;
            int64_t interval_ns;
            int64_t threshold;
        } storage_driver;
        struct config_items file; /* of struct config_file_check */
        struct config_items http; /* of struct config_http_check */
        struct config_items tcp;  /* of struct config_tcp_check */
    } health;
    struct {
        const char *controller; /* lent: "htpasswd" ...; NULL: everybody may do everything */
        struct {
            char *realm;
            char *service;
        } silly;
        struct {
            char *realm;
            char *path;
            char *access; /* file of rules; ours */
        } htpasswd;
        struct {
            char *realm;
            char *issuer;
            char *service;
            char *root_cert_bundle;
            char *jwks;
            struct config_texts signing_algorithms;
            bool is_auto_redirect;
            char *auto_redirect_path;
        } token;
    } auth;
    struct {
        const char *server; /* lent: where it is, "": there is none */
        char *addr;         /* these two are its parts */
        struct config_texts addrs;
        char *username;
        char *password;
        int64_t database;
        int64_t dial_timeout_ns; /* these three: at least 1 ms */
        int64_t read_timeout_ns;
        int64_t write_timeout_ns;
        struct {
            int64_t idle_max;
            int64_t active_max;      /* 0: no limit */
            int64_t idle_timeout_ns; /* 0: none */
        } pool;
        struct { /* any of them: there is TLS */
            char *certificate;
            char *key;
            struct config_texts root_cas;
        } tls;
    } redis;
    struct {
        int64_t entries_max;
    } catalog;
    struct {
        bool is_enabled;
        bool is_disabled;
        struct config_texts url_allow;
        struct config_texts url_deny;
    } validation;
    struct {
        bool is_schema1_enabled;
    } compatibility;
    struct {
        struct config_items storage; /* of struct config_storage_middleware */
    } middleware;
    struct { /* without effect */
        struct {
            char *api_key;
            char *release_stage;
            char *endpoint;
        } bugsnag;
        struct {
            char *license_key;
            char *name;
            bool is_verbose;
        } newrelic;
    } reporting;
    struct config_origins *origins; /* owned; where each value comes from */
};

/* Takes a whole sentence, such as "Ignoring unrecognized environment variable REGISTRY_PORT". */
typedef void config_message_cb(const char *message, void *arg);

/*
 * config_load - read the file @path and the REGISTRY_* variables of @environment.
 *
 * @path        NULL: environment and defaults only
 * @on_warning  called for each variable and value that is ignored, as upstream ignores it
 *
 * Given: config_free. Errors: INVALID, with a message that names file, line or variable, key, value
 * and what would be right ("error parsing config.yml: line 4: ..."); NOT_FOUND and IO for a file
 * that cannot be read ("open config.yml: no such file or directory"); TOO_LARGE.
 */
must_check int config_load(const char *path, char *const *environment,
                           config_message_cb *on_warning, void *arg, struct config **out,
                           struct error *err);

/* The same while we serve: of a pipe nobody has said that it will be written to once more, and it
 * is not waited for. INVALID for what is no regular file. */
must_check int config_load_again(const char *path, char *const *environment,
                                 config_message_cb *on_warning, void *arg, struct config **out,
                                 struct error *err);

/* The same from text in memory; @name stands for the file in messages. For tests and fuzzing. */
must_check int config_parse(struct span yaml, const char *name, char *const *environment,
                            config_message_cb *on_warning, void *arg, struct config **out,
                            struct error *err);

void config_free(struct config *config); /* NULL is fine */

/* Calls @note for each key that was given a value, is accepted so that the configuration keeps
 * working, and has no effect in this version. */
void config_each_note(const struct config *config, config_message_cb *note, void *arg);

/* @path: of the option, such as "http.addr"; static. @is_reloadable: its new value may be taken
 * while the process runs. */
typedef void config_difference_cb(const char *path, bool is_reloadable, void *arg);

/* Calls back for each option whose value differs and has an effect; "storage" and "auth" stand for
 * another driver or controller. */
void config_each_difference(const struct config *old, const struct config *new,
                            config_difference_cb *on_difference, void *arg);

/* The example file, from the table. Appends to @out. */
struct str;
void config_print_example(struct str *out);

/* The manual of all keys in Markdown, from the table. Appends to @out. */
void config_print_reference(struct str *out);

/* The effective configuration as YAML with the origin of each value; secrets masked. Appends. */
void config_print(const struct config *config, struct str *out);
