/* SPDX-License-Identifier: Apache-2.0
 *
 * Upload sessions: what they leave in storage, going on elsewhere, and the commit.
 */
#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
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

#define PART_ONE "hello world, part one;"
#define BIG_SIZE (1 << 20)

#define H22                                                                                        \
    "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"                     \
    "68656c6c6f20776f726c642c2070617274206f6e653b00000000000000000000"                             \
    "0000000000000000000000000000000000000000000000000000000000000000"                             \
    "0000000000000016"
#define H122                                                                                       \
    "73686103c6e8c75d969d2bafde928392f8efc2ce72f9628be5ed950771fb26246b2e2cb6"                     \
    "2a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243444546474849"                             \
    "4a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263000000000000"                             \
    "000000000000007a"
#define DIGEST_122   "sha256:5267e9edc78a69cabd9cd42bba9a13374becadd1c34185c2526c55f8fda13ca0"
#define DIGEST_EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void append(struct upload *upload, struct span bytes)
{
    struct evbuffer *data = evbuffer_new();

    evbuffer_add(data, bytes.data, bytes.len);
    assert_ok(upload_append(upload, data, &rig_error));
    assert_int_equal(evbuffer_get_length(data), 0);
    evbuffer_free(data);
}

static struct span hundred(void)
{
    static char bytes[100];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    return span_make(bytes, sizeof(bytes));
}

/* A saved session of PART_ONE in "vec". */
static struct uuid session(struct registry *registry)
{
    struct upload *upload;
    struct uuid uuid;

    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    uuid = upload_info(upload)->uuid;
    append(upload, SPAN(PART_ONE));
    assert_ok(upload_save(upload, &rig_error));
    upload_close(upload);
    return uuid;
}

static struct upload *resume(struct registry *registry, const struct uuid *uuid, int64_t offset)
{
    struct upload *upload;

    assert_ok(upload_resume(registry, "vec", uuid->text, offset, NULL, &upload, &rig_error));
    return upload;
}

static void assert_state(const struct uuid *uuid, int64_t size, const char *expected)
{
    struct layout_key key = layout_upload_hash_state("vec", uuid->text, size);
    struct str state = STR_INIT(1000);
    char hex[2 * HASHER_STATE_SIZE + 1];

    assert_ok(store_get(rig_registry()->store, key.text, &state, &rig_error));
    assert_int_equal(state.len, HASHER_STATE_SIZE);
    encode_hex((const uint8_t *)state.data, state.len, hex);
    assert_string_equal(hex, expected);
    str_fini(&state);
}

static struct blob commit(struct upload *upload, const char *digest)
{
    struct digest claimed = rig_digest(digest);
    struct blob blob;

    assert_ok(upload_commit(upload, &claimed, &blob, &rig_error));
    upload_close(upload);
    return blob;
}

static void assert_session_gone(struct registry *registry, const struct uuid *uuid)
{
    struct upload_info info;

    assert_false(rig_has(layout_upload_started_at("vec", uuid->text).text));
    assert_false(rig_has(layout_upload_data("vec", uuid->text).text));
    assert_fails(upload_stat(registry, "vec", uuid->text, &info, &rig_error), ERROR_UPLOAD_UNKNOWN);
    assert_string_equal(rig_error.detail, "{}");
}

RIG_TEST(begin_leaves_a_session_that_upstream_knows)
{
    struct upload *upload;
    struct uuid uuid;
    char *text;

    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    uuid = upload_info(upload)->uuid;
    assert_int_equal(upload_info(upload)->size, 0);
    upload_close(upload);
    text = rig_get(layout_upload_started_at("vec", uuid.text).text, NULL);
    assert_int_equal(strlen(text), 20); /* whole seconds, no newline */
    assert_int_equal(text[19], 'Z');
    free(text);
    assert_true(rig_has(layout_upload_data("vec", uuid.text).text));
    rig_check();
}

