/* SPDX-License-Identifier: Apache-2.0
 *
 * test_s3_answers - a service, or what stands before it, that answers what no service should: each
 * time an error, none a success, and always an end.
 */
#include "drivers/drivers.h"
#include "drivers/s3/service.h"
#include "lib/config/config.h"
#include "lib/storage/store.h"
#include "test/support/asker.h"
#include "test/support/origin.h"
#include "test/support/rig.h"

#include <event2/buffer.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define LINES_MAX 8

/* What is said to a request: the first line that fits. */
struct line {
    const char *method;  /* "!PUT": for the first of them only */
    const char *target;  /* part of it */
    const char *headers; /* NULL: the connection is cut */
    const char *body;
};

static struct line script[LINES_MAX]; /* guarded, as what follows */
static pthread_mutex_t script_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned ended_count; /* of the upload "lost" */
static struct origin *origin;

static struct line line_for(const struct origin_request *request)
{
    struct line found = {.method = NULL};

    pthread_mutex_lock(&script_mutex);
    for (size_t i = 0; i < LINES_MAX && script[i].method != NULL && found.method == NULL; i++) {
        const char *method = script[i].method;

        if (strcmp(method + (method[0] == '!'), request->method) != 0 ||
            strstr(request->target, script[i].target) == NULL)
            continue;
        found = script[i];
        if (method[0] == '!')
            script[i].method = "";
    }
    if (strcmp(request->method, "DELETE") == 0 && strstr(request->target, "uploadId=lost") != NULL)
        ended_count++;
    pthread_mutex_unlock(&script_mutex);
    return found;
}

static void recite(struct origin_connection *connection, const struct origin_request *request,
                   void *arg)
{
    struct line line = line_for(request);

    (void)arg;
    if (request->length > 0) {
        if (origin_header(request, "Expect")[0] != '\0')
            origin_say(connection, "HTTP/1.1 100 Continue\r\n\r\n");
        origin_drain(connection, request);
    }
    if (line.method != NULL && line.headers == NULL)
        origin_reset(connection);
    else if (line.method == NULL)
        origin_reply(connection, 501, "", "");
    else if (strcmp(request->method, "HEAD") == 0)
        origin_say(connection, "HTTP/1.1 200 OK\r\n%s\r\n", line.headers);
    else
        origin_reply(connection, strstr(line.headers, "Content-Range") != NULL ? 206 : 200,
                     line.headers, line.body);
}

static void answer_with(const struct line lines[], size_t count)
{
    pthread_mutex_lock(&script_mutex);
    memset(script, 0, sizeof(script));
    memcpy(script, lines, count * sizeof(lines[0]));
    pthread_mutex_unlock(&script_mutex);
}

/* The answers from now on. */
#define ANSWER_WITH(...)                                                                           \
    do {                                                                                           \
        static const struct line lines[] = {__VA_ARGS__};                                          \
        answer_with(lines, array_count(lines));                                                    \
    } while (0)

static struct store *open_bucket_at(const char *scheme, const struct origin *there)
{
    static char url[64];
    static char key[] = "key", region[] = "us-east-1", bucket[] = "b", acl[] = "private";
    static char none[] = "", standard[] = "STANDARD";
    struct config config = {.storage.s3 = {.access_key = key,
                                           .secret_key = key,
                                           .session_token = none,
                                           .region = region,
                                           .region_endpoint = url,
                                           .bucket = bucket,
                                           .key_id = none,
                                           .root = none,
                                           .storage_class = standard,
                                           .object_acl = acl,
                                           .user_agent = none,
                                           .log_level = none,
                                           .is_v4_auth = true,
                                           .chunk_size = S3_PART_MIN,
                                           .copy_chunk_size = S3_PART_MIN,
                                           .copy_concurrency_max = 4,
                                           .copy_threshold = PACE_UNSET,
                                           .stall_timeout_ns = INT64_C(5000000000)}};
    struct store *store;

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d", scheme, origin_port(there));
    assert_ok(store_open(&s3_driver, &config, &store, &rig_error));
    return store;
}

static struct store *open_bucket(void)
{
    return open_bucket_at("http", origin);
}

static int open_all(void **state)
{
    origin = origin_start(recite, NULL, NULL);
    return rig_open(state);
}

static int close_all(void **state)
{
    int rc = rig_close(state);

    origin_stop(origin);
    return rc;
}

/* ---- lists ---- */

#define PAGE(truncated, rows)                                                                      \
    "<ListBucketResult><IsTruncated>" truncated "</IsTruncated>" rows "</ListBucketResult>"
#define NAME(key)   "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
#define NO_UPLOADS  "<ListMultipartUploadsResult/>"
#define ONE_UPLOAD  "<Upload><Key>a/x</Key><UploadId>1</UploadId></Upload>"
#define MORE_UPLOAD "<IsTruncated>true</IsTruncated><NextKeyMarker>a/x</NextKeyMarker>"

