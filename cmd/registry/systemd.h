/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd - what we tell the service manager that started us, and the sockets it hands over.
 * Without one all of this does nothing. Source: sd_notify(3), sd_listen_fds(3),
 * sd_watchdog_enabled(3).
 */
#pragma once

#include "lib/base/error.h"

struct http_server;

void systemd_ready(const char *address);
void systemd_reloading(void); /* followed by systemd_ready */
void systemd_stopping(void);

/*
 * systemd_adopt - let @server serve the sockets that were handed over, but for those of other
 * names.
 *
 * @name  NULL: all that are not called "debug"
 *
 * Returns how many there were, or -1. Errors: INVALID for what is no listening socket.
 */
must_check int systemd_adopt(struct http_server *server, const char *name, struct error *err);

/* Signs of life from the loop, if the manager wants them. */
void systemd_watchdog_start(void);
void systemd_watchdog_stop(void);
