/* SPDX-License-Identifier: Apache-2.0
 *
 * url_parts - a URL cut into what middleware works with. Pure.
 *
 *     https://user@cdn.example.com:8443/some/path?query#fragment
 *     scheme       host                path      rest
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct url_parts {
    struct span scheme; /* empty: none */
    struct span host;   /* with its port, without user; empty: none */
    struct span path;   /* empty, or begins with a slash */
    struct span rest;   /* from the first of `?` and `#` on */
};

/* Cuts @text. False for what is no URL: blanks, control and other characters that URLs do not hold,
 * half an escape, a port that is no number, brackets that do not match.
 * Source: RFC 3986, as far as it goes here. */
must_check bool url_parts_cut(struct span text, struct url_parts *out);

/* Appends @path, slashes kept, with all that is not plain in a URL percent-encoded. */
void url_parts_encode(struct str *out, struct span path);
