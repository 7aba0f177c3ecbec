/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_settings - from the configuration to an open service, checked as upstream checks it. Private
 * to the folder.
 */
#pragma once

#include "drivers/s3/service.h"

/* Given: s3_settings_close. Errors: INVALID, in upstream's words where it has some. */
must_check int s3_settings_open(const struct config *config, struct service **out,
                                struct error *err);
void s3_settings_close(struct service *service);
