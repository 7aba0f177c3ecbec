/* SPDX-License-Identifier: Apache-2.0
 *
 * password_version - one reading of the password file, and what tells it from another. Blocks: for
 * helpers.
 */
#pragma once

#include "auth/htpasswd/passwords.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define PASSWORD_VERSION_SETTLE_MS     200  /* a change older than this is complete */
#define PASSWORD_VERSION_TIME_GRAIN_MS 2000 /* a change this young may hide another one */

/* What tells one state of a file from another without reading it. */
struct password_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct password_version {
    struct passwords *passwords; /* owned; NULL: it does not parse, see err */
    struct error err;
    struct password_identity identity;
    bool is_young; /* the next change may leave the identity as it is */
    bool is_fresh; /* written less than PASSWORD_VERSION_SETTLE_MS ago, or in the future */
};

void password_version_fini(struct password_version *version);

/*
 * password_version_read - the file as it is.
 *
 * @known  NULL, or an identity: if the file still has it, nothing is read and @out_is_changed false
 *
 * A text that does not parse is a version too. Errors: NOT_FOUND, IO, INVALID (no regular file).
 */
must_check int password_version_read(const char *path, const struct password_identity *known,
                                     struct password_version *out, bool *out_is_changed,
                                     struct error *err);

bool is_password_identity(const struct password_identity *a, const struct password_identity *b);

/* Whether they say the same: the same text, or the same mistake. */
bool is_password_version_equal(const struct password_version *a, const struct password_version *b);
