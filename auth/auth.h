/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - every access controller of this program. A new one adds its line here, its row in auth.c
 * and its sources in CMakeLists.txt; nothing else knows controllers by name.
 */
#pragma once

#include "lib/auth/access.h"

extern const struct access_controller htpasswd_controller;
extern const struct access_controller silly_controller;
extern const struct access_controller token_controller;

/* By its name in the configuration; NULL when there is none. */
const struct access_controller *auth_find(const char *name);
