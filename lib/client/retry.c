/* SPDX-License-Identifier: Apache-2.0
 *
 * retry - see retry.h.
 */
#include "lib/client/retry.h"

#include "lib/base/encode.h"
#include "lib/base/memory.h"

#include <curl/curl.h>

#include "lib/base/banned.h"

#define AFTER_MAX_S INT32_MAX /* what is longer is cut: nobody waits so long */

bool is_retry_status(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* An HTTP date, in any of its three forms. */
static int64_t parse_date(struct span value, time_t now)
{
    auto_free char *text = xstrndup(value.data, value.len);
    time_t at = curl_getdate(text, NULL);

    if (at == -1)
        return -1;
    return at > now ? at - now : 0;
}

int64_t retry_parse_after(struct span value, time_t now)
{
    int64_t seconds;

    value = span_trim(value);
    if (value.len == 0)
        return -1;
    if (!decode_decimal(value, &seconds))
        seconds = parse_date(value, now);
    if (seconds < 0)
        return -1;
    return (seconds < AFTER_MAX_S ? seconds : AFTER_MAX_S) * 1000;
}

/* First pause, doubled for each attempt made, up to the longest. */
static int64_t doubled(const struct client_retry *rule, int attempts_made)
{
    int64_t pause = rule->first_ms;

    for (int i = 1; i < attempts_made && pause < rule->max_ms; i++)
        pause *= 2;
    return pause < rule->max_ms ? pause : rule->max_ms;
}

int retry_pause(const struct client_retry *rule, int attempts_made, int64_t after_ms,
                uint32_t random)
{
    int64_t pause = doubled(rule, attempts_made);

    pause -= (int64_t)(random % (uint32_t)(pause / 2 + 1));
    if (after_ms > pause)
        pause = after_ms;
    return (int)(pause < rule->max_ms ? pause : rule->max_ms);
}
