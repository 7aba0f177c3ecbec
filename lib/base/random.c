/* SPDX-License-Identifier: Apache-2.0
 *
 * random - see random.h.
 */
#include "lib/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/base/banned.h"

void random_fill(void *out, size_t len)
{
    unsigned char *rest = out;

    while (len > 0) {
        ssize_t got = getrandom(rest, len, 0);

        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            rest += got;
            len -= (size_t)got;
        }
    }
}
