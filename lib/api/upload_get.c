/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_get - GET and HEAD of an upload session: how much of it is there (end-13). Any token of
 * the session will do, an old one too: who asks wants to know where to go on.
 */
#include "lib/api/handlers.h"
#include "lib/api/session.h"

#include "lib/base/banned.h"

int upload_get(struct exchange *ex, struct error *err)
{
    struct upload_info info;
    struct upload_token token;

    if (session_authenticate(ex, &token, err) < 0 ||
        upload_stat(ex->registry, ex->repository, ex->reference, &info, err) < 0)
        return -1;
    if (info.size == token.offset)
        info.seal = token.seal; /* it is checked by whoever goes on */
    session_set_headers(ex, &info);
    exchange_send_empty(ex, 204);
    return 0;
}
