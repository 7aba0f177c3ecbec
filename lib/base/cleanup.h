/* SPDX-License-Identifier: Apache-2.0
 *
 * cleanup - scope cleanup and the few compiler attributes we use.
 *
 * `auto_free char *x = NULL;` frees x when the scope is left. Each module that owns a type offers
 * its own auto_… macro next to the type (auto_str in str.h).
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define must_check         __attribute__((warn_unused_result))
#define printf_like(f, a)  __attribute__((format(printf, f, a)))
#define auto_cleanup(fn)   __attribute__((cleanup(fn)))
#define array_count(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define auto_free  auto_cleanup(cleanup_free)
#define auto_close auto_cleanup(cleanup_close)