/* It says nothing: who begins at 0 needs none. */
RIG_TEST(no_state_is_saved_of_no_bytes)
{
    struct upload *upload;
    struct uuid uuid;

    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    uuid = upload_info(upload)->uuid;
    assert_ok(upload_save(upload, &rig_error));
    upload_close(upload);
    upload = resume(registry, &uuid, 0);
    append(upload, SPAN(""));
    assert_ok(upload_save(upload, &rig_error));
    upload_close(upload);
    assert_false(rig_has(layout_upload_hash_states("vec", uuid.text).text));
    rig_check();
}

RIG_TEST(states_are_those_of_upstream_byte_for_byte)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct blob blob;
    char *content;

    append(upload, hundred());
    assert_int_equal(upload_info(upload)->size, 122);
    assert_ok(upload_save(upload, &rig_error));
    upload_close(upload);
    assert_state(&uuid, 22, H22);
    assert_state(&uuid, 122, H122);

    blob = commit(resume(registry, &uuid, 122), DIGEST_122);
    assert_int_equal(blob.size, 122);
    assert_string_equal(rig_text(&blob.digest), DIGEST_122);
    content = rig_get(layout_blob_data(&blob.digest).text, NULL);
    assert_memory_equal(content, PART_ONE, 22);
    assert_memory_equal(content + 22, hundred().data, 100);
    free(content);
    content = rig_get(layout_layer_link("vec", &blob.digest).text, NULL);
    assert_string_equal(content, DIGEST_122);
    free(content);
    assert_session_gone(registry, &uuid);
    assert_ok(blob_stat(registry, "vec", &blob.digest, &blob, &rig_error));
    rig_check();
}

RIG_TEST(a_saved_state_is_continued_without_reading)
{
    struct uuid uuid = session(registry);
    struct upload *upload;

    trial_arm(TRIAL_NONE, 0);
    upload = resume(registry, &uuid, 22);
    append(upload, hundred());
    commit(upload, DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 0);
}

RIG_TEST(a_status_reads_nothing)
{
    struct uuid uuid = session(registry);
    struct upload_info info;

    rig_remove(layout_upload_hash_states("vec", uuid.text).text);
    trial_arm(TRIAL_NONE, 0);
    assert_ok(upload_stat(registry, "vec", uuid.text, &info, &rig_error));
    assert_int_equal(info.size, 22);
    assert_string_equal(info.uuid.text, uuid.text);
    upload_close(resume(registry, &uuid, -1));
    assert_int_equal(trial_count_of("reader_open"), 0);
}

RIG_TEST(without_a_state_the_data_is_read_again)
{
    struct uuid uuid = session(registry);
    struct upload *upload;

    rig_remove(layout_upload_hash_states("vec", uuid.text).text);
    trial_arm(TRIAL_NONE, 0);
    upload = resume(registry, &uuid, 22);
    append(upload, hundred());
    assert_int_equal(trial_count_of("reader_open"), 1);
    assert_ok(upload_save(upload, &rig_error));
    assert_state(&uuid, 122, H122);
    commit(upload, DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 1);
}

/* A state under the name 22 that is cut, too long, of other magic, or of another count. */
static void damage_state(const struct uuid *uuid, int how)
{
    uint8_t state[HASHER_STATE_SIZE + 1] = {0};
    size_t len = HASHER_STATE_SIZE;

    decode_hex(SPAN(H22), state, HASHER_STATE_SIZE);
    if (how == 0)
        len--;
    else if (how == 1)
        len++;
    else if (how == 2)
        state[3] = 2;
    else
        state[HASHER_STATE_SIZE - 1]++;
    rig_put(layout_upload_hash_state("vec", uuid->text, 22).text,
            span_make(state, how == 4 ? 0 : len));
}

RIG_TEST(a_damaged_state_is_not_trusted)
{
    for (int how = 0; how < 5; how++) {
        struct uuid uuid = session(registry);
        struct upload *upload;

        damage_state(&uuid, how);
        trial_arm(TRIAL_NONE, 0);
        upload = resume(registry, &uuid, 22);
        append(upload, hundred());
        commit(upload, DIGEST_122);
        assert_int_equal(trial_count_of("reader_open"), 1);
    }
}

