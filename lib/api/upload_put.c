/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_put - PUT of an upload session: the last piece, if there is one, then verify and commit
 * (end-6). The digest is looked at before the body is asked for; a body cut short never commits.
 */
#include "lib/api/handlers.h"
#include "lib/api/session.h"

#include "lib/base/banned.h"

static int read_digest(const struct exchange *ex, struct digest *out, struct error *err)
{
    auto_str text = STR_INIT(ex->target.query.len);
    bool is_there = exchange_query(ex, "digest", &text) && text.len > 0;

    if (is_there && digest_parse(str_span(&text), out))
        return 0;
    error_set(err, ERROR_DIGEST_INVALID, "parameter digest: \"%s\"", str_text(&text));
    error_detail_string(err, is_there ? SPAN("digest parsing failed") : SPAN("digest missing"));
    return -1;
}

static int receive_and_commit(struct exchange *ex, struct upload *upload,
                              const struct digest *digest, struct blob *out, struct error *err)
{
    if (session_check_range(ex, upload, err) < 0 || session_receive(ex, upload, err) < 0)
        return -1;
    return upload_commit(upload, digest, out, err);
}

int upload_put(struct exchange *ex, struct error *err)
{
    struct upload *upload;
    struct digest digest;
    struct blob blob;
    int rc;

    if (session_resume(ex, &upload, err) < 0)
        return -1;
    rc = read_digest(ex, &digest, err);
    if (rc == 0)
        rc = receive_and_commit(ex, upload, &digest, &blob, err);
    session_close(upload);
    if (rc < 0)
        return -1;
    session_send_created(ex, &blob);
    return 0;
}
