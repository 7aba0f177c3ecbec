/* SPDX-License-Identifier: Apache-2.0
 *
 * password_provide - a password file for those who have none.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

/*
 * Makes the file when there is none, with one user `docker` and a random password that is told in
 * the log, as upstream does. May suspend. Errors: whatever keeps the file from being opened or
 * made.
 */
must_check int password_provide(const char *path, struct error *err);