RIG_TEST(silence_of_a_good_status_is_no_empty_directory)
{
    struct store *store = open_bucket();
    auto_storage_list list = {0};
    struct storage_stat stat;

    ANSWER_WITH({"GET", "", "", ""});
    assert_fails(store_list(store, "/a", &list, &rig_error), ERROR_IO);
    assert_fails(store_stat(store, "/a", &stat, &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(a_page_of_some_gateway_is_no_list)
{
    struct store *store = open_bucket();
    auto_storage_list list = {0};

    ANSWER_WITH({"GET", "", "", "<html><body>Welcome</body></html>"});
    assert_fails(store_list(store, "/a", &list, &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(the_same_page_again_and_again_ends)
{
    struct store *store = open_bucket();
    auto_storage_list list = {0};

    ANSWER_WITH({"GET", "", "", PAGE("true", NAME("a/x"))});
    assert_fails(store_list(store, "/a", &list, &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(a_page_that_goes_on_nobody_knows_where_is_no_end)
{
    struct store *store = open_bucket();
    auto_storage_list list = {0};

    ANSWER_WITH({"GET", "", "", PAGE("true", "")});
    assert_fails(store_list(store, "/a", &list, &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(names_that_were_not_asked_for_are_neither_listed_nor_removed)
{
    struct store *store = open_bucket();
    auto_storage_list list = {0};

    ANSWER_WITH({"GET", "uploads=", "", NO_UPLOADS},
                {"GET", "", "", PAGE("false", NAME("a/x") NAME("b/y"))});
    assert_fails(store_list(store, "/a", &list, &rig_error), ERROR_IO);
    assert_fails(store_remove(store, "/a", &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(removing_what_stays_in_the_list_ends)
{
    struct store *store = open_bucket();

    ANSWER_WITH({"GET", "uploads=", "", NO_UPLOADS}, {"GET", "", "", PAGE("true", NAME("a/x"))},
                {"POST", "delete=", "", "<DeleteResult/>"});
    assert_fails(store_remove(store, "/a", &rig_error), ERROR_IO);
    store_close(store);
}

RIG_TEST(ending_uploads_that_stay_in_the_list_ends)
{
    struct store *store = open_bucket();

    ANSWER_WITH({"GET", "uploads=", "",
                 "<ListMultipartUploadsResult>" MORE_UPLOAD ONE_UPLOAD
                 "</ListMultipartUploadsResult>"},
                {"GET", "", "", PAGE("false", "")}, {"DELETE", "", "", ""},
                {"HEAD", "", "Content-Length: 0\r\n", ""});
    assert_fails(store_remove(store, "/a", &rig_error), ERROR_IO);
    store_close(store);
}

/* ---- content ---- */

#define BEGUN                                                                                      \
    {                                                                                              \
        "POST", "?uploads=", "",                                                                   \
            "<InitiateMultipartUploadResult><UploadId>1</UploadId></"                              \
            "InitiateMultipartUploadResult>"                                                       \
    }

static int commit_something(struct store *store)
{
    struct evbuffer *data = evbuffer_new();
    struct storage_writer *writer;
    int rc;

    assert_ok(store_writer_open(store, "/u/data", STORAGE_WRITER_FRESH, &writer, &rig_error));
    evbuffer_add(data, "12345", 5);
    assert_ok(store_writer_write(writer, data, &rig_error));
    assert_ok(store_writer_flush(writer, &rig_error));
    evbuffer_free(data);
    rig_error = ERROR_INIT;
    rc = store_writer_commit(writer, "/blob", &rig_error);
    store_writer_close(writer);
    return rc;
}

RIG_TEST(silence_of_a_good_status_completes_no_upload)
{
    struct store *store = open_bucket();

    ANSWER_WITH(BEGUN, {"POST", "uploadId=", "", ""}, {"PUT", "partNumber=", "ETag: \"e\"\r\n", ""},
                {"PUT", "blob", "", "<CopyObjectResult/>"});
    assert_int_equal(commit_something(store), -1);
    assert_int_equal(rig_error.code, ERROR_IO);
    store_close(store);
}

RIG_TEST(a_page_of_some_gateway_is_no_copy)
{
    struct store *store = open_bucket();

    ANSWER_WITH(BEGUN,
                {"POST", "uploadId=", "",
                 "<CompleteMultipartUploadResult><ETag>x-1</ETag></CompleteMultipartUploadResult>"},
                {"GET", "uploadId=", "", "<ListPartsResult/>"},
                {"HEAD", "u/data", "ETag: \"x-1\"\r\nContent-Length: 5\r\n", ""},
                {"PUT", "partNumber=", "ETag: \"e\"\r\n", ""},
                {"PUT", "blob", "", "<html><body>Welcome</body></html>"});
    assert_int_equal(commit_something(store), -1);
    assert_int_equal(rig_error.code, ERROR_IO);
    store_close(store);
}

RIG_TEST(another_part_than_the_one_asked_for_is_not_taken)
{
    struct store *store = open_bucket();
    struct storage_reader *reader;

    ANSWER_WITH({"GET", "", "Content-Range: bytes 0-4/10\r\n", "12345"});
    assert_ok(store_reader_open(store, "/a/b", 5, &reader, &rig_error));
    store_reader_close(reader);
    ANSWER_WITH({"GET", "", "Content-Range: bytes 0-9/10\r\n", "1234567890"});
    assert_fails(store_reader_open(store, "/a/b", 5, &reader, &rig_error), ERROR_IO);
    store_close(store);
}

/* Two beginnings, of which the first came late: nobody knows its upload, so that all are looked
 * for. */
RIG_TEST(an_upload_that_began_unseen_ends_with_its_session)
{
    struct store *store = open_bucket();
    struct storage_writer *writer;

    ended_count = 0;
    ANSWER_WITH({"!POST", "?uploads=", NULL, NULL}, {"!GET", "uploads=", "", NO_UPLOADS}, BEGUN,
                {"GET", "uploads=", "",
                 "<ListMultipartUploadsResult><Upload><Key>u/data</Key><UploadId>lost</UploadId>"
                 "</Upload></ListMultipartUploadsResult>"},
                {"GET", "", "", PAGE("false", "")}, {"DELETE", "", "", ""},
                {"HEAD", "", "Content-Length: 0\r\n", ""});
    assert_ok(store_writer_open(store, "/u/data", STORAGE_WRITER_FRESH, &writer, &rig_error));
    assert_ok(store_remove(store, "/u", &rig_error));
    store_writer_close(writer);
    assert_int_equal(ended_count, 1);
    store_close(store);
}

/* Another program has replaced it between two requests. */
RIG_TEST(content_that_is_not_as_long_as_it_was_is_not_gone_on_with)
{
    struct store *store = open_bucket();
    struct evbuffer *data = evbuffer_new();
    struct storage_writer *writer;

    ANSWER_WITH(BEGUN, {"GET", "uploads=", "", NO_UPLOADS},
                {"HEAD", "", "Content-Length: 5\r\n", ""}, {"GET", "", "", "1234567"},
                {"DELETE", "", "", ""});
    assert_ok(store_writer_open(store, "/u/data", STORAGE_WRITER_APPEND, &writer, &rig_error));
    evbuffer_add(data, "x", 1);
    assert_fails(store_writer_write(writer, data, &rig_error), ERROR_IO);
    store_writer_close(writer);
    evbuffer_free(data);
    store_close(store);
}

/* ---- connections ---- */

static void say_no_length(struct origin_connection *connection,
                          const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_say(connection, "HTTP/1.0 200 OK\r\n\r\nsha256:");
    origin_close(connection);
}

/* Nobody can tell it from a whole one. */
RIG_TEST(content_that_ends_with_its_connection_is_not_taken)
{
    struct origin *strange = origin_start(say_no_length, NULL, NULL);
    struct store *store = open_bucket_at("http", strange);
    auto_str content = STR_INIT(100);

    assert_fails(store_get(store, "/a", &content, &rig_error), ERROR_IO);
    assert_int_equal(content.len, 0);
    store_close(store);
    origin_stop(strange);
}

RIG_TEST(a_certificate_nobody_trusts_is_looked_at_once)
{
    const char *pem = asker_pems()->server;
    struct origin *strange = origin_start(recite, NULL, &(struct origin_tls){pem, pem, NULL});
    struct store *store = open_bucket_at("https", strange);
    struct storage_stat stat;

    assert_fails(store_stat(store, "/a", &stat, &rig_error), ERROR_IO);
    assert_non_null(strstr(rig_error.message, "https://127.0.0.1"));
    assert_non_null(strstr(rig_error.message, "certificate problem"));
    assert_int_equal(origin_connections(strange), 1);
    store_close(store);
    origin_stop(strange);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RUN(silence_of_a_good_status_is_no_empty_directory),
        RUN(a_page_of_some_gateway_is_no_list),
        RUN(the_same_page_again_and_again_ends),
        RUN(a_page_that_goes_on_nobody_knows_where_is_no_end),
        RUN(names_that_were_not_asked_for_are_neither_listed_nor_removed),
        RUN(removing_what_stays_in_the_list_ends),
        RUN(ending_uploads_that_stay_in_the_list_ends),
        RUN(silence_of_a_good_status_completes_no_upload),
        RUN(a_page_of_some_gateway_is_no_copy),
        RUN(another_part_than_the_one_asked_for_is_not_taken),
        RUN(an_upload_that_began_unseen_ends_with_its_session),
        RUN(content_that_is_not_as_long_as_it_was_is_not_gone_on_with),
        RUN(content_that_ends_with_its_connection_is_not_taken),
        RUN(a_certificate_nobody_trusts_is_looked_at_once),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
