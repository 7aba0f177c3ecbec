/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operation of the domain, interrupted in every way the trial driver knows, at each of its
 * storage calls in turn: afterwards the storage is sound, and the operation can be repeated.
 */
#include "drivers/drivers.h"
#include "lib/base/memory.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/referrers.h"
#include "lib/registry/tag_store.h"
#include "lib/registry/upload.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define CONTENT   "hello world, part one;"
#define MANIFEST  "{\"schemaVersion\":2,\"manifests\":[]}"
#define CALLS_MAX 100

/* An operation under trial. Each function runs in a task of its own. */
struct trial_case {
    void (*prepare)(struct registry *registry);                   /* may be NULL */
    int (*operate)(struct registry *registry, struct error *err); /* must end what it opens */
    void (*verify)(struct registry *registry);                    /* after it has succeeded */
    enum error_code done; /* what repeating it may say when it had happened after all */
};

struct attempt {
    const struct trial_case *operation;
    enum trial_fault fault;
    unsigned nth;
    int rc;
    unsigned calls;
    struct error err;
};

static struct uuid session_uuid;

static void prepare_body(struct registry *registry, void *arg)
{
    struct attempt *attempt = arg;

    trial_arm(TRIAL_NONE, 0);
    if (attempt->operation->prepare != NULL)
        attempt->operation->prepare(registry);
}

static void operate_body(struct registry *registry, void *arg)
{
    struct attempt *attempt = arg;

    trial_arm(attempt->fault, attempt->nth);
    attempt->err = ERROR_INIT;
    attempt->rc = attempt->operation->operate(registry, &attempt->err);
    attempt->calls = trial_count();
    trial_arm(TRIAL_NONE, 0);
}

static void check_body(struct registry *registry, void *arg)
{
    (void)registry, (void)arg;
    rig_check();
}

static void verify_body(struct registry *registry, void *arg)
{
    struct attempt *attempt = arg;

    attempt->operation->verify(registry);
    rig_check();
}

/* The operation with one fault, then again without. */
static void interrupt(struct attempt *attempt)
{
    enum trial_fault fault = attempt->fault;
    unsigned calls;

    rig_run(prepare_body, attempt);
    rig_run(operate_body, attempt);
    calls = attempt->calls;
    rig_run(check_body, NULL);
    if (attempt->rc < 0) {
        attempt->fault = TRIAL_NONE;
        rig_run(operate_body, attempt);
        attempt->fault = fault;
        if (attempt->rc < 0 && attempt->err.code != attempt->operation->done)
            fail_msg("fault %d at call %u, then: %s", (int)fault, attempt->nth,
                     attempt->err.message);
    }
    rig_run(verify_body, attempt);
    attempt->calls = calls;
}

static void try_all(const struct trial_case *operation)
{
    static const enum trial_fault faults[] = {TRIAL_FAIL_BEFORE, TRIAL_FAIL_AFTER,
                                              TRIAL_CANCEL_BEFORE, TRIAL_CANCEL_AFTER};

    for (size_t i = 0; i < array_count(faults); i++) {
        struct attempt attempt = {.operation = operation, .fault = faults[i]};

        do {
            void *state = NULL;

            attempt.nth++;
            assert_int_equal(rig_open(&state), 0);
            interrupt(&attempt);
            assert_int_equal(rig_close(&state), 0);
        } while (attempt.calls >= attempt.nth && attempt.nth < CALLS_MAX);
        assert_true(attempt.nth > 1 && attempt.nth < CALLS_MAX);
    }
}

/* ---- uploads ---- */

static int append(struct upload *upload, struct span bytes, struct error *err)
{
    struct evbuffer *data = evbuffer_new();
    int rc;

    evbuffer_add(data, bytes.data, bytes.len);
    rc = upload_append(upload, data, err);
    evbuffer_free(data);
    return rc;
}

static void begin_body(struct registry *registry, void *arg)
{
    struct attempt *attempt = arg;
    struct upload *upload = NULL;

    trial_arm(attempt->fault, attempt->nth);
    attempt->rc = upload_begin(registry, "r", &upload, &attempt->err);
    attempt->calls = trial_count();
    upload_close(upload);
}

