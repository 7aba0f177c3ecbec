/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers - see drivers.h.
 */
#include "drivers/drivers.h"

#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

static const struct storage_driver *const drivers[] = {
    &filesystem_driver,
    &inmemory_driver,
};

const struct storage_driver *driver_find(const char *name)
{
    for (size_t i = 0; i < array_count(drivers); i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}
