/* SPDX-License-Identifier: Apache-2.0
 *
 * memory - see memory.h.
 */
#include "lib/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

static void *check(void *pointer)
{
    if (pointer == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *xmalloc(size_t size)
{
    return check(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return check(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *pointer, size_t size)
{
    return check(realloc(pointer, size > 0 ? size : 1));
}

char *xstrdup(const char *text)
{
    return check(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
    return check(strndup(text, len));
}
