/* SPDX-License-Identifier: Apache-2.0
 *
 * pace - see pace.h.
 */
#include "drivers/s3/pace.h"

#include "lib/base/clock.h"

#include "lib/base/banned.h"

#define DAY_NS (24 * 3600 * CLOCK_SECOND_NS)

/* Far below what copies by reference show, also on slow disks (a few hundred small writes for a
 * GiB), and above what a stream of bytes through a busy service is. */
#define SLOW_BYTES_PER_S (INT64_C(256) << 20)

void pace_init(struct pace *pace, int64_t threshold, bool is_amazon)
{
    bool is_set = threshold != PACE_UNSET;

    *pace = (struct pace){
        .threshold = is_set ? threshold : PACE_THRESHOLD,
        .is_learning = !is_set && !is_amazon,
    };
}

bool is_pace_whole(const struct pace *pace, int64_t size, int64_t now_ns)
{
    return size <= pace->threshold || (pace->is_learning && now_ns >= pace->doubted_until_ns);
}

/* A second goes to what has nothing to do with the size. */
bool is_pace_slow(int64_t size, int64_t took_ns)
{
    int64_t allowed_ms = 1000 + size / (SLOW_BYTES_PER_S / 1000);

    return took_ns / CLOCK_MS_NS > allowed_ms;
}

bool pace_doubt(struct pace *pace, int64_t size, int64_t now_ns)
{
    bool is_news = pace->is_learning && size > pace->threshold && now_ns >= pace->doubted_until_ns;

    if (is_news)
        pace->doubted_until_ns = now_ns + DAY_NS;
    return is_news;
}
