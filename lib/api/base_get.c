/* SPDX-License-Identifier: Apache-2.0
 *
 * base_get - any method on /v2/: yes, this is a registry (end-1).
 */
#include "lib/api/handlers.h"

#include "lib/base/banned.h"

int base_get(struct exchange *ex, struct error *err)
{
    (void)err;
    exchange_send_json(ex, 200, SPAN("{}"));
    return 0;
}
