/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_cases - content of any size: readers and writers.
 */
#include "lib/base/memory.h"
#include "lib/task/task.h"
#include "test/driver/suite.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define BIG ((size_t)3 << 20)

static void expect_write(struct storage_writer *writer, const char *data, size_t len)
{
    struct error err = ERROR_INIT;
    int64_t size = writer->size;

    if (write_bytes(writer, data, len, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(writer->size, size + (int64_t)len);
}

static void expect_busy(struct store *store, const char *key)
{
    struct storage_writer *writer;
    struct error err = ERROR_INIT;

    assert_int_equal(store_writer_open(store, key, STORAGE_WRITER_APPEND, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(store_writer_open(store, key, STORAGE_WRITER_CREATE, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
}

static void readers_start_at_any_offset(struct store *store)
{
    auto_free char *bytes = make_bytes(BIG, 1);
    struct error err = ERROR_INIT;
    static const size_t offsets[] = {0, 1, 4095, 65536, 65537, 1000000, BIG - 1, BIG};

    assert_int_equal(store_put(store, "/big", span_make(bytes, BIG), &err), 0);
    for (size_t i = 0; i < array_count(offsets); i++)
        expect_stream(store, "/big", (int64_t)offsets[i], bytes + offsets[i], BIG - offsets[i]);
}

static void reader_refuses_offsets_outside(struct store *store)
{
    struct storage_reader *reader;
    struct error err = ERROR_INIT;

    expect_put(store, "/a", "12345");
    assert_int_equal(store_reader_open(store, "/a", 6, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(store_reader_open(store, "/a", -1, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    expect_stream(store, "/a", 5, "", 0);
}

static void reader_of_nothing_or_a_directory_is_not_found(struct store *store)
{
    struct storage_reader *reader;
    struct error err = ERROR_INIT;

    expect_put(store, "/dir/file", "x");
    assert_int_equal(store_reader_open(store, "/nothing", 0, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_reader_open(store, "/dir", 0, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_reader_open(store, "/dir/file/x", 0, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void reader_reads_at_most_what_it_is_asked(struct store *store)
{
    struct evbuffer *buffer = evbuffer_new();
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;

    expect_put(store, "/a", "1234567");
    assert_int_equal(store_reader_open(store, "/a", 1, &reader, &err), 0);
    assert_int_equal(store_reader_read(reader, buffer, 4, &err), 1);
    assert_int_equal(evbuffer_get_length(buffer), 4);
    assert_int_equal(reader->offset, 5);
    assert_int_equal(store_reader_read(reader, buffer, 4, &err), 1);
    assert_int_equal(store_reader_read(reader, buffer, 4, &err), 0);
    assert_int_equal(store_reader_read(reader, buffer, 4, &err), 0);
    assert_memory_equal(evbuffer_pullup(buffer, -1), "234567", 6);
    store_reader_close(reader);
    evbuffer_free(buffer);
}

static void reader_keeps_content_that_is_replaced_or_removed(struct store *store)
{
    auto_free char *bytes = make_bytes(BIG, 2);
    struct evbuffer *buffer = evbuffer_new();
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;
    int rc;

    assert_int_equal(store_put(store, "/d/big", span_make(bytes, BIG), &err), 0);
    assert_int_equal(store_reader_open(store, "/d/big", 0, &reader, &err), 0);
    assert_int_equal(store_reader_read(reader, buffer, 1000, &err), 1);
    expect_put(store, "/d/big", "other");
    assert_int_equal(store_reader_read(reader, buffer, 1000, &err), 1);
    assert_int_equal(store_remove(store, "/d", &err), 0);
    while ((rc = store_reader_read(reader, buffer, 1 << 20, &err)) == 1)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(evbuffer_get_length(buffer), BIG);
    assert_memory_equal(evbuffer_pullup(buffer, -1), bytes, BIG);
    store_reader_close(reader);
    evbuffer_free(buffer);
}

static void written_bytes_are_there_after_close(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    assert_int_equal(writer->size, 0);
    expect_write(writer, "hello ", 6);
    expect_write(writer, "world", 5);
    assert_int_equal(store_writer_flush(writer, &err), 0);
    assert_int_equal(store_stat(store, "/up/data", &stat, &err), 0);
    assert_int_equal(stat.size, 11);
    store_writer_close(writer);
    expect_content(store, "/up/data", "hello world");
    if (!is_suite_remote())
        expect_list(store, "/up", "data ");
}

static void create_makes_an_empty_file_and_replaces_content(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/up/data", "something old");
    for (int i = 0; i < 2; i++) {
        struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);

        assert_int_equal(writer->size, 0);
        assert_int_equal(store_writer_flush(writer, &err), 0);
        store_writer_close(writer);
        expect_content(store, "/up/data", "");
    }
}

static void fresh_begins_like_create(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/random/data", STORAGE_WRITER_FRESH);

    assert_int_equal(writer->size, 0);
    expect_busy(store, "/up/random/data");
    expect_write(writer, "hello ", 6);
    store_writer_close(writer);
    writer = expect_writer(store, "/up/random/data", STORAGE_WRITER_APPEND);
    assert_int_equal(writer->size, 6);
    expect_write(writer, "world", 5);
    store_writer_close(writer);
    expect_content(store, "/up/random/data", "hello world");
}

static void append_goes_on_where_the_last_writer_ended(struct store *store)
{
    auto_free char *bytes = make_bytes(BIG, 3);
    size_t at = 0;

    store_writer_close(expect_writer(store, "/up/data", STORAGE_WRITER_CREATE));
    for (size_t step = 1; at < BIG; step = step * 5 + 1) {
        struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
        size_t len = step < BIG - at ? step : BIG - at;

        assert_int_equal(writer->size, (int64_t)at);
        expect_write(writer, bytes + at, len);
        store_writer_close(writer);
        at += len;
    }
    expect_stream(store, "/up/data", 0, bytes, BIG);
}

static void append_takes_buffers_of_many_pieces(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    auto_free char *bytes = make_bytes(5000, 4);
    struct evbuffer *buffer = evbuffer_new();
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < 5000; i++)
        evbuffer_add_reference(buffer, bytes + i, 1, NULL, NULL);
    assert_int_equal(store_writer_write(writer, buffer, &err), 0);
    assert_int_equal(evbuffer_get_length(buffer), 0);
    assert_int_equal(writer->size, 5000);
    assert_int_equal(store_writer_write(writer, buffer, &err), 0); /* of nothing */
    store_writer_close(writer);
    evbuffer_free(buffer);
    expect_stream(store, "/up/data", 0, bytes, 5000);
}

static void append_without_content_is_not_found(struct store *store)
{
    struct storage_writer *writer;
    struct error err = ERROR_INIT;

    expect_put(store, "/dir/file", "x");
    assert_int_equal(store_writer_open(store, "/no/data", STORAGE_WRITER_APPEND, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_writer_open(store, "/dir", STORAGE_WRITER_APPEND, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    expect_list(store, "/", "dir ");
}

static void create_refuses_a_directory_and_a_way_through_a_file(struct store *store)
{
    struct storage_writer *writer;
    struct error err = ERROR_INIT;

    if (is_suite_remote())
        return;
    expect_put(store, "/dir/file", "x");
    assert_int_equal(store_writer_open(store, "/dir", STORAGE_WRITER_CREATE, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_int_equal(store_writer_open(store, "/dir/file/x", STORAGE_WRITER_CREATE, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_EXISTS);
}

static void commit_moves_the_content(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write(writer, "content", 7);
    assert_int_equal(store_writer_commit(writer, "/blobs/ab/data", &err), 0);
    expect_content(store, "/blobs/ab/data", "content");
    expect_session_ends(store, "/up");
    store_writer_close(writer);
    expect_content(store, "/blobs/ab/data", "content");
    expect_missing(store, "/up/data");
}

static void a_session_ends_while_its_writer_is_open(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write(writer, "content", 7);
    assert_int_equal(store_writer_flush(writer, &err), 0);
    expect_write(writer, " and more", 9);
    expect_session_ends(store, "/up");
    store_writer_close(writer);
    expect_missing(store, "/up/data");
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_APPEND, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void commit_replaces_what_is_there(struct store *store)
{
    struct storage_writer *writer;
    struct error err = ERROR_INIT;

    expect_put(store, "/blob", "old");
    writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    expect_write(writer, "content", 7);
    assert_int_equal(store_writer_commit(writer, "/blob", &err), 0);
    store_writer_close(writer);
    expect_content(store, "/blob", "content");
}

static void expect_commit_refused(struct store *store, const char *to)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write(writer, "content", 7);
    assert_int_equal(store_writer_commit(writer, to, &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    store_writer_close(writer);
    expect_content(store, "/up/data", "content");
}

static void commit_refuses_directories_and_ways_through_files(struct store *store)
{
    if (is_suite_remote())
        return;
    expect_put(store, "/dir/file", "x");
    expect_commit_refused(store, "/dir");
    expect_commit_refused(store, "/dir/file/below");
    expect_content(store, "/dir/file", "x");
    expect_list(store, "/", "dir up ");
}

static void commit_of_removed_or_replaced_content_is_not_found(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write(writer, "content", 7);
    assert_int_equal(store_remove(store, "/up", &err), 0);
    assert_int_equal(store_writer_commit(writer, "/blob", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "commit /up/data to /blob: "));
    expect_put(store, "/up/data", "somebody else's");
    assert_int_equal(store_writer_commit(writer, "/blob", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_writer_close(writer);
    expect_content(store, "/up/data", "somebody else's");
    expect_missing(store, "/blob");
}

static void one_writer_at_a_time(struct store *store)
{
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct error err = ERROR_INIT;

    expect_write(writer, "content", 7);
    expect_busy(store, "/up/data");
    assert_int_equal(store_writer_flush(writer, &err), 0);
    expect_busy(store, "/up/data");
    expect_content(store, "/up/data", "content"); /* a refused CREATE has not touched it */
    store_writer_close(expect_writer(store, "/up/other", STORAGE_WRITER_CREATE));
    store_writer_close(writer);
    writer = expect_writer(store, "/up/data", STORAGE_WRITER_APPEND);
    assert_int_equal(writer->size, 7);
    expect_busy(store, "/up/data");
    assert_int_equal(store_writer_commit(writer, "/blob", &err), 0);
    store_writer_close(writer);
    expect_session_ends(store, "/up");
}

static void reader_of_growing_content_ends_where_it_was(struct store *store)
{
    auto_free char *bytes = make_bytes(200000, 5);
    struct storage_writer *writer = expect_writer(store, "/up/data", STORAGE_WRITER_CREATE);
    struct evbuffer *buffer = evbuffer_new();
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;

    expect_write(writer, bytes, 100000);
    assert_int_equal(store_writer_flush(writer, &err), 0);
    assert_int_equal(store_reader_open(store, "/up/data", 0, &reader, &err), 0);
    expect_write(writer, bytes + 100000, 100000);
    while (store_reader_read(reader, buffer, 30000, &err) == 1)
        ;
    assert_int_equal(evbuffer_get_length(buffer), 100000);
    assert_memory_equal(evbuffer_pullup(buffer, -1), bytes, 100000);
    store_reader_close(reader);
    store_writer_close(writer);
    evbuffer_free(buffer);
    expect_stream(store, "/up/data", 0, bytes, 200000);
}

/* ---- many at once ---- */

struct streamer {
    struct store *store;
    int *left;
    struct task_wait *done;
    unsigned number;
};

static void streamer_main(void *arg)
{
    struct streamer *streamer = arg;
    auto_free char *bytes = make_bytes(BIG, 100 + streamer->number);
    struct storage_writer *writer;
    char key[32];
    char blob[32];
    struct error err = ERROR_INIT;

    snprintf(key, sizeof(key), "/up/%u/data", streamer->number);
    snprintf(blob, sizeof(blob), "/blobs/%u/data", streamer->number);
    writer = expect_writer(streamer->store, key, STORAGE_WRITER_CREATE);
    for (size_t at = 0; at < BIG; at += 262144)
        expect_write(writer, bytes + at, BIG - at < 262144 ? BIG - at : 262144);
    assert_int_equal(store_writer_commit(writer, blob, &err), 0);
    store_writer_close(writer);
    expect_stream(streamer->store, blob, 0, bytes, BIG);
    if (--*streamer->left == 0)
        task_wake(streamer->done);
}

static void many_streams_at_once_keep_apart(struct store *store)
{
    struct task_wait done = TASK_WAIT_INIT;
    struct streamer streamers[12];
    struct error err = ERROR_INIT;
    int left = (int)array_count(streamers);

    for (unsigned i = 0; i < array_count(streamers); i++) {
        streamers[i] = (struct streamer){store, &left, &done, i};
        task_spawn("streamer", streamer_main, &streamers[i]);
    }
    assert_int_equal(task_wait(&done, SUITE_PATIENCE_MS, &err), 0);
}

/* One key, many writers: each in turn makes it, writes its name and moves it away. Who waited for
 * the right to write must not get hold of content that was moved meanwhile. */
static void contender_main(void *arg)
{
    struct streamer *contender = arg;
    struct error err = ERROR_INIT;

    for (unsigned round = 0; round < 60; round++) {
        struct storage_writer *writer = NULL;
        char name[32];

        snprintf(name, sizeof(name), "/blobs/%u-%02u", contender->number, round);
        while (store_writer_open(contender->store, "/up/data", STORAGE_WRITER_CREATE, &writer,
                                 &err) < 0) {
            assert_int_equal(err.code, ERROR_BUSY);
            assert_int_equal(task_sleep(is_suite_remote() ? 5 : 0, &err), 0);
        }
        expect_write(writer, name, strlen(name));
        assert_int_equal(store_writer_commit(writer, name, &err), 0);
        store_writer_close(writer);
    }
    if (--*contender->left == 0)
        task_wake(contender->done);
}

static void writers_in_turn_keep_off_moved_content(struct store *store)
{
    struct task_wait done = TASK_WAIT_INIT;
    struct streamer contenders[4];
    struct error err = ERROR_INIT;
    int left = (int)array_count(contenders);

    for (unsigned i = 0; i < array_count(contenders); i++) {
        contenders[i] = (struct streamer){store, &left, &done, i};
        task_spawn("contender", contender_main, &contenders[i]);
    }
    assert_int_equal(task_wait(&done, SUITE_PATIENCE_MS, &err), 0);
    for (unsigned i = 0; i < array_count(contenders) * 60; i++) {
        char name[32];

        snprintf(name, sizeof(name), "/blobs/%u-%02u", i / 60, i % 60);
        expect_content(store, name, name);
    }
}

const struct suite_case stream_cases[] = {
    SUITE_CASE(readers_start_at_any_offset),
    SUITE_CASE(reader_refuses_offsets_outside),
    SUITE_CASE(reader_of_nothing_or_a_directory_is_not_found),
    SUITE_CASE(reader_reads_at_most_what_it_is_asked),
    SUITE_CASE(reader_keeps_content_that_is_replaced_or_removed),
    SUITE_CASE(written_bytes_are_there_after_close),
    SUITE_CASE(create_makes_an_empty_file_and_replaces_content),
    SUITE_CASE(fresh_begins_like_create),
    SUITE_CASE(append_goes_on_where_the_last_writer_ended),
    SUITE_CASE(append_takes_buffers_of_many_pieces),
    SUITE_CASE(append_without_content_is_not_found),
    SUITE_CASE(create_refuses_a_directory_and_a_way_through_a_file),
    SUITE_CASE(commit_moves_the_content),
    SUITE_CASE(a_session_ends_while_its_writer_is_open),
    SUITE_CASE(commit_replaces_what_is_there),
    SUITE_CASE(commit_refuses_directories_and_ways_through_files),
    SUITE_CASE(commit_of_removed_or_replaced_content_is_not_found),
    SUITE_CASE(one_writer_at_a_time),
    SUITE_CASE(reader_of_growing_content_ends_where_it_was),
    SUITE_CASE(many_streams_at_once_keep_apart),
    SUITE_CASE(writers_in_turn_keep_off_moved_content),
    {NULL, NULL},
};
