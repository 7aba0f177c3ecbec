/* SPDX-License-Identifier: Apache-2.0
 *
 * suite - see suite.h.
 */
#include "test/driver/suite.h"

#include "drivers/drivers.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/driver/s3_bucket.h"
#include "test/support/trial.h"

#include <dirent.h>
#include <event2/buffer.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

struct fixture {
    const char *name;
    const struct storage_driver *driver;
    bool is_wrapped;
};

/* One case on one fixture: the state of one cmocka test. */
struct run {
    const struct fixture *fixture;
    const struct suite_case *what;
    struct store *store;
};

static char root[64];
static bool wrapped;
static bool remote;
static const char *driver_name;

const char *suite_root(void)
{
    return root;
}

bool is_suite_wrapped(void)
{
    return wrapped;
}

bool is_suite_remote(void)
{
    return remote;
}

const char *suite_driver_name(void)
{
    return driver_name;
}

/* ---- helpers of cases ---- */

void expect_put(struct store *store, const char *key, const char *text)
{
    struct error err = ERROR_INIT;

    if (store_put(store, key, span_of(text), &err) < 0)
        fail_msg("%s", err.message);
}

bool has_content(struct store *store, const char *key, const char *text)
{
    auto_str content = STR_INIT(1 << 20);
    struct error err = ERROR_INIT;

    return store_get(store, key, &content, &err) == 0 && span_is(str_span(&content), text);
}