RIG_TEST(resume_wants_the_right_offset)
{
    struct uuid uuid = session(registry);
    struct upload *upload;

    assert_fails(upload_resume(registry, "vec", uuid.text, 0, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_OFFSET);
    assert_fails(upload_resume(registry, "vec", uuid.text, 23, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_OFFSET);
    upload_close(resume(registry, &uuid, 22));
    upload = resume(registry, &uuid, -1);
    assert_int_equal(upload_info(upload)->size, 22);
    upload_close(upload);
}

RIG_TEST(an_unknown_session_is_not_made)
{
    struct uuid uuid = uuid_new();
    struct upload *upload;
    struct upload_info info;

    assert_fails(upload_resume(registry, "vec", uuid.text, 0, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_UNKNOWN);
    assert_fails(upload_stat(registry, "vec", uuid.text, &info, &rig_error), ERROR_UPLOAD_UNKNOWN);
    assert_fails(upload_remove(registry, "vec", uuid.text, &rig_error), ERROR_UPLOAD_UNKNOWN);
    assert_int_equal(rig_check(), 0);
}

RIG_TEST(without_startedat_there_is_no_session)
{
    struct uuid uuid = session(registry);
    struct upload *upload;

    rig_remove(layout_upload_started_at("vec", uuid.text).text);
    assert_fails(upload_resume(registry, "vec", uuid.text, 22, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_UNKNOWN);
}

RIG_TEST(missing_data_is_an_empty_session)
{
    struct uuid uuid = session(registry);
    struct upload_info info;
    struct upload *upload;

    rig_remove(layout_upload_data("vec", uuid.text).text);
    assert_ok(upload_stat(registry, "vec", uuid.text, &info, &rig_error));
    assert_int_equal(info.size, 0);
    upload = resume(registry, &uuid, 0);
    append(upload, SPAN(PART_ONE));
    append(upload, hundred());
    commit(upload, DIGEST_122);
    assert_session_gone(registry, &uuid);
}

RIG_TEST(states_of_data_that_is_gone_are_not_trusted)
{
    struct uuid uuid = session(registry);
    struct upload *upload;
    struct digest digest;

    rig_remove(layout_upload_data("vec", uuid.text).text);
    upload = resume(registry, &uuid, 0);
    append(upload, SPAN("22 bytes, but others!!"));
    upload_close(upload); /* as a crash would: not saved */
    digest_of(DIGEST_SHA256, SPAN("22 bytes, but others!!"), &digest);
    commit(resume(registry, &uuid, 22), rig_text(&digest));
    rig_check();
}

RIG_TEST(a_damaged_startedat_does_not_lose_the_upload)
{
    static const char *const texts[] = {"", "yesterday", "2026-11-21T06:45:51Z\n",
                                        "2026-11-21T06:45:51Z, and much more than fits there"};

    for (size_t i = 0; i < array_count(texts); i++) {
        struct uuid uuid = session(registry);
        struct upload *upload;

        rig_put(layout_upload_started_at("vec", uuid.text).text, span_of(texts[i]));
        upload = resume(registry, &uuid, 22);
        assert_true(upload_info(upload)->started_at.tv_sec > 0);
        append(upload, hundred());
        commit(upload, DIGEST_122);
    }
}

RIG_TEST(times_of_upstream_are_understood)
{
    struct uuid uuid = session(registry);
    struct upload_info info;

    rig_put(layout_upload_started_at("vec", uuid.text).text, SPAN("2026-11-21T08:45:51.5+02:00"));
    assert_ok(upload_stat(registry, "vec", uuid.text, &info, &rig_error));
    assert_int_equal(info.started_at.tv_sec, 1795243551);
    assert_int_equal(info.started_at.tv_nsec, 500000000);
}

RIG_TEST(a_zero_length_blob_is_committed)
{
    struct upload *upload;
    struct blob blob;

    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    blob = commit(upload, DIGEST_EMPTY);
    assert_int_equal(blob.size, 0);
    assert_ok(blob_stat(registry, "vec", &blob.digest, &blob, &rig_error));
    rig_check();
}

RIG_TEST(a_mismatch_removes_the_session)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct digest claimed = rig_digest(DIGEST_122);
    struct blob blob;

    assert_fails(upload_commit(upload, &claimed, &blob, &rig_error), ERROR_DIGEST_INVALID);
    assert_string_equal(rig_error.detail, "{\"Digest\":\"" DIGEST_122 "\",\"Reason\":{}}");
    assert_ok(upload_save(upload, &rig_error)); /* what a handler's error path does */
    upload_close(upload);
    assert_session_gone(registry, &uuid);
    assert_int_equal(rig_check(), 0);
}

RIG_TEST(another_algorithm_is_verified_and_linked_too)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct digest canonical;
    struct digest alias;
    struct blob blob;
    char *link;

    digest_of(DIGEST_SHA256, SPAN(PART_ONE), &canonical);
    digest_of(DIGEST_SHA512, SPAN(PART_ONE), &alias);
    assert_ok(upload_commit(upload, &alias, &blob, &rig_error));
    upload_close(upload);
    assert_true(digest_equals(&blob.digest, &canonical));
    link = rig_get(layout_layer_link("vec", &alias).text, NULL);
    assert_string_equal(link, rig_text(&canonical));
    free(link);
    assert_ok(blob_stat(registry, "vec", &alias, &blob, &rig_error));
    assert_true(digest_equals(&blob.digest, &canonical));
    rig_check();
}

RIG_TEST(a_mismatch_of_another_algorithm_is_one)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct digest alias;
    struct blob blob;

    digest_of(DIGEST_SHA384, SPAN("something else"), &alias);
    assert_fails(upload_commit(upload, &alias, &blob, &rig_error), ERROR_DIGEST_INVALID);
    upload_close(upload);
    assert_session_gone(registry, &uuid);
}

RIG_TEST(content_that_is_there_is_not_moved_again)
{
    struct digest present = rig_put_blob("other", SPAN(PART_ONE));
    struct uuid uuid = session(registry);

    trial_arm(TRIAL_NONE, 0);
    commit(resume(registry, &uuid, 22), rig_text(&present));
    assert_int_equal(trial_count_of("writer_commit"), 0);
    assert_session_gone(registry, &uuid);
    rig_check();
}

RIG_TEST(content_of_a_wrong_size_is_replaced)
{
    struct digest present = rig_put_blob(NULL, SPAN(PART_ONE));
    struct uuid uuid = session(registry);

    rig_put(layout_blob_data(&present).text, SPAN("hello"));
    commit(resume(registry, &uuid, 22), rig_text(&present));
    rig_check();
}

RIG_TEST(much_data_in_one_buffer_is_hashed_aside)
{
    struct upload *upload;
    char *bytes = xmalloc(BIG_SIZE);
    struct digest digest;
    struct blob blob;

    for (size_t i = 0; i < BIG_SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    digest_of(DIGEST_SHA256, span_make(bytes, BIG_SIZE), &digest);
    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    append(upload, span_make(bytes, BIG_SIZE));
    append(upload, SPAN(""));
    blob = commit(upload, rig_text(&digest));
    assert_int_equal(blob.size, BIG_SIZE);
    free(bytes);
    rig_check();
}

/* By another process, or by purging: nothing holds these off. */
RIG_TEST(a_session_that_is_removed_while_it_is_written_is_unknown)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct digest claimed = rig_digest(DIGEST_122);
    struct blob blob;

    append(upload, hundred());
    rig_remove(layout_upload("vec", uuid.text).text);
    assert_fails(upload_commit(upload, &claimed, &blob, &rig_error), ERROR_UPLOAD_UNKNOWN);
    upload_close(upload);
    assert_session_gone(registry, &uuid);
    assert_int_equal(rig_check(), 0);
}

RIG_TEST(remove_ends_a_session)
{
    struct uuid uuid = session(registry);

    assert_ok(upload_remove(registry, "vec", uuid.text, &rig_error));
    assert_session_gone(registry, &uuid);
    assert_fails(upload_remove(registry, "vec", uuid.text, &rig_error), ERROR_UPLOAD_UNKNOWN);
    assert_int_equal(rig_check(), 0);
}

/* After a write that failed the hasher goes on from what is there. */
RIG_TEST(a_failed_write_leaves_a_session_to_go_on_with)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);
    struct evbuffer *data = evbuffer_new();

    evbuffer_add(data, "lost", 4);
    trial_arm(TRIAL_FAIL_BEFORE, 2); /* the state is loaded, then written */
    assert_fails(upload_append(upload, data, &rig_error), ERROR_IO);
    assert_int_equal(evbuffer_get_length(data), 0);
    evbuffer_free(data);
    trial_arm(TRIAL_NONE, 0);
    assert_int_equal(upload_info(upload)->size, 22);
    append(upload, hundred());
    commit(upload, DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 0);
    rig_check();
}

