/* SPDX-License-Identifier: Apache-2.0
 *
 * location - under which scheme, host and prefix the client sees us: the start of each Location.
 * Pure.
 *
 *     http.host            always, when it has a scheme and a host
 *     http.relativeurls    else only the path
 *     the request          else: Forwarded, or X-Forwarded-Proto and -Host, or what it was sent to
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct location_rules {
    struct span host;   /* http.host, empty for none */
    struct span prefix; /* http.prefix, begins and ends with a slash */
    bool is_relative;   /* http.relativeurls */
};

/* What a request says about how it came here. Empty spans for what it does not say. */
struct location_request {
    struct span target_scheme; /* of an absolute target */
    struct span target_authority;
    struct span host; /* the Host header */
    bool is_tls;
    bool has_forwarded;          /* the header is there, whatever it says */
    struct span forwarded;       /* its first line */
    struct span forwarded_proto; /* X-Forwarded-Proto */
    struct span forwarded_host;  /* X-Forwarded-Host */
};

/* Appends what comes before "v2/...", ending with a slash. Nothing that could end a header line or
 * a URL's host gets through. */
void location_base(struct str *out, const struct location_rules *rules,
                   const struct location_request *request);

#define FORWARDED_VALUE_MAX 512

struct forwarded {
    struct str proto; /* empty when absent */
    struct str host;
};

/* Reads the first element of a Forwarded header; false, with @out void, if it does not parse.
 * Given: forwarded_fini in any case. Source: RFC 7239 section 4. */
must_check bool forwarded_parse(struct span header, struct forwarded *out);
void forwarded_fini(struct forwarded *forwarded);
