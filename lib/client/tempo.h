/* SPDX-License-Identifier: Apache-2.0
 *
 * tempo - whether bytes move fast enough for a connection to be called alive. Pure.
 *
 * Counts the time spent waiting since the last mark. A mark is set where something has been
 * achieved: TEMPO_BYTES have moved, a request is out, a head is whole. Time in which nobody waits,
 * because we have enough to do with what is there, is not counted.
 *
 *     mark --wait--> 300 bytes --rest, wait--> 800 bytes: mark --wait--> ...
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TEMPO_BYTES 1024

/* All zero: nothing has moved, nobody waits. Instants are clock_monotonic_ns. */
struct tempo {
    int64_t waited_ns; /* since the last mark, without the wait that goes on */
    int64_t since_ns;  /* when that began; 0: nobody waits */
    size_t bytes;      /* since the last mark */
};

void tempo_mark(struct tempo *tempo, int64_t now_ns);

/* Bytes have moved, either way. */
void tempo_note(struct tempo *tempo, size_t bytes, int64_t now_ns);

/* Somebody waits, or does no longer. */
void tempo_wait(struct tempo *tempo, int64_t now_ns);
void tempo_rest(struct tempo *tempo, int64_t now_ns);

/* How long somebody has waited since the last mark. */
int64_t tempo_waited(const struct tempo *tempo, int64_t now_ns);
