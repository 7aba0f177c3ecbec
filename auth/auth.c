/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - see auth.h.
 */
#include "auth/auth.h"

#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

static const struct access_controller *const controllers[] = {
    &htpasswd_controller,
    &silly_controller,
    &token_controller,
};

const struct access_controller *auth_find(const char *name)
{
    for (size_t i = 0; i < array_count(controllers); i++) {
        if (strcmp(controllers[i]->name, name) == 0)
            return controllers[i];
    }
    return NULL;
}