static void check_empty_body(struct registry *registry, void *arg)
{
    (void)registry, (void)arg;
    assert_int_equal(rig_check(), 0);
}

static void begin_leaves_nothing_when_it_fails(void **state)
{
    (void)state;
    for (int fault = TRIAL_FAIL_BEFORE; fault <= TRIAL_CANCEL_AFTER; fault++) {
        struct attempt attempt = {.fault = (enum trial_fault)fault};

        assert_int_equal(rig_open(state), 0);
        for (attempt.nth = 1; attempt.nth <= 2; attempt.nth++) {
            rig_run(begin_body, &attempt);
            assert_int_equal(attempt.rc, -1);
            trial_arm(TRIAL_NONE, 0);
            rig_run(check_empty_body, NULL);
        }
        assert_int_equal(rig_close(state), 0);
    }
}

static struct digest content_digest(void)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, SPAN(CONTENT), &digest);
    return digest;
}

/* What a handler does, in its error path too: save what came, then let go. */
static int finish(struct upload *upload, int rc, struct error *err)
{
    struct error ignored = ERROR_INIT;

    if (upload_save(upload, rc < 0 ? &ignored : err) < 0)
        rc = -1;
    upload_close(upload);
    return rc;
}

static int begin_session(struct registry *registry, struct error *err)
{
    struct upload *upload;

    if (upload_begin(registry, "r", &upload, err) < 0)
        return -1;
    session_uuid = upload_info(upload)->uuid;
    return finish(upload, append(upload, span_make(CONTENT, 10), err), err);
}

static int continue_session(struct registry *registry, struct error *err)
{
    struct digest digest = content_digest();
    struct upload *upload;
    struct blob blob;
    int rc;

    if (upload_resume(registry, "r", session_uuid.text, 10, NULL, &upload, err) < 0)
        return -1;
    rc = append(upload, span_from(SPAN(CONTENT), 10), err);
    if (rc == 0)
        rc = upload_commit(upload, &digest, &blob, err);
    return finish(upload, rc, err);
}

static int push_in_two(struct registry *registry, struct error *err)
{
    if (begin_session(registry, err) < 0)
        return -1;
    return continue_session(registry, err);
}

static void verify_blob(struct registry *registry)
{
    struct digest digest = content_digest();
    struct blob blob;

    assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
    assert_int_equal(blob.size, sizeof(CONTENT) - 1);
}

static void push_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {NULL, push_in_two, verify_blob, ERROR_NONE};

    (void)state;
    try_all(&operation);
}

/* Sessions of which all bytes are there, and what a client does about them: ask, then go on from
 * there; start again when there is nothing to go on with. */
static void prepare_whole_session(struct registry *registry)
{
    struct upload *upload;

    assert_ok(upload_begin(registry, "r", &upload, &rig_error));
    session_uuid = upload_info(upload)->uuid;
    assert_ok(append(upload, SPAN(CONTENT), &rig_error));
    assert_ok(finish(upload, 0, &rig_error));
}

static int commit_as(struct registry *registry, enum digest_algorithm algorithm, struct error *err)
{
    struct upload *upload;
    struct digest digest;
    struct blob blob;
    int rc = 0;

    digest_of(algorithm, SPAN(CONTENT), &digest);
    if (upload_resume(registry, "r", session_uuid.text, -1, NULL, &upload, err) < 0)
        return -1;
    if (upload_info(upload)->size == 0) /* its data was moved before the link failed */
        rc = append(upload, SPAN(CONTENT), err);
    if (rc == 0)
        rc = upload_commit(upload, &digest, &blob, err);
    return finish(upload, rc, err);
}

static int commit_session(struct registry *registry, struct error *err)
{
    return commit_as(registry, DIGEST_SHA256, err);
}

static int commit_alias(struct registry *registry, struct error *err)
{
    return commit_as(registry, DIGEST_SHA512, err);
}

static void commit_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_whole_session, commit_session, verify_blob,
                                                ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static void commit_by_an_alias_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_whole_session, commit_alias, verify_blob,
                                                ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static void prepare_session_without_state(struct registry *registry)
{
    prepare_whole_session(registry);
    rig_remove(layout_upload_hash_states("r", session_uuid.text).text);
}

