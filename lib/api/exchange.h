/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - one request and its answer, as the handlers see it: what the target named, which
 * options hold, and the few forms of answers there are.
 */
#pragma once

#include "lib/api/api.h"
#include "lib/api/location.h"
#include "lib/api/routes.h"
#include "lib/api/settings.h"
#include "lib/oci/reference.h"

/* As many errors as an envelope lists; an image has at most 127 layers and a config in practice. */
#define EXCHANGE_ERRORS_MAX 128

struct exchange {
    const struct api_options *options;
    struct settings *settings; /* used until the end */
    struct registry *registry;
    struct http_request *http;
    struct target target;     /* lent from the request */
    struct str path;          /* decoded */
    struct str shown_target;  /* for the logs: see redact.h */
    struct str shown_referer; /* likewise */
    struct route_match match;
    char repository[REPOSITORY_LEN_MAX + 1]; /* "" for a route without */
    const char *reference;                   /* tag, digest or upload id; lent from path; or "" */
    struct str user;                         /* who asks, "" for nobody we know */
    bool is_routed;                          /* it got as far as the registry's own routes */
    struct error *errors;                    /* owned; what the client is told */
    size_t error_count;
};

/* False: the target's path does not decode. */
must_check bool exchange_init(struct exchange *ex, const struct api_options *options,
                              struct settings *settings, struct http_request *http);
void exchange_fini(struct exchange *ex);

bool is_exchange_method(const struct exchange *ex, const char *method);

/* A request header; empty when absent. */
struct span exchange_header(const struct exchange *ex, const char *name);

/* The IP address of who asks, as far as proxies tell it: X-Forwarded-For, then X-Real-Ip; empty
 * when neither holds one. */
struct span exchange_forwarded_for(const struct exchange *ex);

/* As query_get; empty and false for a parameter that is absent or longer than @out. */
must_check bool exchange_query(const struct exchange *ex, const char *name, struct str *out);

/* Adds an error to the envelope that will be the answer; more than EXCHANGE_ERRORS_MAX are
 * dropped. */
void exchange_add_error(struct exchange *ex, const struct error *err);

/* ---- answers ---- */

void exchange_set(struct exchange *ex, const char *name, const char *format, ...) printf_like(3, 4);

/* Appends scheme, host and prefix as the client sees us, "https://h:5/": absolute, whatever
 * http.relativeurls says. */
void exchange_base_url(const struct exchange *ex, struct str *out);

/* Sets Location to the path below the repository's "/v2/<name>/", seen as the client sees us. */
void exchange_set_location(struct exchange *ex, const char *format, ...) printf_like(2, 3);

void exchange_send_empty(struct exchange *ex, int status);
void exchange_send_json(struct exchange *ex, int status, struct span body);
void exchange_send_text(struct exchange *ex, int status, const char *text);

/* The envelope of the errors added; the status is that of the first. */
void exchange_send_errors(struct exchange *ex);
