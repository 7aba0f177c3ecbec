/* SPDX-License-Identifier: Apache-2.0
 *
 * handle - see handle.h.
 */
#include "lib/client/handle.h"

#include "lib/base/memory.h"
#include "lib/client/redirect.h"
#include "lib/client/target.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define RECEIVE_SIZE (64 * 1024) /* bytes curl reads at a time */

static void add_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);

    if (longer == NULL)
        abort();
    *lines = longer;
}

/* curl takes "Name:" for "leave this header out"; "Name;" is the empty one. */
static void add_header(struct curl_slist **lines, const char *line)
{
    struct span value = span_of(line);
    struct span name = span_cut(&value, ':');
    auto_free char *empty = NULL;

    if (span_trim(value).len > 0) {
        add_line(lines, line);
        return;
    }
    empty = xstrndup(name.data, name.len + 1);
    empty[name.len] = ';';
    add_line(lines, empty);
}

static bool is_sent(const struct exchange_request *request, const char *line)
{
    if (request->is_without_secrets && is_redirect_secret(span_of(line)))
        return false;
    return !request->is_without_content || !is_redirect_content(span_of(line));
}

static struct curl_slist *set_headers(CURL *easy, const struct exchange_request *request)
{
    const char *const *line = request->headers;
    struct curl_slist *lines = NULL;

    for (; line != NULL && *line != NULL; line++) {
        if (is_sent(request, *line))
            add_header(&lines, *line);
    }
    add_line(&lines, request->is_expecting ? "Expect: 100-continue" : "Expect:");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    return lines;
}

static bool is_any(const char *method, const char *a, const char *b, const char *c)
{
    return strcmp(method, a) == 0 || strcmp(method, b) == 0 || strcmp(method, c) == 0;
}

/* The method is always ours; what is under it decides whether curl sends a body, and expects one.
 */
static void set_method(CURL *easy, const char *method, int64_t size)
{
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (size > 0 || is_any(method, "PUT", "POST", "PATCH")) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* A connection over TLS begins: it believes whom the client believes. */
static CURLcode on_tls(CURL *easy, void *context, void *arg)
{
    const struct client *client = arg;

    (void)easy;
    if (client->trust.store != NULL)
        SSL_CTX_set1_cert_store(context, client->trust.store);
    return CURLE_OK;
}

static void set_trust(CURL *easy, struct client *client)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, client->is_verify_skipped ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, client->is_verify_skipped ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL); /* the store comes by on_tls, nothing is read */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client);
    if (client->certificate != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, client->certificate);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key);
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, ""); /* nobody is asked */
    }
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

/* The proxy for plain HTTP that is named in capitals. curl does not look there, because to a CGI
 * program it is a header of the client's; such programs have REQUEST_METHOD too. */
static const char *capital_proxy(const char *url)
{
    if (is_target_tls(url) || is_set("http_proxy") || is_set("REQUEST_METHOD") ||
        !is_set("HTTP_PROXY"))
        return NULL;
    return getenv("HTTP_PROXY");
}

static void set_proxy(CURL *easy, const struct client *client, const char *url)
{
    const char *proxy = client->is_proxy_ignored ? "" : capital_proxy(url);

    if (proxy != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXY, proxy); /* in place of what the environment says */
}

static void set_rules(CURL *easy, const struct client *client)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never joins a thread that resolves a name */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms);
}

struct curl_slist *handle_set(CURL *easy, struct client *client,
                              const struct exchange_request *request, int64_t size)
{
    set_rules(easy, client);
    set_proxy(easy, client, request->url);
    set_trust(easy, client);
    set_method(easy, request->method, size);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_fresh ? 1L : 0L);
    return set_headers(easy, request);
}