static void commit_that_reads_again_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_session_without_state, commit_session,
                                                verify_blob, ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static void prepare_present_content(struct registry *registry)
{
    prepare_whole_session(registry);
    rig_put_blob("other", SPAN(CONTENT));
}

static void commit_of_present_content_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_present_content, commit_session,
                                                verify_blob, ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static int reject_session(struct registry *registry, struct error *err)
{
    struct upload *upload;
    struct digest digest;
    struct blob blob;

    digest_of(DIGEST_SHA256, SPAN("something else"), &digest);
    if (upload_resume(registry, "r", session_uuid.text, -1, NULL, &upload, err) < 0)
        return -1;
    if (finish(upload, upload_commit(upload, &digest, &blob, err), err) < 0 &&
        err->code == ERROR_DIGEST_INVALID)
        return 0; /* the right end of it */
    return -1;
}

static void verify_nothing_readable(struct registry *registry)
{
    struct digest digest;

    (void)registry;
    digest_of(DIGEST_SHA256, SPAN("something else"), &digest);
    assert_false(rig_has(layout_layer_link("r", &digest).text));
    assert_false(rig_has(layout_blob_data(&digest).text));
}

static void a_mismatch_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_whole_session, reject_session,
                                                verify_nothing_readable, ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static int remove_session(struct registry *registry, struct error *err)
{
    return upload_remove(registry, "r", session_uuid.text, err);
}

static void verify_empty(struct registry *registry)
{
    (void)registry;
    assert_int_equal(rig_check(), 0);
}

static void upload_remove_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_whole_session, remove_session, verify_empty,
                                                ERROR_UPLOAD_UNKNOWN};

    (void)state;
    try_all(&operation);
}

/* ---- a client that goes away ---- */

#define BIG_SIZE  (600 << 10) /* enough that hashing it is a helper's job */
#define BIG_PIECE (100 << 10)
#define TURNS_MAX 10000000 /* a slow helper lets the loop turn often */

struct departure {
    struct task *client;
    unsigned after; /* turns of the loop */
    int rc;
    bool has_ended;
    char *content;
};

static void leave_main(void *arg)
{
    struct departure *departure = arg;

    for (unsigned i = 0; i < departure->after && !departure->has_ended; i++)
        assert_ok(task_sleep(0, &rig_error));
    if (!departure->has_ended)
        task_cancel(departure->client);
}

/* Appends what is missing, a piece at a time, and saves whatever happens. */
static int push_rest(struct upload *upload, const char *content, struct error *err)
{
    int rc = 0;

    while (rc == 0 && upload_info(upload)->size < BIG_SIZE)
        rc = append(upload, span_make(content + upload_info(upload)->size, BIG_PIECE), err);
    return finish(upload, rc, err);
}

static void client_body(struct registry *registry, void *arg)
{
    struct departure *departure = arg;
    struct upload *upload;
    struct error err = ERROR_INIT;

    departure->client = task_self();
    task_spawn("leave", leave_main, departure);
    session_uuid.text[0] = '\0';
    departure->rc = upload_begin(registry, "r", &upload, &err);
    if (departure->rc == 0) {
        session_uuid = upload_info(upload)->uuid;
        departure->rc = push_rest(upload, departure->content, &err);
    }
    departure->has_ended = true;
    if (departure->rc < 0)
        assert_int_equal(err.code, ERROR_CANCELED);
}

/* Another client comes and goes on from where the first one left; nothing is read again. */
static void successor_body(struct registry *registry, void *arg)
{
    struct departure *departure = arg;
    struct upload *upload;
    struct digest digest;
    struct blob blob;

    rig_check();
    if (session_uuid.text[0] == '\0')
        return;
    trial_arm(TRIAL_NONE, 0);
    assert_ok(upload_resume(registry, "r", session_uuid.text, -1, NULL, &upload, &rig_error));
    assert_ok(push_rest(upload, departure->content, &rig_error));
    digest_of(DIGEST_SHA256, span_make(departure->content, BIG_SIZE), &digest);
    assert_ok(upload_resume(registry, "r", session_uuid.text, BIG_SIZE, NULL, &upload, &rig_error));
    assert_ok(upload_commit(upload, &digest, &blob, &rig_error));
    upload_close(upload);
    assert_int_equal(trial_count_of("reader_open"), 0);
    rig_check();
}

