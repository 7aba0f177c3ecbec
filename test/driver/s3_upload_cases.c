/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_upload_cases - upload sessions of an object store: parts, short ends, sessions that go on in
 * another process, or that another one has ended.
 */
#include "drivers/drivers.h"
#include "drivers/s3/s3_multipart.h"
#include "drivers/s3/s3_object.h"
#include "lib/base/memory.h"
#include "test/driver/s3_bucket.h"
#include "test/driver/suite.h"

#include "lib/base/banned.h"

#define MIB (1 << 20)

/* The same root, as another process has it open. */
static struct store *open_again(void)
{
    struct config config = {.storage.s3 = s3_config(suite_root())};
    struct error err = ERROR_INIT;
    struct store *store;

    assert_int_equal(store_open(&s3_driver, &config, &store, &err), 0);
    return store;
}

/* Each session in a process of its own: short ends in all places. */
static void sessions_of_any_length_make_one_content(struct store *store)
{
    static const size_t lens[][4] = {
        {1, 1, 1, 1},
        {3 * MIB, 3 * MIB, 3 * MIB, 1},
        {5 * MIB, 5 * MIB, 1, 0},
        {12 * MIB, 7, 12 * MIB, 3},
        {0, 1, 0, 9 * MIB},
    };
    auto_free char *bytes = make_bytes(25 * MIB, 1);

    (void)store;
    for (size_t i = 0; i < array_count(lens); i++) {
        enum storage_writer_mode mode = STORAGE_WRITER_CREATE;
        size_t at = 0;

        for (size_t part = 0; part < 4; part++) {
            struct store *own = open_again();
            struct storage_writer *writer = expect_writer(own, "/up/data", mode);

            assert_int_equal(writer->size, (int64_t)at);
            expect_write_in_pieces(writer, bytes + at, lens[i][part]);
            at += lens[i][part];
            store_writer_close(writer);
            store_close(own);
            mode = STORAGE_WRITER_APPEND;
        }
        expect_commit(expect_writer(store, "/up/data", mode), "/blob");
        expect_stream(store, "/blob", 0, bytes, at);
        expect_session_ends(store, "/up");
    }
}

/* What one process remembers of an upload is out of date whenever the other one has gone on. */
static void two_processes_take_turns(struct store *store)
{
    static const size_t lens[][4] = {
        {0, 1, 1, 1},
        {1, 3 * MIB, 3 * MIB, 1},
        {5 * MIB, 1, 5 * MIB, 7},
        {12 * MIB, 12 * MIB, 0, 1},
    };
    auto_free char *bytes = make_bytes(25 * MIB, 7);
    struct store *stores[] = {store, open_again()};

    for (size_t i = 0; i < array_count(lens); i++) {
        enum storage_writer_mode mode = STORAGE_WRITER_FRESH;
        size_t at = 0;

        for (size_t part = 0; part < 4; part++) {
            struct storage_writer *writer = expect_writer(stores[part % 2], "/up/data", mode);

            assert_int_equal(writer->size, (int64_t)at);
            expect_write_in_pieces(writer, bytes + at, lens[i][part]);
            at += lens[i][part];
            store_writer_close(writer);
            mode = STORAGE_WRITER_APPEND;
        }
        expect_commit(expect_writer(store, "/up/data", mode), "/blob");
        expect_stream(stores[1], "/blob", 0, bytes, at);
        expect_session_ends(stores[i % 2], "/up");
    }
    store_close(stores[1]);
}

static void begin_with(struct store *store, const char *bytes)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_FRESH);

    expect_write_in_pieces(writer, bytes, strlen(bytes));
    store_writer_close(writer);
}

