/* SPDX-License-Identifier: Apache-2.0
 *
 * call_check - see call_check.h.
 */
#include "lib/client/call_check.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/client/target.h"

#include "lib/base/banned.h"

static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!is_ascii_alnum_or(*c, "!#$%&'*+-.^_`|~"))
            return false;
    }
    return *text != '\0';
}

/* Framing is ours: nobody else knows the body's length. */
static bool is_framing(struct span name)
{
    return span_equals_nocase(name, SPAN("content-length")) ||
           span_equals_nocase(name, SPAN("transfer-encoding")) ||
           span_equals_nocase(name, SPAN("expect"));
}

static int check_header(const char *line, struct error *err)
{
    struct span value = span_of(line);
    struct span name = span_cut(&value, ':');
    auto_free char *text = xstrndup(name.data, name.len);

    if (value.data == NULL || !is_token(text) || is_framing(name))
        return error_set(err, ERROR_INVALID, "a header that cannot be sent");
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return error_set(err, ERROR_INVALID, "header %s has a control character", text);
    }
    return 0;
}

int call_check(const struct client_call *call, struct error *err)
{
    const char *const *line = call->headers;

    if (!is_token(call->method))
        return error_set(err, ERROR_INVALID, "a method that is no token");
    if (call->has_stream && call->stream_size < 0)
        return error_set(err, ERROR_INVALID, "a body of negative size");
    for (; line != NULL && *line != NULL; line++) {
        if (check_header(*line, err) < 0)
            return -1;
    }
    return target_check(call->url, err);
}
