/* SPDX-License-Identifier: Apache-2.0
 *
 * prompt - ask for a password: at the terminal without showing it, or from standard input.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#include <stdbool.h>

enum prompt_result {
    PROMPT_FINE,
    PROMPT_INTERRUPTED, /* Ctrl-C and its kin; the terminal is as it was */
    PROMPT_FAILED,      /* nothing came; errno tells */
};

/* Asks with @question at the terminal; without one, reads a line of standard input. Appends. */
must_check enum prompt_result prompt_ask(const char *question, struct str *out);

/* All of standard input without the line's end. Appends; what is beyond the maximum of @out marks
 * it as overflowed. */
must_check enum prompt_result prompt_stdin(struct str *out);
