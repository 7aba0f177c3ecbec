/* SPDX-License-Identifier: Apache-2.0
 *
 * token - the controller for tokens of a token service (README.md in this folder). What its tests
 * need beside lib/auth/access.h.
 */
#pragma once

#include "lib/auth/access.h"

struct verifier;

struct verifier *token_verifier(struct access_control *control); /* lent */
