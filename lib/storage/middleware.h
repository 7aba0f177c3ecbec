/* SPDX-License-Identifier: Apache-2.0
 *
 * middleware - the contract of what stands between the registry and the URLs of its storage.
 *
 *     store_url_for ---> last in the list ---> ... ---> first in the list ---> the driver
 *
 * Each may answer by itself, ask what is further in (store_inner_url), and change what that says.
 * Content and keys pass them by: only where clients may fetch content themselves is their matter.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

struct config_storage_middleware;
struct middleware_kind;
struct store;

#define STORE_URL_MAX 8192 /* bytes; tokens of temporary credentials are in URLs */

/* What is wanted, and by whom. All lent for the call. */
struct url_request {
    const char *key;    /* a valid one */
    const char *method; /* "GET" or "HEAD" */
    struct span client; /* the client's IP address as text, as far as it is known */
};

/* One that is open; each embeds it as its first member. */
struct middleware {
    const struct middleware_kind *kind; /* set by who opened it */
    struct store *store;                /* these two: the store's, before start and url_for */
    struct middleware *inner;           /* NULL: the driver */
};

struct middleware_kind {
    const char *name; /* "redirect": its name in the configuration */

    /* Opens one with its options, which it copies. Runs at the start: it may block and never
     * suspends. Given: close. Errors: INVALID for options that make no sense. */
    int (*open)(const struct config_storage_middleware *config, struct middleware **out,
                struct error *err);
    void (*close)(struct middleware *middleware);

    /* Begins and ends what runs in the background; stop may suspend, and comes before close. NULL
     * slots: nothing does. */
    void (*start)(struct middleware *middleware);
    void (*stop)(struct middleware *middleware);

    /* Where the client can fetch the key itself, appended to @out. Returns 1, or 0 when it cannot
     * (@out is as it was), or -1. May suspend. */
    int (*url_for)(struct middleware *middleware, const struct url_request *request,
                   struct str *out, struct error *err);
};
