/* SPDX-License-Identifier: Apache-2.0
 *
 * tempo - see tempo.h.
 */
#include "lib/client/tempo.h"

#include "lib/base/banned.h"

void tempo_mark(struct tempo *tempo, int64_t now_ns)
{
    tempo->waited_ns = 0;
    tempo->bytes = 0;
    if (tempo->since_ns != 0)
        tempo->since_ns = now_ns;
}

void tempo_note(struct tempo *tempo, size_t bytes, int64_t now_ns)
{
    tempo->bytes += bytes;
    if (tempo->bytes >= TEMPO_BYTES)
        tempo_mark(tempo, now_ns);
}

void tempo_wait(struct tempo *tempo, int64_t now_ns)
{
    tempo->since_ns = now_ns;
}

void tempo_rest(struct tempo *tempo, int64_t now_ns)
{
    tempo->waited_ns = tempo_waited(tempo, now_ns);
    tempo->since_ns = 0;
}

int64_t tempo_waited(const struct tempo *tempo, int64_t now_ns)
{
    return tempo->waited_ns + (tempo->since_ns != 0 ? now_ns - tempo->since_ns : 0);
}
