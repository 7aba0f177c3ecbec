/* SPDX-License-Identifier: Apache-2.0
 *
 * accept - which manifests a client can read. Pure. Source: RFC 9110 section 12.5.1; as upstream,
 * weights are ignored.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>

struct accept {
    bool has_any; /* a wildcard that covers manifests */
    bool has_image;
    bool has_index; /* a Docker list or an OCI index */
};

/* Adds what one line of the Accept header lists. */
void accept_add(struct accept *accept, struct span line);

/* A client that says it reads images and does not say it reads indexes. */
bool is_accept_of_images_only(const struct accept *accept);