static void a_client_goes_away_at_any_turn(void **state)
{
    struct departure departure = {.rc = -1};

    departure.content = xmalloc(BIG_SIZE);
    for (size_t i = 0; i < BIG_SIZE; i++)
        departure.content[i] = (char)(i * 13 + i / 257);
    for (unsigned after = 0; departure.rc < 0 && after < TURNS_MAX; after += 1 + after / 20) {
        departure.after = after;
        departure.has_ended = false;
        assert_int_equal(rig_open(state), 0);
        rig_run(client_body, &departure);
        rig_run(successor_body, &departure);
        assert_int_equal(rig_close(state), 0);
    }
    assert_int_equal(departure.rc, 0);
    free(departure.content);
}

/* ---- blobs, manifests, tags ---- */

static void prepare_blob_elsewhere(struct registry *registry)
{
    struct digest digest = rig_put_blob("other", SPAN(CONTENT));
    struct digest alias;

    digest_of(DIGEST_SHA512, SPAN(CONTENT), &alias);
    assert_ok(blob_link(registry, "other", &digest, &alias, &rig_error));
}

static int mount(struct registry *registry, struct error *err)
{
    struct digest alias;
    struct blob blob;

    digest_of(DIGEST_SHA512, SPAN(CONTENT), &alias);
    return blob_mount(registry, "r", "other", &alias, &blob, err);
}

static void mount_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_blob_elsewhere, mount, verify_blob,
                                                ERROR_NONE};

    (void)state;
    try_all(&operation);
}

static void prepare_blob(struct registry *registry)
{
    (void)registry;
    rig_put_blob("r", SPAN(CONTENT));
}

static int remove_blob(struct registry *registry, struct error *err)
{
    struct digest digest = content_digest();

    return blob_remove(registry, "r", &digest, err);
}

static void verify_no_link(struct registry *registry)
{
    struct digest digest = content_digest();
    struct blob blob;

    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
}

static void blob_remove_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_blob, remove_blob, verify_no_link,
                                                ERROR_BLOB_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static int put_manifest(struct registry *registry, struct error *err)
{
    struct digest digest;
    struct digest alias;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    digest_of(DIGEST_SHA512, SPAN(MANIFEST), &alias);
    return manifest_store_put(registry, "r", &digest, &alias, SPAN(MANIFEST), err);
}

static int put_tagged(struct registry *registry, struct error *err)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    if (put_manifest(registry, err) < 0)
        return -1;
    return tag_put(registry, "r", "latest", &digest, err);
}

static void verify_tag(struct registry *registry)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    struct digest digest;

    assert_ok(tag_resolve(registry, "r", "latest", &digest, &rig_error));
    assert_ok(manifest_store_get(registry, "r", &digest, &content, &rig_error));
    assert_string_equal(str_text(&content), MANIFEST);
}

static void manifest_put_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {NULL, put_tagged, verify_tag, ERROR_NONE};

    (void)state;
    try_all(&operation);
}

static int retag(struct registry *registry, struct error *err)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    return tag_put(registry, "r", "latest", &digest, err);
}

static void prepare_other_tag(struct registry *registry)
{
    struct digest other;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST " "), &other);
    assert_ok(put_manifest(registry, &rig_error));
    assert_ok(manifest_store_put(registry, "r", &other, NULL, SPAN(MANIFEST " "), &rig_error));
    assert_ok(tag_put(registry, "r", "latest", &other, &rig_error));
}

static void moving_a_tag_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_other_tag, retag, verify_tag, ERROR_NONE};

    (void)state;
    try_all(&operation);
}

static void prepare_tagged(struct registry *registry)
{
    struct digest digest;

    rig_put_blob("r", SPAN(MANIFEST));
    assert_ok(put_tagged(registry, &rig_error));
    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    assert_ok(tag_put(registry, "r", "v1", &digest, &rig_error));
}

