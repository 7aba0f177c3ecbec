/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_http - whether another server answers HEAD with the expected status.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/health/probe.h"

#include "lib/base/banned.h"

#define REDIRECTS_MAX 10
#define BODY_MAX      4096 /* a HEAD has none */

struct http_probe {
    struct probe probe;
    const struct config_http_check *check; /* lent */
    struct client *client;                 /* lent */
    char **headers;                        /* owned; "Name: value", NULL at the end */
};

/* What the client says of a host and its ports stays in the log: whoever reads /debug/health gets
 * upstream's words. */
static int fail(const char *uri, struct error *err)
{
    if (err->code == ERROR_CANCELED)
        return -1;
    if (err->code == ERROR_INVALID)
        return error_set(err, ERROR_INVALID, "error creating request: %s", uri);
    return error_set(err, ERROR_UNAVAILABLE, "error while checking: %s", uri);
}

static int http_run(struct probe *probe, struct error *err)
{
    struct http_probe *http = (struct http_probe *)probe;
    auto_str body = STR_INIT(BODY_MAX);
    struct client_call call = {
        .method = "HEAD",
        .url = http->check->uri,
        .headers = (const char *const *)http->headers,
        .timeout_ms = clock_wait_ms(http->check->timeout_ns),
        .redirects_max = REDIRECTS_MAX,
    };
    int status;

    if (client_do(http->client, &call, &status, &body, err) < 0)
        return fail(http->check->uri, err);
    if (status != http->check->status)
        return error_set(err, ERROR_UNAVAILABLE,
                         "downstream service returned unexpected status: %d", status);
    return 0;
}

static void http_free(struct probe *probe)
{
    struct http_probe *http = (struct http_probe *)probe;

    for (size_t i = 0; http->headers[i] != NULL; i++)
        free(http->headers[i]);
    free(http->headers);
    free(http);
}

static char *header_line(const struct config_pair *pair)
{
    struct str line = STR_INIT(strlen(pair->name) + strlen(pair->value) + 2);

    str_append_format(&line, "%s: %s", pair->name, pair->value);
    return str_take(&line);
}

struct probe *probe_http_new(const struct config_http_check *check, struct client *client)
{
    struct http_probe *http = xcalloc(1, sizeof(*http));

    http->probe = (struct probe){http_run, http_free};
    http->check = check;
    http->client = client;
    http->headers = xcalloc(check->headers.count + 1, sizeof(*http->headers));
    for (size_t i = 0; i < check->headers.count; i++)
        http->headers[i] = header_line(&check->headers.items[i]);
    return &http->probe;
}
