/* SPDX-License-Identifier: Apache-2.0
 *
 * instance - the parts of one running registry, put together from the configuration and taken down
 * in the reverse order.
 *
 *     secret -> store -> access control -> health -> api -> TLS -> server -> debug server
 *
 * serve.c runs the loop around it and turns signals into calls.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/config/config.h"

struct instance;

/* @config: lent until instance_free; @command_line: argv, for the debug server, lent likewise.
 * Given: instance_free. */
struct instance *instance_new(const struct config *config, char *const *command_line);

/*
 * instance_open - make every part and listen. May suspend.
 *
 * Errors: whatever a part cannot be made of; instance_close takes down what there is already.
 */
must_check int instance_open(struct instance *instance, struct error *err);

/*
 * instance_reload - take over what of @config may change while requests run: headers, read-only
 * mode; certificates, passwords and access rules are read again from their files. May suspend.
 *
 * What cannot be read stays as it was and is logged. Returns how many of them there were.
 */
size_t instance_reload(struct instance *instance, const struct config *config);

/* Tells the service manager, if there is one, that the instance serves. */
void instance_ready(const struct instance *instance);

/* Stops listening and lets requests finish; @done(@arg) follows as in http_server_drain. */
void instance_drain(struct instance *instance, int timeout_ms,
                    void (*done)(bool in_time, void *arg), void *arg);

/* Ends what runs in the background. No request may be in flight. May suspend. */
void instance_close(struct instance *instance);
void instance_free(struct instance *instance);
