/* SPDX-License-Identifier: Apache-2.0
 *
 * password_file - the password file as it is now, for whoever logs in: looked at for each request
 * (on a helper, once for all requests that come meanwhile) and read again when it changed.
 *
 * - A file that cannot be read refuses everybody until it can: it is gone, or a directory.
 * - A file that does not parse changes nothing: the users there were stay.
 * - A file in which users are missing or changed may be one that is just being written. Such a
 *   user waits until the file has been as it is for PASSWORD_VERSION_SETTLE_MS; nobody else does.
 *
 * Loop thread only.
 */
#pragma once

#include "auth/htpasswd/passwords.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

#define PASSWORD_FILE_WAIT_MAX_MS 2000 /* then a file that keeps changing is not waited for */

struct password_file;

/* Reads nothing yet. Given: password_file_free, once no task uses it. */
struct password_file *password_file_new(const char *path);
void password_file_free(struct password_file *file);

struct password {
    struct str entry; /* what stands behind the user's colon; empty for a user unknown */
    bool is_known;
    unsigned usual_cost; /* of bcrypt in this file */
};

void password_fini(struct password *password);
#define auto_password auto_cleanup(password_fini) struct password
#define PASSWORD_INIT ((struct password){.entry = STR_INIT(PASSWORDS_LINE_MAX)})

/*
 * password_file_find - the entry of @user in the file as it is after this call began. May suspend.
 *
 * Errors: whatever keeps the file from being read; INVALID when it has never parsed; CANCELED.
 */
must_check int password_file_find(struct password_file *file, struct span user,
                                  struct password *out, struct error *err);

/* Looks at the file again and takes it as it is. Errors: as password_file_find, and INVALID for a
 * file that does not parse. May suspend. */
must_check int password_file_reload(struct password_file *file, struct error *err);

/* Whether it is known that there is no such user; as of the last look. */
bool password_file_lacks(const struct password_file *file, struct span user);
