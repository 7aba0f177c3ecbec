/* SPDX-License-Identifier: Apache-2.0
 *
 * routes - from a request target to a route: parts, clean path, match. Pure; fuzzed.
 *
 *     target --target_parse--> path, decoded --path_clean--> --route_match--> route
 *                                                 |              |
 *                                        changed: 301    with(out) "/": 301
 *
 * Every pattern ends in a fixed suffix, so a path matches in at most one way, found from its end:
 * /v2/foo/blobs/uploads/tags/list is the tag list of repository foo/blobs/uploads.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

enum route {
    ROUTE_NONE,
    ROUTE_BASE,      /* /v2/ */
    ROUTE_CATALOG,   /* /v2/_catalog */
    ROUTE_TAGS,      /* /v2/<name>/tags/list */
    ROUTE_MANIFEST,  /* /v2/<name>/manifests/<tag or digest> */
    ROUTE_BLOB,      /* /v2/<name>/blobs/<digest> */
    ROUTE_UPLOADS,   /* /v2/<name>/blobs/uploads/ */
    ROUTE_UPLOAD,    /* /v2/<name>/blobs/uploads/<uuid> */
    ROUTE_REFERRERS, /* /v2/<name>/referrers/<digest>, or what a client takes for one */
    ROUTE_TOKEN,     /* /auth/token: ours, of some access controllers; outside of /v2/ */
    ROUTE_COUNT
};

/* The parts of a request target; lent from it. */
struct target {
    struct span scheme;    /* of an absolute target, else empty */
    struct span authority; /* likewise */
    struct span path;      /* as sent; "/" when an absolute target has none */
    struct span query;     /* without the question mark; data NULL when there is none */
};

void target_parse(struct span text, struct target *out);

/* Appends @path (decoded) without empty, `.` and `..` components; a final slash stays. Always
 * begins with a slash. */
void path_clean(struct str *out, struct span path);

/* Appends a decoded path with what a URL's path cannot hold percent-encoded. */
void path_encode(struct str *out, struct span path);

struct route_match {
    enum route route;
    bool is_slash_wrong;    /* the path matches but for its final slash: redirect */
    struct span repository; /* lent from the path; shaped, of any length; empty without */
    struct span reference;  /* the tag, digest or upload id; reaches to the end of the path */
};

/* @path: decoded and clean; @prefix: begins and ends with a slash. False: no route. */
bool route_match(struct span path, struct span prefix, struct route_match *out);

/* "DELETE, GET, HEAD"; NULL for a route that takes any method. Read-only, what would change the
 * storage is not among them. */
const char *route_allow(enum route route, bool is_read_only);

bool is_route_method(enum route route, bool is_read_only, const char *method);
