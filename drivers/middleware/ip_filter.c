/* SPDX-License-Identifier: Apache-2.0
 *
 * ip_filter - see ip_filter.h.
 */
#include "drivers/middleware/ip_filter.h"

#include "drivers/middleware/ip_ranges.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/redact.h"
#include "lib/client/client.h"
#include "lib/config/config.h"
#include "lib/task/background.h"
#include "lib/task/offload.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define FETCH_TIMEOUT_MS 60000
#define AGAIN_MS         60000 /* after a failure, unless it would come earlier anyway */
#define INTERVAL_MIN_MS  1000  /* whatever is configured: the list is somebody else's */
#define SLEEP_MAX_MS     (3600 * 1000)
#define REDIRECTS_MAX    10

struct ip_filter {
    char *url;
    char *regions; /* "": all */
    int64_t interval_ms;
    struct client *client;
    struct ip_ranges *ranges; /* NULL: not known yet */
    struct background updates;
};

/* ---- fetching ---- */

struct parsing {
    struct str text;
    const char *regions;
    struct ip_ranges *ranges;
};

/* On a helper thread: Amazon's list takes some milliseconds. */
static int parse(void *arg, struct error *err)
{
    struct parsing *parsing = arg;

    return ip_ranges_parse(&parsing->text, parsing->regions, &parsing->ranges, err);
}

static int fetch(const struct ip_filter *filter, struct parsing *parsing, struct error *err)
{
    const struct client_call call = {
        .method = "GET",
        .url = filter->url,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .redirects_max = REDIRECTS_MAX,
    };
    auto_str shown = redact_copy(filter->url);
    int status;

    if (client_do(filter->client, &call, &status, &parsing->text, err) < 0)
        return -1;
    if (status != 200)
        return error_set(err, ERROR_IO, "%s: status %d", str_text(&shown), status);
    return offload(parse, parsing, err);
}

static int update(struct ip_filter *filter, struct error *err)
{
    struct parsing parsing = {.text = STR_INIT(IP_RANGES_TEXT_MAX), .regions = filter->regions};
    int rc = fetch(filter, &parsing, err);

    str_fini(&parsing.text);
    if (rc < 0)
        return -1;
    ip_ranges_free(filter->ranges);
    filter->ranges = parsing.ranges;
    log_debug("cloudfront: %zu IP ranges of AWS", ip_ranges_count(filter->ranges));
    return 0;
}

static int rest(int64_t ms, struct error *err)
{
    for (; ms > SLEEP_MAX_MS; ms -= SLEEP_MAX_MS) {
        if (task_sleep(SLEEP_MAX_MS, err) < 0)
            return -1;
    }
    return task_sleep((int)ms, err);
}

static void filter_main(void *arg)
{
    struct ip_filter *filter = arg;

    while (!is_task_canceled()) {
        struct error err = ERROR_INIT;
        int64_t pause_ms = filter->interval_ms;

        if (update(filter, &err) < 0) {
            if (err.code == ERROR_CANCELED)
                break;
            log_warn("failed to update AWS IP: %s", err.message);
            if (pause_ms > AGAIN_MS)
                pause_ms = AGAIN_MS;
        }
        if (rest(pause_ms, &err) < 0)
            break;
    }
}

void ip_filter_start(struct ip_filter *filter)
{
    if (filter != NULL)
        background_start(&filter->updates, "aws-ip-ranges", filter_main, filter);
}

void ip_filter_stop(struct ip_filter *filter)
{
    if (filter != NULL)
        background_stop(&filter->updates);
}

/* ---- opening ---- */

/* Who is filtered, in any case of letters. Upstream's words. */
static int read_kind(const struct config_storage_middleware *config, bool *out_is_filtered,
                     struct error *err)
{
    struct span by = span_trim(span_of(config->ip_filtered_by));
    bool is_region = span_equals_nocase(by, SPAN("awsregion"));

    *out_is_filtered = is_region || span_equals_nocase(by, SPAN("aws"));
    if (is_region && config->aws_region[0] == '\0')
        return error_set(err, ERROR_INVALID, "awsRegion is not defined");
    if (*out_is_filtered || by.len == 0 || span_equals_nocase(by, SPAN("none")))
        return 0;
    return error_set(err, ERROR_INVALID,
                     "ipfilteredby only allows a string the following value: none|aws|awsregion");
}

int ip_filter_new(const struct config_storage_middleware *config, struct ip_filter **out,
                  struct error *err)
{
    bool is_by_region =
        span_equals_nocase(span_trim(span_of(config->ip_filtered_by)), SPAN("awsregion"));
    int64_t interval_ns = config->old_update_frequency_ns > 0 ? config->old_update_frequency_ns
                                                              : config->update_frequency_ns;
    struct client *client;
    struct ip_filter *filter;
    bool is_filtered;

    if (read_kind(config, &is_filtered, err) < 0)
        return -1;
    if (!is_filtered) {
        *out = NULL;
        return 0;
    }
    if (client_new(&(struct client_options){0}, &client, err) < 0)
        return -1;
    filter = xcalloc(1, sizeof(*filter));
    filter->client = client;
    filter->url = xstrdup(config->ip_ranges_url);
    filter->regions = xstrdup(is_by_region ? config->aws_region : "");
    filter->interval_ms =
        interval_ns / CLOCK_MS_NS > INTERVAL_MIN_MS ? interval_ns / CLOCK_MS_NS : INTERVAL_MIN_MS;
    *out = filter;
    return 0;
}

void ip_filter_free(struct ip_filter *filter)
{
    if (filter == NULL)
        return;
    client_free(filter->client);
    ip_ranges_free(filter->ranges);
    free(filter->url);
    free(filter->regions);
    free(filter);
}

bool ip_filter_has(const struct ip_filter *filter, struct span address)
{
    return filter != NULL && filter->ranges != NULL && ip_ranges_has(filter->ranges, address);
}
