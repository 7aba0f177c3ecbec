/* SPDX-License-Identifier: Apache-2.0
 *
 * probes - see probes.h.
 */
#include "lib/api/probes.h"

#include "lib/health/health.h"

#include "lib/base/banned.h"

#define NAMES_MAX (64 << 10) /* bytes; more failing checks than fit are not named */

static void answer(struct exchange *ex, int status, const char *text)
{
    http_reply_header(ex->http, "Cache-Control", "no-store");
    exchange_send_text(ex, status, text);
}

/* Errors may tell of what is inside; the names are enough to know where to look. */
static void answer_ready(struct exchange *ex, bool is_draining)
{
    const struct health *health = ex->options->health;
    auto_str names = STR_INIT(NAMES_MAX);

    health_print_names(health, &names);
    if (is_draining)
        str_append_text(&names, "draining\n");
    if (is_draining || !is_healthy(health))
        answer(ex, 503, str_text(&names));
    else
        answer(ex, 200, "ok\n");
}

bool probes_serve(struct exchange *ex, bool is_draining)
{
    bool is_ready = span_is(str_span(&ex->path), "/readyz");

    if (!is_ready && !span_is(str_span(&ex->path), "/livez"))
        return false;
    if (!is_exchange_method(ex, "GET") && !is_exchange_method(ex, "HEAD")) {
        http_reply_header(ex->http, "Allow", "GET, HEAD");
        exchange_send_text(ex, 405, "Method not allowed\n");
    } else if (is_ready) {
        answer_ready(ex, is_draining);
    } else {
        answer(ex, 200, "ok\n");
    }
    return true;
}
