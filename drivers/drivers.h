/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers - every storage driver of this program. A new one adds its line here, its row in
 * drivers.c and its sources in CMakeLists.txt; nothing else knows drivers by name.
 */
#pragma once

#include "lib/storage/driver.h"

extern const struct storage_driver inmemory_driver;
extern const struct storage_driver filesystem_driver;
extern const struct storage_driver s3_driver;

/* By its name in the configuration; NULL when there is none. */
const struct storage_driver *driver_find(const char *name);
