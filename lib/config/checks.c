/* SPDX-License-Identifier: Apache-2.0
 *
 * checks - see checks.h.
 */
#include "lib/config/checks.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/oci/url_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define ENTRIES_DEFAULT       1000
#define INTERVAL_DEFAULT      INT64_C(10000000000) /* nanoseconds */
#define INTERVAL_MIN          INT64_C(1000000)
#define STATUS_DEFAULT        200
#define REDIS_TIMEOUT_DEFAULT INT64_C(1000000000)
#define THREADS_MIN           25
#define PREFIX_MAX            255 /* bytes */
#define QUOTE_MAX             64  /* bytes of a value shown in a message */

static const char letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789";

#define PROBLEM(finding, ...) snprintf((finding)->problem, sizeof((finding)->problem), __VA_ARGS__)

void check_escape(const char *text, char *out, size_t size)
{
    auto_str escaped = STR_INIT(16 * 1024);
    size_t len = strlen(text);

    log_append_escaped(&escaped, span_make(text, len < 1024 ? len : 1024));
    if (snprintf(out, size, "%s", str_text(&escaped)) >= (int)size)
        memcpy(out + size - 4, "...", 4);
}

void check_quote(const char *text, char *out, size_t size)
{
    out[0] = '"';
    check_escape(text, out + 1, size - 2);
    memcpy(out + strlen(out), "\"", 2);
}

/* Not empty, and nothing but ASCII letters, digits and @others. */
static bool is_made_of(struct span text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || (strchr(letters_and_digits, text.data[i]) == NULL &&
                                     strchr(others, text.data[i]) == NULL))
            return false;
    }
    return text.len > 0;
}

/* "host:port" or ":port"; the port a number or the name of a service. Empty: any port. */
void check_addr(void *field, struct option_finding *finding)
{
    const char *addr = *(char **)field;
    const char *colon = strrchr(addr, ':');
    char quoted[QUOTE_MAX];
    long port;
    char *end;

    if (addr[0] == '\0')
        return;
    check_quote(addr, quoted, sizeof(quoted));
    if (colon == NULL || !is_made_of(span_of(addr), ".:-_[]%")) {
        PROBLEM(finding, "%s is not an address; write host:port or :port", quoted);
        return;
    }
    port = strtol(colon + 1, &end, 10);
    if (*end == '\0' && (port < 0 || port > 65535))
        PROBLEM(finding, "%s has a port beyond 65535", quoted);
}

void check_entries(void *field, struct option_finding *finding)
{
    int64_t *entries = field;

    (void)finding;
    if (*entries <= 0)
        *entries = ENTRIES_DEFAULT;
}

void check_expressions(void *field, struct option_finding *finding)
{
    const struct config_texts *expressions = field;
    struct error err = ERROR_INIT;
    char quoted[QUOTE_MAX];

    for (size_t i = 0; i < expressions->count; i++) {
        if (url_policy_check_expression(expressions->items[i], &err) == 0)
            continue;
        check_quote(expressions->items[i], quoted, sizeof(quoted));
        PROBLEM(finding, "%s: %.60s", quoted, err.message);
        return;
    }
}

/* 0 is the default, as upstream takes it. A number without a unit is nanoseconds, which nobody
 * means. */
void check_interval(void *field, struct option_finding *finding)
{
    int64_t *interval = field;

    if (*interval == 0)
        *interval = INTERVAL_DEFAULT;
    if (*interval >= INTERVAL_MIN)
        return;
    snprintf(finding->warning, sizeof(finding->warning),
             "%lldns is too short and taken as 1ms; a number without a unit is nanoseconds",
             (long long)*interval);
    *interval = INTERVAL_MIN;
}

void check_threshold(void *field, struct option_finding *finding)
{
    int64_t *threshold = field;

    (void)finding;
    if (*threshold < 0)
        *threshold = 0;
}

void check_status(void *field, struct option_finding *finding)
{
    int64_t *status = field;

    (void)finding;
    if (*status == 0)
        *status = STATUS_DEFAULT;
}

/* Upstream's 0 waits without end. */
void check_redis_timeout(void *field, struct option_finding *finding)
{
    int64_t *timeout = field;

    (void)finding;
    if (*timeout <= 0)
        *timeout = REDIS_TIMEOUT_DEFAULT;
}

void check_threads(void *field, struct option_finding *finding)
{
    int64_t *threads = field;

    (void)finding;
    if (*threads < THREADS_MIN)
        *threads = THREADS_MIN;
}

void check_root(void *field, struct option_finding *finding)
{
    const char *root = *(char **)field;

    if (root[0] == '\0')
        PROBLEM(finding, "must not be empty; write a directory, such as /var/lib/registry");
}

/* A header name is a token, a value has no control characters but tabs. Source: RFC 9110 5.1, 5.5.
 */
