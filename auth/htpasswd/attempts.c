/* SPDX-License-Identifier: Apache-2.0
 *
 * attempts - see attempts.h. The number kept for a key is the instant at which all is forgotten.
 */
#include "auth/htpasswd/attempts.h"

#include "lib/base/banned.h"

struct lru *attempts_new(size_t max)
{
    return lru_new(&(struct lru_options){.value_size = sizeof(int64_t), .count_max = max});
}

static int64_t left_ms(struct lru *failures, const struct login_key *key, int64_t now_ms)
{
    const int64_t *forgotten_at = lru_find(failures, login_key_span(key));

    return forgotten_at != NULL && *forgotten_at > now_ms ? *forgotten_at - now_ms : 0;
}

void attempts_note(struct lru *failures, const struct login_key *key, int64_t now_ms)
{
    int64_t left = left_ms(failures, key, now_ms) + ATTEMPTS_PERIOD_MS;
    int64_t forgotten_at;

    if (left >
        ATTEMPTS_LIMIT * ATTEMPTS_PERIOD_MS) /* whoever stops guessing is forgotten in time */
        left = ATTEMPTS_LIMIT * ATTEMPTS_PERIOD_MS;
    forgotten_at = now_ms + left;
    lru_put(failures, login_key_span(key), &forgotten_at);
}

int attempts_count(struct lru *failures, const struct login_key *key, int64_t now_ms)
{
    int64_t left = left_ms(failures, key, now_ms);

    return (int)((left + ATTEMPTS_PERIOD_MS - 1) / ATTEMPTS_PERIOD_MS);
}

int attempts_delay_ms(int count)
{
    int delay = ATTEMPTS_FIRST_MS;

    if (count <= ATTEMPTS_FREE)
        return 0;
    for (int i = ATTEMPTS_FREE + 1; i < count && delay < ATTEMPTS_SLOWEST_MS; i++)
        delay *= 2;
    return delay < ATTEMPTS_SLOWEST_MS ? delay : ATTEMPTS_SLOWEST_MS;
}

int attempts_wait_s(struct lru *failures, const struct login_key *key, int64_t now_ms)
{
    int64_t over = left_ms(failures, key, now_ms) - (ATTEMPTS_LIMIT - 1) * ATTEMPTS_PERIOD_MS;

    return over > 0 ? (int)((over + 999) / 1000) : 0;
}
