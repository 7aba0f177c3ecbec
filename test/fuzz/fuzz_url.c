/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of layers against a policy with expressions: what passes is a URL, and every spelling of a
 * forbidden host is refused.
 */
#include "lib/base/cleanup.h"
#include "lib/oci/url_policy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct url_policy *make_policy(void)
{
    static const char *const allow[] = {"^https?://([^/]+\\.)*example\\.com/", "^http://(a+)+$"};
    static const char *const deny[] = {"^https?://www\\.example\\.com/", "(.*)(.*)x$"};
    struct url_policy *policy = NULL;
    struct error err = ERROR_INIT;

    if (url_policy_new((struct url_expressions){allow, array_count(allow)},
                       (struct url_expressions){deny, array_count(deny)}, &policy, &err) < 0)
        abort();
    return policy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct url_policy *policy;
    struct span url = span_make(data, size);

    if (policy == NULL)
        policy = make_policy();
    if (!url_policy_allows(policy, url))
        return 0;
    if (!is_http_url(url) || size > URL_LEN_MAX || memchr(data, '#', size) != NULL)
        abort();
    if (span_starts_with(url, SPAN("http://www.example.com/")))
        abort();
    return 0;
}