void check_headers(void *field, struct option_finding *finding)
{
    const struct config_pairs *headers = field;
    char quoted[QUOTE_MAX];

    for (size_t i = 0; i < headers->count; i++) {
        const struct config_pair *header = &headers->items[i];

        check_quote(header->name, quoted, sizeof(quoted));
        if (!is_made_of(span_of(header->name), "!#$%&'*+-.^_`|~")) {
            PROBLEM(finding, "%s is not a header name", quoted);
            return;
        }
        for (const char *c = header->value; *c != '\0'; c++) {
            if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
                PROBLEM(finding, "a value of %s has a control character", quoted);
                return;
            }
        }
    }
}

/* Names become `name=` in a log line, so they must not look like anything else. */
void check_log_fields(void *field, struct option_finding *finding)
{
    const struct config_pairs *fields = field;
    char quoted[QUOTE_MAX];

    for (size_t i = 0; i < fields->count; i++) {
        if (is_made_of(span_of(fields->items[i].name), "._-/@"))
            continue;
        check_quote(fields->items[i].name, quoted, sizeof(quoted));
        PROBLEM(finding, "%s is not a name of a field; use letters, digits and . _ - / @", quoted);
        return;
    }
}

static bool has_only_graphic(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x21 || *text > 0x7e)
            return false;
    }
    return true;
}

void check_url(void *field, struct option_finding *finding)
{
    const char *url = *(char **)field;
    struct span rest = span_of(url);
    char quoted[QUOTE_MAX];

    if (rest.len == 0 ||
        ((span_starts_with(rest, SPAN("http://")) || span_starts_with(rest, SPAN("https://"))) &&
         has_only_graphic(url)))
        return;
    check_quote(url, quoted, sizeof(quoted));
    PROBLEM(finding, "%s is not a URL that begins with http:// or https://", quoted);
}

/* The empty one is the default; one without a slash at its begin gets it. */
void check_metrics_path(void *field, struct option_finding *finding)
{
    char **path = field;
    auto_str normal = STR_INIT(PREFIX_MAX + 1);
    char quoted[QUOTE_MAX];

    if ((*path)[0] != '/')
        str_append_char(&normal, '/');
    str_append_text(&normal, (*path)[0] != '\0' ? *path : "metrics");
    if (str_overflowed(&normal) || !is_made_of(str_span(&normal), "/._~-")) {
        check_quote(*path, quoted, sizeof(quoted));
        PROBLEM(finding, "%s is not a path, such as /metrics", quoted);
        return;
    }
    free(*path);
    *path = str_take(&normal);
}

/* What is no URL with scheme and host is not used, as upstream does, and since that surprises
 * people it is said. */
void check_host(void *field, struct option_finding *finding)
{
    char **host = field;
    const char *mark = strstr(*host, "://");
    struct span authority = {0};
    char quoted[QUOTE_MAX];

    if ((*host)[0] == '\0')
        return;
    if (mark != NULL && is_made_of(span_make(*host, (size_t)(mark - *host)), "+-."))
        authority = span_make(mark + 3, strcspn(mark + 3, "/?#"));
    if (is_made_of(authority, ".:-_[]%") && has_only_graphic(*host))
        return;
    check_quote(*host, quoted, sizeof(quoted));
    snprintf(finding->warning, sizeof(finding->warning),
             "%s is not a URL with scheme and host, such as https://registry.example.com; ignored",
             quoted);
    free(*host);
    *host = xstrdup("");
}

static bool is_dots(struct span part)
{
    return span_is(part, ".") || span_is(part, "..");
}

/* "", "my", "/my/path" become "/", "/my/", "/my/path/". */
void check_prefix(void *field, struct option_finding *finding)
{
    char **prefix = field;
    struct span rest = span_of(*prefix);
    auto_str normal = STR_INIT(PREFIX_MAX + 2);
    char quoted[QUOTE_MAX];
    bool is_valid = rest.len == 0 || (rest.len <= PREFIX_MAX && is_made_of(rest, "/._~-") &&
                                      strstr(*prefix, "//") == NULL);

    if (span_starts_with(rest, SPAN("/")))
        rest = span_from(rest, 1);
    if (span_ends_with(rest, SPAN("/")))
        rest.len--;
    str_append_char(&normal, '/');
    while (is_valid && rest.len > 0) {
        struct span part = span_cut(&rest, '/');

        is_valid = !is_dots(part);
        str_append(&normal, part);
        str_append_char(&normal, '/');
    }
    if (is_valid) {
        free(*prefix);
        *prefix = str_take(&normal);
        return;
    }
    check_quote(*prefix, quoted, sizeof(quoted));
    PROBLEM(finding, "%s is not a path, such as /registry/", quoted);
}
