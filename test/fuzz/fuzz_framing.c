/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_framing - any bytes as a body: cut into pieces they give the same body and the same verdict
 * as in one, and nothing is made up or lost.
 */
#include "lib/http/framing.h"
#include "lib/http/head.h"

#include <assert.h>
#include <event2/buffer.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 done, 0 more wanted, -1 broken; the body goes to @out, what is left stays in @raw. */
static int feed(struct evbuffer *raw, struct evbuffer *out, int64_t length, const uint8_t *data,
                size_t size, size_t step, size_t max)
{
    struct framing framing;
    struct error err = ERROR_INIT;
    int rc = 0;

    framing_init(&framing, length);
    for (size_t at = 0; at < size && rc >= 0; at += step) {
        evbuffer_add(raw, data + at, size - at < step ? size - at : step);
        do {
            size_t before = evbuffer_get_length(out);

            rc = framing_take(&framing, raw, out, max, &err);
            assert((rc > 0) == (evbuffer_get_length(out) > before));
            assert(evbuffer_get_length(out) - before <= max);
        } while (rc > 0);
    }
    return rc < 0 ? -1 : is_framing_done(&framing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evbuffer *raw[2] = {evbuffer_new(), evbuffer_new()};
    struct evbuffer *out[2] = {evbuffer_new(), evbuffer_new()};
    int64_t length;
    int verdict;
    size_t len;

    if (size < 3)
        goto done;
    length = data[0] == 0xff ? HEAD_BODY_CHUNKED : data[0];
    verdict = feed(raw[0], out[0], length, data + 3, size - 3, size, size);
    assert(feed(raw[1], out[1], length, data + 3, size - 3, (size_t)data[1] + 1,
                (size_t)data[2] + 1) == verdict);
    len = evbuffer_get_length(out[0]);
    assert(evbuffer_get_length(out[1]) == len);
    assert(len == 0 || memcmp(evbuffer_pullup(out[0], -1), evbuffer_pullup(out[1], -1), len) == 0);
done:
    for (int i = 0; i < 2; i++) {
        evbuffer_free(raw[i]);
        evbuffer_free(out[i]);
    }
    return 0;
}
