/* SPDX-License-Identifier: Apache-2.0
 *
 * random - bytes nobody can guess.
 */
#pragma once

#include <stddef.h>

/* Ends the process where there are none: nothing it does would be safe. Blocks only early in the
 * life of a machine. */
void random_fill(void *out, size_t len);
