/* SPDX-License-Identifier: Apache-2.0
 *
 * uuid - version 4 UUIDs, lower-case: upload sessions, request ids, the instance id.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>

#define UUID_LEN 36

struct uuid {
    char text[UUID_LEN + 1];
};

struct uuid uuid_new(void);

/* 8-4-4-4-12 hexadecimal digits of either case, any version. Source: RFC 9562 section 4. */
bool is_uuid(struct span text);