static void expect_no_session(struct store *store)
{
    struct storage_writer *writer;
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    assert_int_equal(store_stat_content(store, "/up/data", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_APPEND, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

/* Removed, begun anew, completed and left there, completed and removed: by another process. */
static void what_another_process_did_is_seen(struct store *store)
{
    struct store *other = open_again();
    struct storage_writer *writer;
    struct error err = ERROR_INIT;

    begin_with(store, "canceled");
    assert_int_equal(store_remove(other, "/up", &err), 0);
    expect_no_session(store);

    begin_with(store, "replaced");
    writer = expect_writer(other, "/up/data", STORAGE_WRITER_CREATE);
    expect_write_in_pieces(writer, "other", 5);
    store_writer_close(writer);
    writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
    assert_int_equal(writer->size, 5);
    store_writer_close(writer);
    expect_content(store, "/up/data", "other");
    assert_int_equal(store_remove(store, "/up", &err), 0);

    begin_with(store, "committed by a process that died");
    expect_commit(expect_writer(other, "/up/data", STORAGE_WRITER_APPEND), "/blob");
    expect_commit(expect_writer(store, "/up/data", STORAGE_WRITER_APPEND), "/blob2");
    expect_content(store, "/blob2", "committed by a process that died");
    expect_session_ends(other, "/up");
    expect_no_session(store);
    store_close(other);
}

/* Whoever ends the upload ends the session. */
static void a_commit_after_another_process_has_canceled_is_not_found(struct store *store)
{
    struct store *other = open_again();
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_FRESH);
    struct error err = ERROR_INIT;

    expect_write_in_pieces(writer, "never flushed", 13);
    assert_int_equal(store_remove(other, "/up", &err), 0);
    assert_int_equal(store_writer_commit(writer, "/blob", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_writer_close(writer);
    expect_no_session(store);
    store_close(other);
}

/* Purged in the middle of a request, by this process or another: nothing is begun there again. */
static void what_was_removed_while_it_was_written_stays_gone(struct store *store)
{
    struct store *stores[] = {store, open_again()};
    auto_free char *bytes = make_bytes(6 * MIB, 9);
    static const size_t lens[] = {3, 6 * MIB};

    for (size_t i = 0; i < 4; i++) {
        struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_FRESH);
        size_t len = lens[i / 2];
        struct error err = ERROR_INIT;

        expect_write_in_pieces(writer, bytes, len);
        assert_int_equal(store_writer_flush(writer, &err), 0);
        expect_stream(store, "/up/data", 0, bytes, len); /* an object is made of it */
        assert_int_equal(store_remove(stores[i % 2], "/up", &err), 0);
        assert_int_equal(write_bytes(writer, "more", 4, &err), -1);
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        store_writer_close(writer);
        expect_no_session(store);
    }
    store_close(stores[1]);
}

static void one_session_of_many_parts(struct store *store)
{
    auto_free char *bytes = make_bytes(33 * MIB + 1, 2);
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write_in_pieces(writer, bytes, 11 * MIB);
    assert_int_equal(store_writer_flush(writer, &err), 0);
    expect_write_in_pieces(writer, bytes + 11 * MIB, 2);
    assert_int_equal(store_writer_flush(writer, &err), 0);
    expect_write_in_pieces(writer, bytes + 11 * MIB + 2, 22 * MIB - 1);
    assert_int_equal(writer->size, 33 * MIB + 1);
    expect_commit(writer, "/blob");
    expect_stream(store, "/blob", 0, bytes, 33 * MIB + 1);
    expect_stream(store, "/blob", 30 * MIB, bytes + 30 * MIB, 3 * MIB + 1);
}

static void empty_uploads_become_empty_objects(struct store *store)
{
    expect_commit(expect_writer(store, "/up/data", STORAGE_WRITER_CREATE), "/blob");
    expect_content(store, "/blob", "");
    store_writer_close(expect_writer(store, "/up/data", STORAGE_WRITER_CREATE));
    expect_commit(expect_writer(store, "/up/data", STORAGE_WRITER_APPEND), "/blob2");
    expect_content(store, "/blob2", "");
}

/* What is read before it is committed goes on growing afterwards. */
static void unfinished_content_is_read_and_continued(struct store *store)
{
    static const size_t lens[] = {3, 4 * MIB, 5 * MIB, 11 * MIB};
    auto_free char *bytes = make_bytes(13 * MIB, 3);

    for (size_t i = 0; i < array_count(lens); i++) {
        struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
        struct error err = ERROR_INIT;

        expect_write_in_pieces(writer, bytes, lens[i]);
        assert_int_equal(store_writer_flush(writer, &err), 0);
        expect_stream(store, "/up/data", 0, bytes, lens[i]);
        expect_stream(store, "/up/data", 1, bytes + 1, lens[i] - 1);
        expect_write_in_pieces(writer, bytes + lens[i], MIB);
        store_writer_close(writer);
        expect_stream(store, "/up/data", 0, bytes, lens[i] + MIB);
        writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
        assert_int_equal(writer->size, (int64_t)lens[i] + MIB);
        expect_write_in_pieces(writer, bytes + lens[i] + MIB, 7);
        expect_commit(writer, "/blob");
        expect_stream(store, "/blob", 0, bytes, lens[i] + MIB + 7);
    }
}

static void removing_a_directory_ends_the_uploads_in_it(struct store *store)
{
    struct storage_writer *writer;
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    writer = expect_writer(store, "/r/_uploads/1/data", STORAGE_WRITER_CREATE);
    expect_write_in_pieces(writer, "12345", 5);
    store_writer_close(writer);
    assert_int_equal(store_stat(store, "/r/_uploads/1/data", &stat, &err), 0);
    assert_int_equal(stat.size, 5);
    assert_int_equal(store_remove(store, "/r/_uploads/1", &err), 0);
    assert_int_equal(store_stat(store, "/r/_uploads/1/data", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(
        store_writer_open(store, "/r/_uploads/1/data", STORAGE_WRITER_APPEND, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

/* Another program's writers may leave the content as an object, without an upload: it goes on. */
static void append_goes_on_from_an_object(struct store *store)
{
    static const size_t lens[] = {0, 5, 6 * MIB};
    auto_free char *bytes = make_bytes(7 * MIB, 5);
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < array_count(lens); i++) {
        struct storage_writer *writer;

        assert_int_equal(store_put(store, "/up/data", span_make(bytes, lens[i]), &err), 0);
        writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
        assert_int_equal(writer->size, (int64_t)lens[i]);
        expect_write_in_pieces(writer, bytes + lens[i], 9);
        expect_commit(writer, "/blob");
        expect_stream(store, "/blob", 0, bytes, lens[i] + 9);
        expect_session_ends(store, "/up");
    }
}

/* An object of ten times 16 MiB, and an upload that has the last 128 MiB of it, as its second part.
 */
static void copy_by_half(struct service *service, const char *name, const char *piece)
{
    const struct stretch all = {.source = piece, .len = 16 * MIB, .is_all = true};
    const struct stretch last = {.source = name, .offset = 32 * MIB, .len = 128 * MIB};
    struct parts parts = {0};
    struct error err = ERROR_INIT;
    char *whole;
    char *half;
    char *etag;
    char object_etag[S3_ETAG_SIZE];

    assert_int_equal(s3_multipart_begin(service, name, true, &whole, &err), 0);
    for (int number = 1; number <= 10; number++) {
        assert_int_equal(s3_multipart_copy(service, name, whole, number, &all, &etag, &err), 0);
        parts_add(&parts, number, 16 * MIB, etag);
    }
    assert_int_equal(s3_multipart_complete(service, name, whole, &parts, object_etag, &err), 0);
    assert_int_equal(s3_multipart_begin(service, name, true, &half, &err), 0);
    assert_int_equal(s3_multipart_copy(service, name, half, 2, &last, &etag, &err), 0);
    free(etag);
    free(half);
    free(whole);
    parts_fini(&parts);
}

/* A process was killed while all there was became the beginning of a new upload. */
static void content_that_was_being_copied_into_an_upload_stays_whole(struct store *store)
{
    struct config config = {.storage.s3 = s3_config(suite_root())};
    auto_free char *bytes = make_bytes(16 * MIB, 8);
    struct storage_writer *writer;
    struct storage *storage;
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    assert_int_equal(s3_driver.open(&config, &storage, &err), 0);
    assert_int_equal(store_put(store, "/piece", span_make(bytes, 16 * MIB), &err), 0);
    {
        SERVICE_NAME(name, (struct service *)storage, "/up/data");
        SERVICE_NAME(piece, (struct service *)storage, "/piece");

        copy_by_half((struct service *)storage, str_text(&name), str_text(&piece));
    }
    s3_driver.close(storage);
    assert_int_equal(store_stat_content(store, "/up/data", &stat, &err), 0);
    assert_int_equal(stat.size, 160 * MIB);
    writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
    assert_int_equal(writer->size, 160 * MIB);
    expect_write_in_pieces(writer, bytes, 9);
    expect_commit(writer, "/blob");
    assert_int_equal(store_stat_content(store, "/blob", &stat, &err), 0);
    assert_int_equal(stat.size, 160 * MIB + 9);
    expect_stream(store, "/blob", 160 * MIB, bytes, 9);
    expect_session_ends(store, "/up");
}

const struct suite_case s3_upload_cases[] = {
    SUITE_CASE(sessions_of_any_length_make_one_content),
    SUITE_CASE(two_processes_take_turns),
    SUITE_CASE(what_another_process_did_is_seen),
    SUITE_CASE(a_commit_after_another_process_has_canceled_is_not_found),
    SUITE_CASE(what_was_removed_while_it_was_written_stays_gone),
    SUITE_CASE(one_session_of_many_parts),
    SUITE_CASE(empty_uploads_become_empty_objects),
    SUITE_CASE(unfinished_content_is_read_and_continued),
    SUITE_CASE(removing_a_directory_ends_the_uploads_in_it),
    SUITE_CASE(append_goes_on_from_an_object),
    SUITE_CASE(content_that_was_being_copied_into_an_upload_stays_whole),
    {NULL, NULL},
};
