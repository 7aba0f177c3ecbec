/* SPDX-License-Identifier: Apache-2.0
 *
 * memory - allocation that cannot fail: exhausted memory ends the process. Sizes that come from
 * outside are checked against a limit by the caller, before they get here.
 */
#pragma once

#include <stddef.h>

/* All return given memory; free() it. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
