/* SPDX-License-Identifier: Apache-2.0
 *
 * credentials_remote - temporary credentials from whom this machine, container or pod trusts.
 *
 * Source: "Using temporary credentials", "Instance metadata service" (version 2, with version 1
 * where that is all there is), "Container credential provider" and AssumeRoleWithWebIdentity of the
 * AWS documentation. Its variables: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN,
 * AWS_ROLE_SESSION_NAME, AWS_ENDPOINT_URL_STS; AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and
 * _FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN and _TOKEN_FILE; AWS_EC2_METADATA_DISABLED,
 * AWS_EC2_METADATA_SERVICE_ENDPOINT.
 */
#pragma once

#include "lib/base/error.h"

struct credentials_set;
struct remote;

/* Chooses by the environment whom to ask. Given: remote_free. Errors: INVALID (nobody). */
must_check int remote_new(const char *region, struct remote **out, struct error *err);
void remote_free(struct remote *remote); /* NULL is fine */

/* Asks. Given: credentials_set_fini(@out). May suspend. Errors: IO, TIMEOUT, CANCELED. */
must_check int remote_get(struct remote *remote, struct credentials_set *out, struct error *err);
