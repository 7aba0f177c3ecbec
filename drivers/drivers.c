/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers - see drivers.h.
 */
#include "drivers/drivers.h"

#include <string.h>

#include "lib/base/banned.h"

static const struct storage_driver *const drivers[] = {
    &filesystem_driver,
    &inmemory_driver,
    NULL,
};

const struct storage_driver *const *driver_all(void)
{
    return drivers;
}

const struct storage_driver *driver_find(const char *name)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}
