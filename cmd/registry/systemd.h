/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd - what we tell the service manager that started us. Without one all of this does nothing.
 * Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
 */
#pragma once

void systemd_ready(const char *address);
void systemd_reloading(void); /* followed by systemd_ready */
void systemd_stopping(void);

/* Signs of life from the loop, if the manager wants them. */
void systemd_watchdog_start(void);
void systemd_watchdog_stop(void);
