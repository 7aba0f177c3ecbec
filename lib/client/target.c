/* SPDX-License-Identifier: Apache-2.0
 *
 * target - see target.h.
 */
#include "lib/client/target.h"

#include "lib/base/memory.h"
#include "lib/base/span.h"

#include <curl/curl.h>
#include <stdio.h>

#include "lib/base/banned.h"

static void cleanup_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void cleanup_part(char **part)
{
    curl_free(*part);
}

#define auto_url  auto_cleanup(cleanup_url) CURLU
#define auto_part auto_cleanup(cleanup_part) char

/* libcurl checks the bytes and the form; other schemes than it knows are refused there. */
static CURLU *parse(const char *text)
{
    CURLU *url = curl_url();

    if (url == NULL)
        abort();
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK)
        return url;
    curl_url_cleanup(url);
    return NULL;
}

/* Given: curl_free; NULL if there is none. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    if (curl_url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) !=
        CURLUE_OK)
        return NULL;
    return text;
}

static bool is_http(CURLU *url)
{
    auto_part *scheme = part_of(url, CURLUPART_SCHEME);

    return scheme != NULL &&
           (span_is(span_of(scheme), "http") || span_is(span_of(scheme), "https"));
}

static bool has_host(CURLU *url)
{
    auto_part *host = part_of(url, CURLUPART_HOST);

    return host != NULL && host[0] != '\0';
}

int target_check(const char *text, struct error *err)
{
    auto_url *url = parse(text);

    if (url == NULL || !has_host(url))
        return error_set(err, ERROR_INVALID, "not a URL of a server");
    if (!is_http(url))
        return error_set(err, ERROR_INVALID, "a URL that is neither http nor https");
    return 0;
}

bool is_target_tls(const char *text)
{
    auto_url *url = parse(text);
    auto_part *scheme = url != NULL ? part_of(url, CURLUPART_SCHEME) : NULL;

    return scheme != NULL && span_is(span_of(scheme), "https");
}

void target_show(const char *text, char out[TARGET_SHOWN_SIZE])
{
    auto_url *url = parse(text);
    auto_part *scheme = NULL;
    auto_part *host = NULL;
    auto_part *port = NULL;
    auto_part *path = NULL;
    int len;

    snprintf(out, TARGET_SHOWN_SIZE, "(no URL)");
    if (url == NULL || !has_host(url))
        return;
    scheme = part_of(url, CURLUPART_SCHEME);
    host = part_of(url, CURLUPART_HOST);
    path = part_of(url, CURLUPART_PATH);
    if (curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
        port = NULL;
    len = snprintf(out, TARGET_SHOWN_SIZE, "%s://%s%s%s%s", scheme != NULL ? scheme : "", host,
                   port != NULL ? ":" : "", port != NULL ? port : "", path != NULL ? path : "");
    if (len >= TARGET_SHOWN_SIZE)
        memcpy(out + TARGET_SHOWN_SIZE - 4, "...", 4);
}

static bool is_part_same(CURLU *a, CURLU *b, CURLUPart part)
{
    auto_part *of_a = part_of(a, part);
    auto_part *of_b = part_of(b, part);

    return of_a != NULL && of_b != NULL && span_equals_nocase(span_of(of_a), span_of(of_b));
}

bool is_target_same(const char *a, const char *b)
{
    auto_url *url_a = parse(a);
    auto_url *url_b = parse(b);

    return url_a != NULL && url_b != NULL && is_part_same(url_a, url_b, CURLUPART_SCHEME) &&
           is_part_same(url_a, url_b, CURLUPART_HOST) && is_part_same(url_a, url_b, CURLUPART_PORT);
}

int target_resolve(const char *base, const char *location, char **out, struct error *err)
{
    auto_url *url = parse(base);
    auto_part *text = NULL;

    if (url == NULL || curl_url_set(url, CURLUPART_URL, location, CURLU_PATH_AS_IS) != CURLUE_OK ||
        !has_host(url) || !is_http(url))
        return error_set(err, ERROR_INVALID, "a redirect to what is no http or https address");
    if (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return error_set(err, ERROR_INVALID, "a redirect that cannot be followed");
    *out = xstrdup(text);
    return 0;
}
