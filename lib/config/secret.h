/* SPDX-License-Identifier: Apache-2.0
 *
 * secret - variables that name the file of a secret: REGISTRY_HTTP_SECRET_FILE=/run/secrets/x.
 * Ours; for texts whose row is secret.
 */
#pragma once

#include "lib/config/tree.h"

/* Does the variable's name, with its prefix, end in _FILE behind the name of a secret? Then
 * @out_name is that of the secret: the name without the end. */
bool is_secret_file(struct span name, struct span *out_name);

/*
 * secret_read - what is in the file @path, without one newline at its end, as text that hangs
 * nowhere yet.
 *
 * @variable  lent by the tree
 *
 * Only regular files are read. Errors: INVALID with the variable and the file.
 */
must_check int secret_read(struct tree *tree, const char *variable, const char *path,
                           struct node **out, struct error *err);
