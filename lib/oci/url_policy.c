/* SPDX-License-Identifier: Apache-2.0
 *
 * url_policy - see url_policy.h.
 *
 * PCRE2's second algorithm (pcre2_dfa_match) follows all ways through an expression at once, so
 * that no expression is slow beyond measure; the limits are for what it does by recursion.
 */
#include "lib/oci/url_policy.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/banned.h"

#define MATCH_LIMIT    20000
#define DEPTH_LIMIT    100
#define HEAP_LIMIT_KIB 1024
#define WORKSPACE_LEN  4096 /* ints, on the stack; about a third are states followed at once */

#define COMPILE_OPTIONS                                                                            \
    (PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE)

struct expressions {
    pcre2_code **items; /* owned */
    size_t count;
};

struct url_policy {
    struct expressions allow;
    struct expressions deny;
    pcre2_match_context *limits; /* owned */
};

/* ---- the shape of a URL ---- */

static bool is_port(struct span port)
{
    for (size_t i = 0; i < port.len; i++) {
        if (!is_ascii_digit(port.data[i]))
            return false;
    }
    return port.len <= 5;
}

/* "[::1]" at the start of @rest; what follows it stays there. */
static bool cut_address(struct span *rest)
{
    struct span address = span_cut(rest, ']');

    if (rest->data == NULL || address.len < 3)
        return false;
    for (size_t i = 1; i < address.len; i++) {
        if (ascii_hex_value(address.data[i]) < 0 && !is_ascii_alnum_or(address.data[i], ":.%"))
            return false;
    }
    return true;
}

/* A name at the start of @rest. Bytes above ASCII may be part of it. */
static bool cut_name(struct span *rest)
{
    size_t len = 0;

    while (len < rest->len &&
           (is_ascii_alnum_or(rest->data[len], "-._~") || (unsigned char)rest->data[len] >= 0x80))
        len++;
    *rest = span_from(*rest, len);
    return len > 0;
}

/* [user@]host[:port] */
static bool is_authority(struct span authority)
{
    struct span rest = authority;

    span_cut(&rest, '@');
    if (rest.data == NULL)
        rest = authority;
    if (rest.len == 0 || !(rest.data[0] == '[' ? cut_address(&rest) : cut_name(&rest)))
        return false;
    return rest.len == 0 || (rest.data[0] == ':' && is_port(span_from(rest, 1)));
}

/* Graphic, no fragment, escapes whole. */
static bool is_clean(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c <= 0x20 || c == 0x7f || c == '#' || c == '\\')
            return false;
        if (c == '%' && (text.len - i < 3 || ascii_hex_value(text.data[i + 1]) < 0 ||
                         ascii_hex_value(text.data[i + 2]) < 0))
            return false;
    }
    return true;
}

bool is_http_url(struct span url)
{
    struct span rest = url;
    size_t len = 0;

    if (span_starts_with(url, SPAN("http://")))
        rest = span_from(url, 7);
    else if (span_starts_with(url, SPAN("https://")))
        rest = span_from(url, 8);
    else
        return false;
    while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
        len++;
    return is_clean(rest) && is_authority(span_make(rest.data, len));
}

/* ---- expressions ---- */

static int compile(const char *expression, pcre2_code **out, struct error *err)
{
    unsigned char problem[128];
    PCRE2_SIZE offset;
    uint32_t back_references = 0;
    int code;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                                         COMPILE_OPTIONS, &code, &offset, NULL);

    if (compiled == NULL) {
        pcre2_get_error_message(code, problem, sizeof(problem));
        return error_set(err, ERROR_INVALID, "%s", (const char *)problem);
    }
    pcre2_pattern_info(compiled, PCRE2_INFO_BACKREFMAX, &back_references);
    if (back_references > 0) {
        pcre2_code_free(compiled);
        return error_set(err, ERROR_INVALID, "references back to a group are not supported");
    }
    *out = compiled;
    return 0;
}

int url_policy_check_expression(const char *expression, struct error *err)
{
    pcre2_code *compiled;

    if (compile(expression, &compiled, err) < 0)
        return -1;
    pcre2_code_free(compiled);
    return 0;
}

static int compile_all(struct url_expressions expressions, struct expressions *out,
                       struct error *err)
{
    out->items = xcalloc(expressions.count + 1, sizeof(pcre2_code *));
    for (size_t i = 0; i < expressions.count; i++) {
        if (compile(expressions.items[i], &out->items[i], err) < 0)
            return error_wrap(err, "regular expression %s", expressions.items[i]);
        out->count++;
    }
    return 0;
}

static pcre2_match_context *make_limits(void)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);

    if (limits == NULL)
        abort();
    pcre2_set_match_limit(limits, MATCH_LIMIT);
    pcre2_set_depth_limit(limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    return limits;
}

int url_policy_new(struct url_expressions allow, struct url_expressions deny,
                   struct url_policy **out, struct error *err)
{
    struct url_policy *policy = xcalloc(1, sizeof(*policy));

    policy->limits = make_limits();
    if (compile_all(allow, &policy->allow, err) < 0 || compile_all(deny, &policy->deny, err) < 0) {
        url_policy_free(policy);
        return -1;
    }
    *out = policy;
    return 0;
}

static void expressions_fini(struct expressions *expressions)
{
    for (size_t i = 0; i < expressions->count; i++)
        pcre2_code_free(expressions->items[i]);
    free(expressions->items);
}

void url_policy_free(struct url_policy *policy)
{
    if (policy == NULL)
        return;
    expressions_fini(&policy->allow);
    expressions_fini(&policy->deny);
    pcre2_match_context_free(policy->limits);
    free(policy);
}

/* ---- matching ---- */

/* PCRE2_ERROR_NOMATCH, another error, or that there is a match. */
static int match(const pcre2_code *expression, struct span url, pcre2_match_context *limits)
{
    int workspace[WORKSPACE_LEN];
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc;

    if (data == NULL)
        abort();
    rc = pcre2_dfa_match(expression, (PCRE2_SPTR)url.data, url.len, 0, PCRE2_DFA_SHORTEST, data,
                         limits, workspace, WORKSPACE_LEN);
    pcre2_match_data_free(data);
    return rc;
}

/* Whether one of them matches; @doubt when that cannot be told. */
static bool matches_any(const struct expressions *expressions, struct span url,
                        pcre2_match_context *limits, bool doubt)
{
    for (size_t i = 0; i < expressions->count; i++) {
        int rc = match(expressions->items[i], url, limits);

        if (rc >= 0)
            return true;
        if (rc != PCRE2_ERROR_NOMATCH)
            return doubt;
    }
    return false;
}

bool url_policy_allows(const struct url_policy *policy, struct span url)
{
    if (policy == NULL || !is_http_url(url))
        return false;
    if (policy->allow.count == 0 && policy->deny.count == 0)
        return true;
    if (url.len > URL_LEN_MAX)
        return false;
    if (policy->allow.count > 0 && !matches_any(&policy->allow, url, policy->limits, false))
        return false;
    return !matches_any(&policy->deny, url, policy->limits, true);
}
