/* SPDX-License-Identifier: Apache-2.0
 *
 * rig - see rig.h.
 */
#include "test/support/rig.h"

#include "drivers/drivers.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/storage/layout.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/support/trial.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define CONTENT_MAX (16 << 20)
#define KEY_SIZE    1024
#define FILES_MAX   4096

struct error rig_error;
static struct registry registry;
static const struct storage_driver *used_driver = &inmemory_driver;
static char root[256];

struct run {
    rig_cb *body;
    void *arg;
};

void rig_use(const struct storage_driver *driver)
{
    used_driver = driver;
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat, (void)kind, (void)ftw;
    return remove(path);
}

int rig_open(void **state)
{
    struct error err = ERROR_INIT;
    const char *tmp = getenv("TMPDIR");
    struct config config = {.storage.filesystem.root = root};

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(root, sizeof(root), "%s/registry-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(root) == NULL || loop_open(2, &err) < 0)
        return -1;
    trial_wrap(used_driver);
    trial_arm(TRIAL_NONE, 0);
    if (store_open(&trial_driver, &config, &registry.store, &err) < 0)
        return -1;
    registry.is_delete_enabled = true;
    return 0;
}

int rig_close(void **state)
{
    (void)state;
    store_close(registry.store);
    loop_close();
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct registry *rig_registry(void)
{
    return &registry;
}

const char *rig_root(void)
{
    return root;
}

static void run_main(void *arg)
{
    struct run *run = arg;

    run->body(&registry, run->arg);
}

void rig_run(rig_cb *body, void *arg)
{
    struct run run = {body, arg};

    task_spawn("test", run_main, &run);
    loop_run();
    assert_int_equal(task_count(), 0);
}

char *rig_get(const char *key, bool *out_found)
{
    auto_str content = STR_INIT(CONTENT_MAX);
    struct error err = ERROR_INIT;
    bool found = store_get(registry.store, key, &content, &err) == 0;

    if (out_found != NULL)
        *out_found = found;
    return str_take(&content);
}

void rig_put(const char *key, struct span content)
{
    struct error err = ERROR_INIT;

    assert_int_equal(store_put(registry.store, key, content, &err), 0);
}

bool rig_has(const char *key)
{
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    return store_stat(registry.store, key, &stat, &err) == 0;
}

void rig_remove(const char *key)
{
    struct error err = ERROR_INIT;

    assert_int_equal(store_remove(registry.store, key, &err), 0);
}

struct digest rig_digest(const char *text)
{
    struct digest digest;

    assert_true(digest_parse(span_of(text), &digest));
    return digest;
}

const char *rig_text(const struct digest *digest)
{
    static char texts[4][DIGEST_TEXT_SIZE];
    static unsigned next;

    next = (next + 1) % 4;
    return digest_format(digest, texts[next]);
}

struct digest rig_put_blob(const char *repository, struct span content)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, content, &digest);
    rig_put(layout_blob_data(&digest).text, content);
    if (repository != NULL)
        rig_put(layout_layer_link(repository, &digest).text, span_of(rig_text(&digest)));
    return digest;
}

/* ---- looking over the storage ---- */

struct file {
    char *key;
    struct str content;
};

struct files {
    size_t count;
    struct file files[FILES_MAX];
};

static void collect(struct files *files, const char *key)
{
    auto_storage_list children = {0};
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    if (store_stat(registry.store, key, &stat, &err) < 0)
        return;
    if (!stat.is_directory) {
        struct file *file = &files->files[files->count++];

        assert_true(files->count < FILES_MAX);
        file->key = xstrdup(key);
        file->content = STR_INIT(CONTENT_MAX);
        assert_int_equal(store_get(registry.store, key, &file->content, &err), 0);
        return;
    }
    assert_int_equal(store_list(registry.store, key, &children, &err), 0);
    for (size_t i = 0; i < children.count; i++) {
        char child[KEY_SIZE];

        snprintf(child, sizeof(child), "%s/%s", key, children.names[i]);
        collect(files, child);
    }
}

static void files_free(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].key);
        str_fini(&files->files[i].content);
    }
    free(files);
}

static const struct file *find(const struct files *files, const char *key)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->files[i].key, key) == 0)
            return &files->files[i];
    }
    return NULL;
}

