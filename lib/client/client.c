/* SPDX-License-Identifier: Apache-2.0
 *
 * client - the birth and death of a client; the calls are in transfer.c and call.c. The only place
 * that makes libcurl's global state: with the first client, until the last is freed.
 */
#include "lib/client/client.h"

#include "lib/base/memory.h"
#include "lib/client/exchange.h"
#include "lib/client/trust.h"

#include <assert.h>

#include "lib/base/banned.h"

#define CONNECT_TIMEOUT_MS 30000
#define STALL_TIMEOUT_MS   60000
#define CONNECTIONS_MAX    64

static unsigned client_count;

static int open_library(struct error *err)
{
    if (client_count == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl cannot be initialized");
    client_count++;
    return 0;
}

static void close_library(void)
{
    if (--client_count == 0)
        curl_global_cleanup();
}

/* Names must not be resolved on the loop; whom to believe is said in OpenSSL's words. */
static int check_library(struct error *err)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
        return error_set(err, ERROR_INTERNAL, "libcurl %s would block while resolving names",
                         info->version);
    if (!span_starts_with(span_of(info->ssl_version), SPAN("OpenSSL/")))
        return error_set(err, ERROR_INTERNAL, "libcurl %s does TLS without OpenSSL", info->version);
    return 0;
}

static char *copy(const char *text)
{
    return text != NULL ? xstrdup(text) : NULL;
}

static int or_default(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

static void set_options(struct client *client, const struct client_options *options)
{
    client->user_agent = copy(options->user_agent != NULL ? options->user_agent : "kist");
    trust_init(&client->trust, options->ca_file);
    client->certificate = copy(options->certificate);
    client->key = copy(options->key);
    client->is_verify_skipped = options->is_verify_skipped;
    client->is_proxy_ignored = options->is_proxy_ignored;
    client->connect_timeout_ms = or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    client->stall_timeout_ms = or_default(options->stall_timeout_ms, STALL_TIMEOUT_MS);
}

int client_new(const struct client_options *options, struct client **out, struct error *err)
{
    size_t connections = options->connections_max > 0 ? options->connections_max : CONNECTIONS_MAX;
    struct client *client;

    if (trust_check(options->ca_file, options->certificate, options->key, err) < 0 ||
        open_library(err) < 0)
        return -1;
    client = xcalloc(1, sizeof(*client));
    if (check_library(err) < 0 || engine_init(&client->engine, connections, err) < 0) {
        free(client);
        close_library();
        return -1;
    }
    set_options(client, options);
    *out = client;
    return 0;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    assert(client->open_count == 0);
    engine_fini(&client->engine);
    free(client->user_agent);
    trust_fini(&client->trust);
    free(client->certificate);
    free(client->key);
    free(client);
    close_library();
}
