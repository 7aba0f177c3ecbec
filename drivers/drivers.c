/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers - see drivers.h.
 */
#include "drivers/drivers.h"

#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

/* Named as in the configuration; a driver's own name is upstream's, for its metrics. */
static const struct {
    const char *name;
    const struct storage_driver *driver;
} drivers[] = {
    {"filesystem", &filesystem_driver},
    {"inmemory", &inmemory_driver},
    {"s3", &s3_driver},
};

const struct storage_driver *driver_find(const char *name)
{
    for (size_t i = 0; i < array_count(drivers); i++) {
        if (strcmp(drivers[i].name, name) == 0)
            return drivers[i].driver;
    }
    return NULL;
}
