/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_redact - any bytes as a URL for the log: never much longer, and without the secret that
 * stands at its end, whatever comes before.
 */
#include "lib/base/redact.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

#define SECRET "\x01secret-value\x02"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hidden(struct span before, const char *joint, const char *after)
{
    auto_str url = STR_INIT(before.len + 64);
    auto_str shown = STR_INIT(2 * before.len + 64);

    str_append(&url, before);
    str_append_format(&url, "%s" SECRET "%s", joint, after);
    redact_url(&shown, str_span(&url));
    assert(!str_overflowed(&url) && !str_overflowed(&shown));
    assert(memmem(shown.data, shown.len, SECRET, sizeof(SECRET) - 1) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span url = span_make(data, size);
    auto_str shown = STR_INIT(size + size / 2 + 2);

    if (size == 0)
        return 0;
    redact_url(&shown, url);
    assert(!str_overflowed(&shown));
    if (memmem(data, size, SECRET, sizeof(SECRET) - 1) != NULL)
        return 0;
    check_hidden(url, memchr(data, '?', size) != NULL ? "&_state=" : "?_state=", "");
    check_hidden(url, "//", "@h");
    return 0;
}
