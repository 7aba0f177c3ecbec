/* SPDX-License-Identifier: Apache-2.0
 *
 * password_version - what one reading of the password file says.
 */
#pragma once

#include "auth/htpasswd/passwords.h"
#include "lib/base/error.h"
#include "lib/task/watched.h"

#include <stdbool.h>

#define PASSWORD_VERSION_SETTLE_MS 200 /* a change older than this is complete */

struct password_version {
    struct passwords *passwords; /* owned; NULL: it does not parse, or cannot be read; see err */
    struct error err;
    bool is_unreadable;
    bool is_fresh; /* written less than PASSWORD_VERSION_SETTLE_MS ago, or in the future */
};

/* A text that does not parse is a version too, and so is a file that cannot be read. Takes long:
 * for helpers. */
void password_version_init(struct password_version *version, const struct watched_file *file);
void password_version_fini(struct password_version *version);

/* Whether they say the same: the same text, or the same mistake. */
bool is_password_version_equal(const struct password_version *a, const struct password_version *b);