static int remove_manifest(struct registry *registry, struct error *err)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    return manifest_store_remove(registry, "r", &digest, err);
}

static void verify_no_manifest(struct registry *registry)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    assert_fails(manifest_store_stat(registry, "r", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_fails(tag_resolve(registry, "r", "latest", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_fails(tag_resolve(registry, "r", "v1", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
}

static void manifest_remove_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_tagged, remove_manifest, verify_no_manifest,
                                                ERROR_MANIFEST_UNKNOWN};

    (void)state;
    try_all(&operation);
}

static int remove_tag(struct registry *registry, struct error *err)
{
    return tag_remove(registry, "r", "latest", err);
}

static void verify_no_tag(struct registry *registry)
{
    struct digest digest;

    assert_fails(tag_resolve(registry, "r", "latest", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_ok(tag_resolve(registry, "r", "v1", &digest, &rig_error));
}

static void tag_remove_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_tagged, remove_tag, verify_no_tag,
                                                ERROR_MANIFEST_UNKNOWN};

    (void)state;
    try_all(&operation);
}

/* ---- referrers ---- */

#define SUBJECT  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define REFERRER "{\"schemaVersion\":2,\"config\":{},\"subject\":{\"digest\":\"" SUBJECT "\"}}"

static void prepare_referrers(struct registry *registry)
{
    static const char *const contents[] = {MANIFEST, REFERRER, REFERRER " ", REFERRER "  "};

    for (size_t i = 0; i < array_count(contents); i++) {
        struct span content = span_of(contents[i]);
        struct digest digest;

        digest_of(DIGEST_SHA256, content, &digest);
        assert_ok(manifest_store_put(registry, "r", &digest, NULL, content, &rig_error));
    }
}

/* Whatever happened before: all of them, or an error. */
static int list_referrers(struct registry *registry, struct error *err)
{
    struct digest subject = rig_digest(SUBJECT);
    auto_storage_list list = {0};

    if (referrers_list(registry, "r", &subject, &list, err) < 0)
        return -1;
    assert_int_equal(list.count, 3);
    return 0;
}

static void verify_referrers(struct registry *registry)
{
    assert_ok(list_referrers(registry, &rig_error));
}

static void finding_referrers_is_interrupted_anywhere(void **state)
{
    static const struct trial_case operation = {prepare_referrers, list_referrers, verify_referrers,
                                                ERROR_NONE};

    (void)state;
    try_all(&operation);
}

/* On the inmemory driver; with the argument "filesystem" on that one, which takes longer. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begin_leaves_nothing_when_it_fails),
        cmocka_unit_test(push_is_interrupted_anywhere),
        cmocka_unit_test(commit_is_interrupted_anywhere),
        cmocka_unit_test(commit_by_an_alias_is_interrupted_anywhere),
        cmocka_unit_test(commit_that_reads_again_is_interrupted_anywhere),
        cmocka_unit_test(commit_of_present_content_is_interrupted_anywhere),
        cmocka_unit_test(a_mismatch_is_interrupted_anywhere),
        cmocka_unit_test(upload_remove_is_interrupted_anywhere),
        cmocka_unit_test(a_client_goes_away_at_any_turn),
        cmocka_unit_test(mount_is_interrupted_anywhere),
        cmocka_unit_test(blob_remove_is_interrupted_anywhere),
        cmocka_unit_test(manifest_put_is_interrupted_anywhere),
        cmocka_unit_test(moving_a_tag_is_interrupted_anywhere),
        cmocka_unit_test(manifest_remove_is_interrupted_anywhere),
        cmocka_unit_test(tag_remove_is_interrupted_anywhere),
        cmocka_unit_test(finding_referrers_is_interrupted_anywhere),
    };

    if (argc < 2)
        return cmocka_run_group_tests_name("inmemory", tests, NULL, NULL);
    if (strcmp(argv[1], "filesystem") != 0)
        return 2;
    rig_use(&filesystem_driver);
    return cmocka_run_group_tests_name("filesystem", tests, NULL, NULL);
}
