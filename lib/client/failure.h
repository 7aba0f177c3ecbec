/* SPDX-License-Identifier: Apache-2.0
 *
 * failure - which failures of a transfer another attempt may mend. Pure.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

/*
 * is_failure_passing - whether the same request may fare better the next time.
 *
 * @reason        libcurl's words for it, "" for none
 * @proxy_status  what a proxy has answered to CONNECT; 0: nothing
 *
 * No connection, or a lost one, or an answer that is cut: it may. A certificate that is not
 * trusted, a protocol or a URL that cannot be used, a handshake that the other side refuses, a
 * proxy that refuses: it will not. A handshake that is cut is a lost connection.
 */
bool is_failure_passing(CURLcode result, const char *reason, int proxy_status);
