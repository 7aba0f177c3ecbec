/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_post - POST /v2/<name>/blobs/uploads/: begin a push.
 *
 *     ?mount=&from=          a blob of another repository: 201 at once (end-11), or as without
 *     ?mount=                likewise, if this repository has it already
 *     ?digest= and a body    the whole push: 201 (end-4b)
 *     otherwise              a session to go on with: 202 (end-4a)
 */
#include "lib/api/handlers.h"
#include "lib/api/session.h"
#include "lib/base/log.h"
#include "lib/task/task.h"

#include "lib/base/banned.h"

/* Mounts if the request asks for it and can be served; why not is nobody's error. May suspend. */
static bool try_mount(struct exchange *ex, struct blob *out)
{
    auto_str mount = STR_INIT(DIGEST_TEXT_SIZE);
    auto_str from = STR_INIT(ex->target.query.len);
    struct error err = ERROR_INIT;
    struct digest digest;
    int rc;

    if (!exchange_query(ex, "mount", &mount) || !digest_parse(str_span(&mount), &digest))
        return false;
    if (!exchange_query(ex, "from", &from))
        rc = blob_stat(ex->registry, ex->repository, &digest, out, &err);
    else if (is_repository(str_span(&from)))
        rc = blob_mount(ex->registry, ex->repository, str_text(&from), &digest, out, &err);
    else
        return false;
    if (rc == 0)
        return true;
    if (err.code != ERROR_BLOB_UNKNOWN)
        log_warn("no mount, a session instead: %s", err.message);
    return false;
}

/* 1 when the request is a whole push: a body, or the digest of nothing. */
static int read_digest(const struct exchange *ex, struct digest *out, struct error *err)
{
    bool has_body = http_body_length(ex->http) != 0;
    auto_str text = STR_INIT(ex->target.query.len);
    struct digest empty;

    if (!exchange_query(ex, "digest", &text) || text.len == 0)
        return 0;
    if (!digest_parse(str_span(&text), out)) {
        if (!has_body)
            return 0; /* as upstream: clients that go on with PATCH are not looked at */
        error_set(err, ERROR_DIGEST_INVALID, "parameter digest: \"%s\"", str_text(&text));
        error_detail_string(err, SPAN("digest parsing failed"));
        return -1;
    }
    digest_of(out->algorithm, SPAN(""), &empty);
    return has_body || digest_equals(out, &empty);
}

/* Nobody knows of the session: it goes again when the push fails. */
static void discard(struct exchange *ex, struct upload *upload)
{
    struct uuid uuid = upload_info(upload)->uuid;
    struct error err = ERROR_INIT;

    upload_close(upload);
    task_shield();
    if (upload_remove(ex->registry, ex->repository, uuid.text, &err) < 0 &&
        err.code != ERROR_UPLOAD_UNKNOWN)
        log_warn("upload %s is left to purging: %s", uuid.text, err.message);
    task_unshield();
}

static int push_whole(struct exchange *ex, const struct digest *digest, struct error *err)
{
    struct upload *upload;
    struct blob blob;

    if (upload_begin(ex->registry, ex->repository, &upload, err) < 0)
        return -1;
    if (session_receive(ex, upload, err) < 0 || upload_commit(upload, digest, &blob, err) < 0) {
        discard(ex, upload);
        return -1;
    }
    upload_close(upload);
    session_send_created(ex, &blob);
    return 0;
}

static int begin(struct exchange *ex, struct error *err)
{
    struct upload *upload;

    if (upload_begin(ex->registry, ex->repository, &upload, err) < 0)
        return -1;
    session_set_headers(ex, upload_info(upload));
    upload_close(upload);
    exchange_send_empty(ex, 202);
    return 0;
}

int upload_post(struct exchange *ex, struct error *err)
{
    struct digest digest;
    struct blob blob;
    struct upload_token ignored;
    int rc;

    if (ex->match.route == ROUTE_UPLOAD && session_authenticate(ex, &ignored, err) < 0)
        return -1;
    if (try_mount(ex, &blob)) {
        session_send_created(ex, &blob);
        return 0;
    }
    rc = read_digest(ex, &digest, err);
    if (rc < 0)
        return -1;
    return rc > 0 ? push_whole(ex, &digest, err) : begin(ex, err);
}