struct contest {
    struct uuid uuid;
    struct task_wait opened;
    struct task_wait release;
    bool is_released;
    bool is_removed;
};

static void holder_main(void *arg)
{
    struct contest *contest = arg;
    struct upload *upload = resume(rig_registry(), &contest->uuid, 22);

    task_wake(&contest->opened);
    assert_ok(task_wait(&contest->release, TASK_NO_TIMEOUT, &rig_error));
    append(upload, hundred());
    if (contest->is_removed) {
        commit(upload, DIGEST_122);
    } else {
        assert_ok(upload_save(upload, &rig_error));
        upload_close(upload);
    }
    contest->is_released = true;
}

static void releaser_main(void *arg)
{
    struct contest *contest = arg;

    assert_ok(task_sleep(30, &rig_error));
    task_wake(&contest->release);
}

static struct contest *contest_begin(struct registry *registry)
{
    struct contest *contest = xcalloc(1, sizeof(*contest));

    contest->uuid = session(registry);
    task_spawn("holder", holder_main, contest);
    assert_ok(task_wait(&contest->opened, TASK_NO_TIMEOUT, &rig_error));
    return contest;
}

RIG_TEST(a_second_request_waits_for_the_first)
{
    struct contest *contest = contest_begin(registry);
    struct upload *upload;

    task_spawn("releaser", releaser_main, contest);
    assert_fails(upload_resume(registry, "vec", contest->uuid.text, 22, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_OFFSET);
    assert_true(contest->is_released);
    commit(resume(registry, &contest->uuid, 122), DIGEST_122);
    free(contest);
    rig_check();
}

RIG_TEST(a_session_that_ends_while_waited_for_is_unknown)
{
    struct contest *contest = contest_begin(registry);
    struct upload *upload;
    size_t before = 2; /* content and its link */

    contest->is_removed = true;
    task_spawn("releaser", releaser_main, contest);
    assert_fails(upload_resume(registry, "vec", contest->uuid.text, -1, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_UNKNOWN);
    free(contest);
    assert_int_equal(rig_check(), before);
}

RIG_TEST(a_session_held_for_long_is_busy)
{
    struct contest *contest = contest_begin(registry);
    struct upload *upload;

    assert_fails(upload_resume(registry, "vec", contest->uuid.text, 22, NULL, &upload, &rig_error),
                 ERROR_UPLOAD_BUSY);
    assert_fails(upload_remove(registry, "vec", contest->uuid.text, &rig_error), ERROR_UPLOAD_BUSY);
    task_wake(&contest->release);
    while (!contest->is_released)
        assert_ok(task_sleep(1, &rig_error));
    free(contest);
}

/* ---- stores without locks ---- */

/* The rig's driver, which says instead what its data is made of. */
static struct storage_driver lockless;
static const char *made_of; /* NULL: it cannot be told */

static bool lockless_writer_seal(const struct storage_writer *writer, struct digest *out)
{
    (void)writer;
    if (made_of != NULL)
        digest_of(DIGEST_SHA256, span_of(made_of), out);
    return made_of != NULL;
}

static int lockless_writer_open(struct storage *storage, const char *key,
                                enum storage_writer_mode mode, struct storage_writer **out,
                                struct error *err)
{
    if (trial_driver.writer_open(storage, key, mode, out, err) < 0)
        return -1;
    (*out)->driver = &lockless;
    return 0;
}

/* Of a session of PART_ONE on such a store, which is returned. */
static struct store *lock_nothing(struct registry *registry, struct uuid *out_uuid,
                                  struct upload_seal *out_seal)
{
    static const struct config config = {.storage.is_delete_enabled = true};
    struct store *before = registry->store;
    struct upload *upload;

    lockless = trial_driver;
    lockless.writer_open = lockless_writer_open;
    lockless.writer_seal = lockless_writer_seal;
    made_of = "parts";
    assert_ok(store_open(&lockless, &config, &registry->store, &rig_error));
    assert_ok(upload_begin(registry, "vec", &upload, &rig_error));
    *out_uuid = upload_info(upload)->uuid;
    append(upload, SPAN(PART_ONE));
    assert_ok(upload_save(upload, &rig_error));
    *out_seal = upload_info(upload)->seal;
    assert_true(out_seal->is_there);
    upload_close(upload);
    trial_arm(TRIAL_NONE, 0);
    return before;
}

static void lock_again(struct registry *registry, struct store *before)
{
    rig_check();
    store_close(registry->store);
    registry->store = before;
}

static struct upload *resume_sealed(struct registry *registry, const struct uuid *uuid,
                                    const struct upload_seal *seal)
{
    struct upload *upload;

    assert_ok(upload_resume(registry, "vec", uuid->text, -1, seal, &upload, &rig_error));
    return upload;
}

/* Appends a hundred bytes to a session; the seal after it. */
static struct upload_seal go_on(struct registry *registry, const struct uuid *uuid,
                                const struct upload_seal *seal)
{
    struct upload *upload = resume_sealed(registry, uuid, seal);
    struct upload_seal after;

    append(upload, hundred());
    assert_false(upload_info(upload)->seal.is_there);
    assert_ok(upload_save(upload, &rig_error));
    after = upload_info(upload)->seal;
    upload_close(upload);
    return after;
}

RIG_TEST(where_there_are_locks_nothing_is_sealed)
{
    struct uuid uuid = session(registry);
    struct upload *upload = resume(registry, &uuid, 22);

    append(upload, hundred());
    assert_ok(upload_save(upload, &rig_error));
    assert_false(upload_info(upload)->seal.is_there);
    upload_close(upload);
}

RIG_TEST(a_sealed_state_is_continued_without_reading)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);

    seal = go_on(registry, &uuid, &seal);
    assert_true(seal.is_there);
    commit(resume_sealed(registry, &uuid, &seal), DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 0);
    lock_again(registry, before);
}

