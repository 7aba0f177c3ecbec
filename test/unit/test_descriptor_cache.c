/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of blobs: how much, for how long, and what the storage is still asked.
 */
#include "lib/cache/descriptor_cache.h"
#include "lib/config/config.h"
#include "lib/registry/blob_store.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct digest numbered(unsigned number)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, span_make(&number, sizeof(number)), &digest);
    return digest;
}

/* ---- what the storage is asked ---- */

static struct config config;

static struct descriptor_cache *open_cache(struct registry *registry)
{
    static char kind[] = "inmemory";

    config.storage.cache.descriptors = kind;
    config.storage.cache.entries_max = 10;
    assert_ok(descriptor_cache_open(&config, &registry->cache, &rig_error));
    assert_non_null(registry->cache);
    return registry->cache;
}

static void close_cache(struct registry *registry)
{
    descriptor_cache_close(registry->cache);
    registry->cache = NULL;
}

static unsigned looks(void)
{
    return trial_count_of("stat");
}

RIG_TEST(only_so_many_digests_are_remembered)
{
    struct descriptor_cache *cache = open_cache(registry);
    int64_t size = 0;

    for (unsigned i = 0; i < 30; i++) {
        struct digest digest = numbered(i);

        descriptor_cache_put(cache, descriptor_cache_moment(cache), "r", &digest, i);
    }
    for (unsigned i = 0; i < 30; i++) {
        struct digest digest = numbered(i);

        assert_true(descriptor_cache_get(cache, "r", &digest, &size) == (i >= 20));
        assert_true(i < 20 || size == i);
    }
    close_cache(registry);
}

RIG_TEST(a_recall_reads_the_link_and_saves_the_look)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;

    open_cache(registry);
    assert_ok(blob_recall(registry, "r", &digest, &blob, &rig_error));
    assert_int_equal(blob.size, 7);
    trial_arm(TRIAL_NONE, 0);
    assert_ok(blob_recall(registry, "r", &digest, &blob, &rig_error));
    assert_int_equal(blob.size, 7);
    assert_int_equal(looks(), 0);
    assert_int_equal(trial_count_of("get"), 1);
    assert_fails(blob_recall(registry, "other", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    close_cache(registry);
}

RIG_TEST(a_stat_always_looks)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;

    open_cache(registry);
    for (unsigned i = 0; i < 3; i++) {
        trial_arm(TRIAL_NONE, 0);
        assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
        assert_int_equal(looks(), 1);
    }
    rig_remove(layout_blob_data(&digest).text);
    assert_ok(blob_recall(registry, "r", &digest, &blob, &rig_error));
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    assert_fails(blob_recall(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    close_cache(registry);
}

RIG_TEST(content_that_cannot_be_opened_is_forgotten)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct storage_reader *reader;
    struct blob blob;

    open_cache(registry);
    assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
    rig_remove(layout_blob_data(&digest).text);
    assert_fails(blob_open(registry, "r", &digest, 0, &blob, &reader, &rig_error),
                 ERROR_BLOB_UNKNOWN);
    assert_fails(blob_recall(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    close_cache(registry);
}

RIG_TEST(a_mount_looks_and_a_removed_link_ends_it)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;

    open_cache(registry);
    assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
    assert_ok(blob_mount(registry, "s", "r", &digest, &blob, &rig_error));
    assert_ok(blob_remove(registry, "r", &digest, &rig_error));
    assert_fails(blob_recall(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    assert_ok(blob_recall(registry, "s", &digest, &blob, &rig_error));
    rig_remove(layout_blob_data(&digest).text);
    assert_fails(blob_mount(registry, "t", "s", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    close_cache(registry);
}

RIG_TEST(what_was_seen_before_a_deletion_is_not_remembered)
{
    struct descriptor_cache *cache = open_cache(registry);
    struct digest digest = numbered(1);
    struct digest other = numbered(2);
    uint64_t moment = descriptor_cache_moment(cache);
    int64_t size = 0;

    descriptor_cache_forget(cache, "r", &other);
    descriptor_cache_put(cache, moment, "r", &digest, 5);
    assert_false(descriptor_cache_get(cache, "r", &digest, &size));
    descriptor_cache_put(cache, descriptor_cache_moment(cache), "r", &digest, 5);
    assert_true(descriptor_cache_get(cache, "r", &digest, &size));
    close_cache(registry);
}

RIG_TEST(an_error_of_the_storage_is_no_absence)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;

    open_cache(registry);
    assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
    trial_arm(TRIAL_FAIL_BEFORE, 2);
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_IO);
    trial_arm(TRIAL_NONE, 0);
    assert_ok(blob_recall(registry, "r", &digest, &blob, &rig_error));
    assert_int_equal(looks(), 0);
    close_cache(registry);
}

static void no_cache_remembers_nothing(void **state)
{
    struct digest digest = numbered(1);
    int64_t size = 0;

    (void)state;
    descriptor_cache_put(NULL, descriptor_cache_moment(NULL), "r", &digest, 5);
    assert_false(descriptor_cache_get(NULL, "r", &digest, &size));
    descriptor_cache_forget(NULL, "r", &digest);
    descriptor_cache_start(NULL);
    descriptor_cache_stop(NULL);
    descriptor_cache_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(only_so_many_digests_are_remembered),
        RIG_RUN(a_recall_reads_the_link_and_saves_the_look),
        RIG_RUN(a_stat_always_looks),
        RIG_RUN(content_that_cannot_be_opened_is_forgotten),
        RIG_RUN(a_mount_looks_and_a_removed_link_ends_it),
        RIG_RUN(what_was_seen_before_a_deletion_is_not_remembered),
        RIG_RUN(an_error_of_the_storage_is_no_absence),
        cmocka_unit_test(no_cache_remembers_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
