/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_delete - DELETE of an upload session: the client gives up (end-14). Any token of the
 * session will do.
 */
#include "lib/api/handlers.h"
#include "lib/api/session.h"

#include "lib/base/banned.h"

int upload_delete(struct exchange *ex, struct error *err)
{
    struct upload_token ignored;

    if (session_authenticate(ex, &ignored, err) < 0 ||
        upload_remove(ex->registry, ex->repository, ex->reference, err) < 0)
        return -1;
    http_reply_header(ex->http, "Docker-Upload-Uuid", ex->reference);
    exchange_send_empty(ex, 204);
    return 0;
}