/* Also when everything is as it was: nobody says so. */
RIG_TEST(a_state_without_a_seal_is_not_believed_at_the_commit)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);

    seal = go_on(registry, &uuid, NULL);
    assert_false(seal.is_there);
    assert_int_equal(trial_count_of("reader_open"), 0);
    commit(resume_sealed(registry, &uuid, &seal), DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 1);
    lock_again(registry, before);
}

RIG_TEST(what_cannot_be_sealed_is_not_believed_at_the_commit)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);

    made_of = NULL;
    seal = go_on(registry, &uuid, &seal);
    assert_false(seal.is_there);
    made_of = "parts";
    commit(resume_sealed(registry, &uuid, &seal), DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 1);
    lock_again(registry, before);
}

/* Somebody else's state, or bytes, under the seal of what was there before: read, and refused. */
static void assert_seal_broken(struct registry *registry, bool is_state_changed)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);
    struct layout_key key = layout_upload_data("vec", uuid.text);
    struct digest claimed;
    struct upload *upload;
    struct blob blob;

    if (is_state_changed) {
        uint8_t state[HASHER_STATE_SIZE];

        decode_hex(SPAN(H22), state, sizeof(state));
        state[36] ^= 1; /* of the bytes that wait for their block */
        rig_put(layout_upload_hash_state("vec", uuid.text, 22).text,
                span_make(state, sizeof(state)));
        digest_of(DIGEST_SHA256, SPAN("iello world, part one;"), &claimed);
    } else {
        rig_put(key.text, SPAN("HELLO WORLD, PART ONE;"));
        made_of = "other parts";
        digest_of(DIGEST_SHA256, SPAN(PART_ONE), &claimed);
    }
    upload = resume_sealed(registry, &uuid, &seal);
    assert_fails(upload_commit(upload, &claimed, &blob, &rig_error), ERROR_DIGEST_INVALID);
    upload_close(upload);
    assert_session_gone(registry, &uuid);
    assert_false(rig_has(layout_blob_data(&claimed).text));
    lock_again(registry, before);
}