void expect_content(struct store *store, const char *key, const char *text)
{
    auto_str content = STR_INIT(1 << 20);
    struct error err = ERROR_INIT;

    if (store_get(store, key, &content, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(str_text(&content), text);
}

void expect_missing(struct store *store, const char *key)
{
    auto_str content = STR_INIT(1 << 20);
    struct error err = ERROR_INIT;

    assert_int_equal(store_get(store, key, &content, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

void expect_session_ends(struct store *store, const char *directory)
{
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    if (store_remove(store, directory, &err) < 0 && err.code != ERROR_NOT_FOUND)
        fail_msg("%s", err.message);
    assert_int_equal(store_stat(store, directory, &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

void expect_list(struct store *store, const char *key, const char *names)
{
    auto_storage_list list = {0};
    auto_str text = STR_INIT(1 << 20);
    struct error err = ERROR_INIT;

    if (store_list(store, key, &list, &err) < 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < list.count; i++)
        str_append_format(&text, "%s ", list.names[i]);
    assert_string_equal(str_text(&text), names);
}

char *make_bytes(size_t len, unsigned seed)
{
    char *bytes = xmalloc(len + 1);
    uint64_t state = seed + 1;

    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        bytes[i] = (char)(state >> 56);
    }
    return bytes;
}

int write_bytes(struct storage_writer *writer, const void *data, size_t len, struct error *err)
{
    struct evbuffer *buffer = evbuffer_new();
    int rc;

    evbuffer_add(buffer, data, len);
    rc = store_writer_write(writer, buffer, err);
    assert_int_equal(evbuffer_get_length(buffer), 0);
    evbuffer_free(buffer);
    return rc;
}

struct storage_writer *expect_writer(struct store *store, const char *key,
                                     enum storage_writer_mode mode)
{
    struct storage_writer *writer = NULL;
    struct error err = ERROR_INIT;

    if (store_writer_open(store, key, mode, &writer, &err) < 0)
        fail_msg("%s", err.message);
    return writer;
}

void expect_write_in_pieces(struct storage_writer *writer, const char *data, size_t len)
{
    struct error err = ERROR_INIT;

    for (size_t at = 0; at < len; at += 256 << 10) {
        size_t piece = len - at < 256 << 10 ? len - at : 256 << 10;

        if (write_bytes(writer, data + at, piece, &err) < 0)
            fail_msg("%s", err.message);
    }
}

void expect_commit(struct storage_writer *writer, const char *to)
{
    struct error err = ERROR_INIT;

    if (store_writer_commit(writer, to, &err) < 0)
        fail_msg("%s", err.message);
    store_writer_close(writer);
}

void expect_stream(struct store *store, const char *key, int64_t offset, const char *data,
                   size_t len)
{
    struct evbuffer *buffer = evbuffer_new();
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;
    int rc;

    if (store_reader_open(store, key, offset, &reader, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(reader->size, (int64_t)len + offset);
    assert_int_equal(reader->offset, offset);
    while ((rc = store_reader_read(reader, buffer, 100000, &err)) == 1)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(evbuffer_get_length(buffer), len);
    if (len > 0)
        assert_memory_equal(evbuffer_pullup(buffer, -1), data, len);
    store_reader_close(reader);
    evbuffer_free(buffer);
}

size_t count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

void expect_descriptors(size_t count)
{
    if (!remote)
        assert_int_equal(count_descriptors(), count);
}

static size_t temporaries;

static int count_temporary(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    const char *name = path + at->base;
    size_t len = strlen(name);

    (void)stat, (void)type;
    if (name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0)
        temporaries++;
    return 0;
}

size_t count_temporaries(void)
{
    temporaries = 0;
    nftw(root, count_temporary, 16, FTW_PHYS);
    return temporaries;
}

static int remove_path(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat, (void)type, (void)at;
    return remove(path);
}

/* ---- running ---- */

static void case_main(void *arg)
{
    struct run *run = arg;

    if (remote)
        s3_bucket_make();
    run->what->run(run->store);
}

static int open_case(void **state)
{
    struct run *run = *state;
    const struct storage_driver *driver = run->fixture->driver;
    struct error err = ERROR_INIT;
    struct config config = {.storage.filesystem.root = root};

    snprintf(root, sizeof(root), "/tmp/kist-driver-XXXXXX");
    if (mkdtemp(root) == NULL || loop_open(2, &err) < 0)
        return -1;
    wrapped = run->fixture->is_wrapped;
    remote = driver == &s3_driver;
    if (remote)
        config.storage.s3 = s3_config(root);
    if (wrapped) {
        trial_wrap(driver);
        trial_arm(TRIAL_NONE, 0);
        driver = &trial_driver;
    }
    driver_name = driver->name;
    return store_open(driver, &config, &run->store, &err);
}

static void run_case(void **state)
{
    size_t descriptors = count_descriptors();

    task_spawn("case", case_main, *state);
    loop_run();
    assert_int_equal(task_count(), 0);
    expect_descriptors(descriptors);
    assert_int_equal(count_temporaries(), 0);
}

static int close_case(void **state)
{
    struct run *run = *state;

    store_close(run->store);
    loop_close();
    return nftw(root, remove_path, 16, FTW_DEPTH | FTW_PHYS);
}

static size_t add_cases(const struct suite_case *cases, const struct fixture *fixture,
                        struct CMUnitTest *tests, struct run *runs)
{
    size_t count = 0;

    for (; cases[count].name != NULL; count++) {
        runs[count] = (struct run){.fixture = fixture, .what = &cases[count]};
        tests[count] = (struct CMUnitTest){.name = cases[count].name,
                                           .test_func = run_case,
                                           .setup_func = open_case,
                                           .teardown_func = close_case,
                                           .initial_state = &runs[count]};
    }
    return count;
}

#define CASES_MAX 128

static int run_fixture(const struct fixture *fixture)
{
    struct CMUnitTest tests[CASES_MAX];
    struct run runs[CASES_MAX];
    size_t count = add_cases(content_cases, fixture, tests, runs);

    count += add_cases(tree_cases, fixture, tests + count, runs + count);
    count += add_cases(stream_cases, fixture, tests + count, runs + count);
    count += add_cases(interruption_cases, fixture, tests + count, runs + count);
    if (fixture->driver == &filesystem_driver && !fixture->is_wrapped)
        count += add_cases(filesystem_cases, fixture, tests + count, runs + count);
    if (fixture->driver == &s3_driver && !fixture->is_wrapped) {
        count += add_cases(s3_cases, fixture, tests + count, runs + count);
        count += add_cases(s3_upload_cases, fixture, tests + count, runs + count);
    }
    assert_true(count <= CASES_MAX);
    return _cmocka_run_group_tests(fixture->name, tests, count, NULL, NULL);
}

/* test_driver [CASES [DRIVER [CASES LEFT OUT]]]; cases as patterns with `*`. */
int main(int argc, char **argv)
{
    static const struct fixture fixtures[] = {
        {"inmemory", &inmemory_driver, false},
        {"inmemory, wrapped", &inmemory_driver, true},
        {"filesystem", &filesystem_driver, false},
        {"filesystem, wrapped", &filesystem_driver, true},
        {"s3", &s3_driver, false},
        {"s3, wrapped", &s3_driver, true},
    };
    int failed = 0;

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    if (argc > 3)
        cmocka_set_skip_filter(argv[3]);
    for (size_t i = 0; i < array_count(fixtures); i++) {
        if (argc > 2 && strcmp(fixtures[i].name, argv[2]) != 0)
            continue;
        if (fixtures[i].driver != &s3_driver || s3_url() != NULL)
            failed += run_fixture(&fixtures[i]);
    }
    if (s3_url() == NULL)
        printf("s3 was left out: KIST_S3_URL names no service (see test/support/ceph.py and "
               "swift.py)\n");
    return failed > 0 ? 1 : 0;
}
