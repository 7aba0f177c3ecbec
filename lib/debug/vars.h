/* SPDX-License-Identifier: Apache-2.0
 *
 * vars - the JSON of /debug/vars, in the shape upstream's has for those who scrape it.
 */
#pragma once

#include "lib/base/str.h"

/* @command_line: argv, NULL at its end; NULL: not told. Appends. */
void vars_print(char *const *command_line, struct str *out);
