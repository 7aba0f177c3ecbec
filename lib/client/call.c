/* SPDX-License-Identifier: Apache-2.0
 *
 * call - client_do: a whole call, with what it takes to get a whole answer.
 */
#include "lib/client/chain.h"
#include "lib/client/client.h"

#include <assert.h>

#include "lib/base/banned.h"

/* The answer of the last attempt; a body that breaks off is a reason for another. */
static int receive(struct client_transfer *t, int *out_status, struct str *out_body,
                   struct error *err)
{
    for (;;) {
        struct error met = ERROR_INIT;
        int repeated = 0;

        if (client_receive_head(t, out_status, err) < 0)
            return -1;
        str_reset(out_body);
        if (client_read_all(t, out_body, &met) == 0)
            return 0;
        if (is_client_lost(t))
            repeated = chain_repeat(t, err);
        if (repeated == 0)
            *err = met;
        if (repeated <= 0)
            return -1;
    }
}

int client_do(struct client *client, const struct client_call *call, int *out_status,
              struct str *out_body, struct error *err)
{
    auto_str body = STR_INIT(out_body->max);
    struct client_transfer *t;
    int status;
    int rc;

    assert(!call->has_stream);
    if (client_open(client, call, &t, err) < 0)
        return -1;
    rc = receive(t, &status, &body, err);
    client_close(t);
    if (rc < 0)
        return -1;
    str_fini(out_body);
    *out_body = body;
    body = STR_INIT(0);
    *out_status = status;
    return 0;
}
