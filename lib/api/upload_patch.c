/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_patch - PATCH of an upload session: append a piece (end-5). All that can be refused is
 * refused before the body is asked for.
 */
#include "lib/api/handlers.h"
#include "lib/api/session.h"

#include "lib/base/banned.h"

/* Absent or application/octet-stream, with parameters or without. */
static int check_media_type(const struct exchange *ex, struct error *err)
{
    struct span rest = exchange_header(ex, "Content-Type");
    struct span type = span_trim(span_cut(&rest, ';'));

    if (type.len == 0 || span_equals_nocase(type, SPAN("application/octet-stream")))
        return 0;
    return error_set(err, ERROR_MEDIA_TYPE, "Content-Type %.*s for a piece of a blob",
                     SPAN_ARGS(type));
}

static int append(struct exchange *ex, struct upload *upload, struct error *err)
{
    if (session_check_range(ex, upload, err) < 0 || session_receive(ex, upload, err) < 0)
        return -1;
    return upload_save(upload, err);
}

int upload_patch(struct exchange *ex, struct error *err)
{
    struct upload *upload;
    struct upload_info info;
    int rc;

    if (session_resume(ex, &upload, err) < 0)
        return -1;
    rc = check_media_type(ex, err);
    if (rc == 0)
        rc = append(ex, upload, err);
    info = *upload_info(upload);
    session_close(upload); /* first: the client may go on elsewhere at once */
    if (rc < 0)
        return -1;
    session_set_headers(ex, &info);
    exchange_send_empty(ex, 202);
    return 0;
}
