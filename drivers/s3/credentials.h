/* SPDX-License-Identifier: Apache-2.0
 *
 * credentials - who signs: the first that there is of
 *
 *     1. accesskey and secretkey of the configuration (with sessiontoken)
 *     2. AWS_ACCESS_KEY_ID (AWS_ACCESS_KEY), AWS_SECRET_ACCESS_KEY (AWS_SECRET_KEY),
 * AWS_SESSION_TOKEN
 *     3. the file AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, profile AWS_PROFILE or default
 *     4. a role by web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN
 * (credentials_remote.h)
 *     5. the container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *     6. the role of the virtual machine, from its metadata service
 *
 * The last three are asked for when they are first needed, and again before they expire.
 */
#pragma once

#include "drivers/s3/sign.h"
#include "lib/base/error.h"

#include <stdint.h>

struct config_s3;
struct credentials;

/* Owned texts. */
struct credentials_set {
    char *access_key;
    char *secret_key;
    char *token;        /* NULL: none */
    int64_t expires_at; /* seconds since 1970; 0: never */
};

void credentials_set_fini(struct credentials_set *set);

/* Reads the environment and the file (blocks: at the start). Given: credentials_free. Errors:
 * INVALID, IO (a file that was named and cannot be read). */
must_check int credentials_new(const struct config_s3 *config, const char *region,
                               struct credentials **out, struct error *err);
void credentials_free(struct credentials *credentials); /* NULL is fine */

/* Fills @out; its texts are lent until the caller suspends. May suspend. Errors: IO, CANCELED. */
must_check int credentials_get(struct credentials *credentials, struct sign_key *out,
                               struct error *err);

/* The service says that they have expired: the next call asks anew, if there is whom to ask. */
void credentials_expire(struct credentials *credentials);

/* The value of @name in section @section of an INI text; NULL without. Given: free. Pure. */
char *credentials_ini_get(struct span text, const char *section, const char *name);
