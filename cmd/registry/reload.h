/* SPDX-License-Identifier: Apache-2.0
 *
 * reload - SIGHUP: reads the configuration again and takes over what may change while requests run.
 */
#pragma once

#include "cmd/registry/instance.h"
#include "lib/config/config.h"

/*
 * reload - the whole of it, with its lines in the log. May suspend.
 *
 * @path     as serve has found it
 * @started  the configuration that the parts were made of
 * @current  the one that holds now: @started, or what the last reload gave
 *
 * Given: the new configuration, config_free; NULL when it is bad: then all stays as it is.
 */
struct config *reload(struct instance *instance, const char *path, const struct config *started,
                      const struct config *current);