RIG_TEST(a_seal_is_of_the_data)
{
    assert_seal_broken(registry, false);
}

RIG_TEST(a_seal_is_of_the_state)
{
    assert_seal_broken(registry, true);
}

/* Of two requests that wrote at once; the state is the other one's. */
RIG_TEST(a_broken_seal_is_never_mended_by_going_on)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);

    made_of = "other parts";
    for (int i = 0; i < 3; i++) {
        seal = go_on(registry, &uuid, &seal);
        assert_false(seal.is_there);
    }
    lock_again(registry, before);
}

/* Whoever has read all of it knows as much as who has received it. */
RIG_TEST(what_was_read_again_is_sealed)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);

    rig_remove(layout_upload_hash_states("vec", uuid.text).text);
    seal = go_on(registry, &uuid, NULL);
    assert_true(seal.is_there);
    assert_int_equal(trial_count_of("reader_open"), 1);
    commit(resume_sealed(registry, &uuid, &seal), DIGEST_122);
    assert_int_equal(trial_count_of("reader_open"), 1);
    lock_again(registry, before);
}

/* What becomes of the bytes does not matter then. */
RIG_TEST(without_a_seal_nothing_is_read_where_the_content_is_there)
{
    struct uuid uuid;
    struct upload_seal seal;
    struct store *before = lock_nothing(registry, &uuid, &seal);
    struct digest present = rig_put_blob(NULL, SPAN(PART_ONE));

    commit(resume_sealed(registry, &uuid, NULL), rig_text(&present));
    assert_int_equal(trial_count_of("reader_open"), 0);
    lock_again(registry, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(begin_leaves_a_session_that_upstream_knows),
        RIG_RUN(no_state_is_saved_of_no_bytes),
        RIG_RUN(states_are_those_of_upstream_byte_for_byte),
        RIG_RUN(a_saved_state_is_continued_without_reading),
        RIG_RUN(a_status_reads_nothing),
        RIG_RUN(without_a_state_the_data_is_read_again),
        RIG_RUN(a_damaged_state_is_not_trusted),
        RIG_RUN(resume_wants_the_right_offset),
        RIG_RUN(an_unknown_session_is_not_made),
        RIG_RUN(without_startedat_there_is_no_session),
        RIG_RUN(missing_data_is_an_empty_session),
        RIG_RUN(states_of_data_that_is_gone_are_not_trusted),
        RIG_RUN(a_damaged_startedat_does_not_lose_the_upload),
        RIG_RUN(times_of_upstream_are_understood),
        RIG_RUN(a_zero_length_blob_is_committed),
        RIG_RUN(a_mismatch_removes_the_session),
        RIG_RUN(another_algorithm_is_verified_and_linked_too),
        RIG_RUN(a_mismatch_of_another_algorithm_is_one),
        RIG_RUN(content_that_is_there_is_not_moved_again),
        RIG_RUN(content_of_a_wrong_size_is_replaced),
        RIG_RUN(much_data_in_one_buffer_is_hashed_aside),
        RIG_RUN(remove_ends_a_session),
        RIG_RUN(a_session_that_is_removed_while_it_is_written_is_unknown),
        RIG_RUN(a_failed_write_leaves_a_session_to_go_on_with),
        RIG_RUN(a_second_request_waits_for_the_first),
        RIG_RUN(a_session_that_ends_while_waited_for_is_unknown),
        RIG_RUN(a_session_held_for_long_is_busy),
        RIG_RUN(where_there_are_locks_nothing_is_sealed),
        RIG_RUN(a_sealed_state_is_continued_without_reading),
        RIG_RUN(a_state_without_a_seal_is_not_believed_at_the_commit),
        RIG_RUN(what_cannot_be_sealed_is_not_believed_at_the_commit),
        RIG_RUN(a_seal_is_of_the_data),
        RIG_RUN(a_seal_is_of_the_state),
        RIG_RUN(a_broken_seal_is_never_mended_by_going_on),
        RIG_RUN(what_was_read_again_is_sealed),
        RIG_RUN(without_a_seal_nothing_is_read_where_the_content_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