static bool has_below(const struct files *files, const char *prefix)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strncmp(files->files[i].key, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static struct digest digest_in(const struct file *file)
{
    struct digest digest;

    if (!digest_parse(str_span(&file->content), &digest))
        fail_msg("%s is no link: '%s'", file->key, str_text(&file->content));
    return digest;
}

static void check_content_of_link(const struct files *files, const struct file *file)
{
    struct digest digest = digest_in(file);
    char hex[DIGEST_HEX_MAX + 1];
    char key[KEY_SIZE];

    digest_format_hex(&digest, hex);
    snprintf(key, sizeof(key), "/docker/registry/v2/blobs/sha256/%.2s/%s/data", hex, hex);
    if (find(files, key) == NULL)
        fail_msg("%s names absent content %s", file->key, hex);
}

static void check_blob(const struct file *file)
{
    struct digest digest;
    char hex[DIGEST_HEX_MAX + 1];

    digest_of(DIGEST_SHA256, str_span(&file->content), &digest);
    digest_format_hex(&digest, hex);
    if (strstr(file->key, hex) == NULL)
        fail_msg("%s holds other content, %zu bytes", file->key, file->content.len);
}

/* ".../name/_manifests/tags/T/current/link": index entry and revision exist. */
static void check_tag(const struct files *files, const struct file *file)
{
    struct digest digest = digest_in(file);
    char hex[DIGEST_HEX_MAX + 1];
    char key[KEY_SIZE];
    int tag_len = (int)(strstr(file->key, "/current/link") - file->key);
    int repository_len = (int)(strstr(file->key, "/_manifests/") - file->key);

    digest_format_hex(&digest, hex);
    snprintf(key, sizeof(key), "%.*s/index/sha256/%s/link", tag_len, file->key, hex);
    if (find(files, key) == NULL)
        fail_msg("%s has no index entry", file->key);
    snprintf(key, sizeof(key), "%.*s/_manifests/revisions/sha256/%s/link", repository_len,
             file->key, hex);
    if (find(files, key) == NULL)
        fail_msg("%s names an absent revision", file->key);
}

static void check_manifests(const struct files *files, const struct file *file)
{
    int repository_len = (int)(strstr(file->key, "/_manifests/") - file->key);
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%.*s/_layers/", repository_len, file->key);
    if (!has_below(files, key))
        fail_msg("%s is in a repository without _layers", file->key);
    if (strstr(file->key, "/current/link") != NULL)
        check_tag(files, file);
    else if (strstr(file->key, "/revisions/") != NULL)
        check_content_of_link(files, file);
}

static void check_hash_state(const struct file *data, const struct file *state)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA256);
    uint8_t expected[HASHER_STATE_SIZE];

    if (data != NULL)
        hasher_update(hasher, str_text(&data->content), data->content.len);
    hasher_export(hasher, expected);
    hasher_free(hasher);
    if (state->content.len != HASHER_STATE_SIZE ||
        memcmp(str_text(&state->content), expected, HASHER_STATE_SIZE) != 0)
        fail_msg("%s is not the state of the data", state->key);
}

static void check_upload(const struct files *files, const struct file *file)
{
    const char *uuid = strstr(file->key, "/_uploads/") + strlen("/_uploads/");
    int session_len = (int)(uuid - file->key) + 36;
    const struct file *data;
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%.*s/startedat", session_len, file->key);
    if (find(files, key) == NULL)
        fail_msg("%s cannot be found by purging", file->key);
    snprintf(key, sizeof(key), "%.*s/data", session_len, file->key);
    data = find(files, key);
    snprintf(key, sizeof(key), "%.*s/hashstates/sha256/%zu", session_len, file->key,
             data != NULL ? data->content.len : 0);
    if (strcmp(key, file->key) == 0)
        check_hash_state(data, file);
}

size_t rig_check(void)
{
    struct files *files = xcalloc(1, sizeof(*files));
    size_t count;

    collect(files, "/docker");
    for (size_t i = 0; i < files->count; i++) {
        const struct file *file = &files->files[i];

        if (strstr(file->key, "/v2/blobs/") != NULL)
            check_blob(file);
        else if (strstr(file->key, "/_uploads/") != NULL)
            check_upload(files, file);
        else if (strstr(file->key, "/_manifests/") != NULL)
            check_manifests(files, file);
        else if (span_ends_with(span_of(file->key), SPAN("/link")))
            check_content_of_link(files, file);
    }
    count = files->count;
    files_free(files);
    return count;
}
