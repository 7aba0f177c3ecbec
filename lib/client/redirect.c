/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect - see redirect.h.
 */
#include "lib/client/redirect.h"

#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const char *redirect_method(int status, const char *method)
{
    bool is_post_moved = (status == 301 || status == 302) && strcmp(method, "POST") == 0;

    if ((status == 303 && strcmp(method, "HEAD") != 0) || is_post_moved)
        return "GET";
    return method;
}

bool is_redirect_secret(struct span line)
{
    static const struct span secrets[] = {SPAN("authorization"), SPAN("proxy-authorization"),
                                          SPAN("cookie"), SPAN("x-amz-security-token")};
    struct span name = span_trim(span_cut(&line, ':'));

    for (size_t i = 0; i < array_count(secrets); i++) {
        if (span_equals_nocase(name, secrets[i]))
            return true;
    }
    return false;
}

bool is_redirect_content(struct span line)
{
    static const struct span prefix = SPAN("content-");
    struct span name = span_cut(&line, ':');

    name.len = name.len < prefix.len ? name.len : prefix.len;
    return span_equals_nocase(name, prefix);
}
