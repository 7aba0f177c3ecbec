/* SPDX-License-Identifier: Apache-2.0
 *
 * removal - a key and all below it: objects and unfinished uploads. Private to the folder.
 */
#pragma once

#include "drivers/s3/service.h"

/* NOT_FOUND when there is nothing. May suspend. */
must_check int removal_of(struct service *service, const char *key, struct error *err);

/* Ends the unfinished uploads of this very name but one; @kept_id NULL: all. May suspend. */
must_check int removal_of_uploads(struct service *service, const char *name, const char *kept_id,
                                  struct error *err);
