/* SPDX-License-Identifier: Apache-2.0
 *
 * inmemory - everything in this process's memory: for tests and trials. Nothing here waits, so
 * each call happens at once. A file's content is shared by reference (content.h): put, commit and a
 * writer's beginning give the name another content, and who reads the old one goes on undisturbed.
 */
#include "drivers/drivers.h"
#include "drivers/inmemory/content.h"
#include "drivers/inmemory/node.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

struct inmemory {
    struct storage base;
    struct node *root; /* owned */
};

struct inmemory_reader {
    struct storage_reader base;
    struct content *content; /* a reference */
};

struct inmemory_writer {
    struct storage_writer base;
    struct inmemory *inmemory; /* lent */
    char *key;                 /* owned */
    struct content *content;   /* a reference; is_writing is ours */
};

static struct node *root_of(struct storage *storage)
{
    return ((struct inmemory *)storage)->root;
}

static int inmemory_open(const struct config *config, struct storage **out_storage,
                         struct error *err)
{
    struct inmemory *inmemory = xcalloc(1, sizeof(*inmemory));

    (void)config, (void)err;
    inmemory->base.driver = &inmemory_driver;
    inmemory->root = node_new_root();
    *out_storage = &inmemory->base;
    return 0;
}

static void inmemory_close(struct storage *storage)
{
    node_free(root_of(storage));
    free(storage);
}

/* The file at @key; a directory is NOT_FOUND like nothing at all. */
static struct node *find_file(struct storage *storage, const char *key, struct error *err)
{
    struct node *node = node_find(root_of(storage), key);

    if (node != NULL && node->content != NULL)
        return node;
    error_set(err, ERROR_NOT_FOUND, node == NULL ? "nothing there" : "a directory");
    if (node != NULL)
        err->sys = EISDIR;
    return NULL;
}

static int inmemory_get(struct storage *storage, const char *key, struct str *out,
                        struct error *err)
{
    const struct node *node = find_file(storage, key, err);
    const char *data;
    int64_t at = 0;
    size_t len;

    if (node == NULL)
        return -1;
    if ((uint64_t)node->content->size > out->max - out->len)
        return error_set(err, ERROR_TOO_LARGE, "%lld bytes are more than %zu",
                         (long long)node->content->size, out->max - out->len);
    while ((len = content_peek(node->content, at, CONTENT_CHUNK, &data)) > 0) {
        str_append(out, span_make(data, len));
        at += (int64_t)len;
    }
    return 0;
}

static int inmemory_put(struct storage *storage, const char *key, struct span content,
                        struct error *err)
{
    struct content *fresh = content_new();

    content_append(fresh, content.data, content.len);
    return node_put(root_of(storage), key, fresh, err);
}

static int inmemory_stat(struct storage *storage, const char *key, enum storage_kind kind,
                         struct storage_stat *out, struct error *err)
{
    const struct node *node = node_find(root_of(storage), key);

    (void)kind;
    if (node == NULL)
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    out->is_directory = node->content == NULL;
    out->size = out->is_directory ? 0 : node->content->size;
    out->modified_at = node->modified_at;
    return 0;
}

static int inmemory_list(struct storage *storage, const char *key, struct storage_list *out,
                         struct error *err)
{
    const struct node *node = node_find(root_of(storage), key);

    if (node == NULL || node->content != NULL)
        return error_set(err, ERROR_NOT_FOUND, "no such directory");
    for (size_t i = 0; i < node->child_count; i++)
        storage_list_add(out, span_of(node->children[i]->name));
    return 0;
}

static int inmemory_remove(struct storage *storage, const char *key, struct error *err)
{
    return node_remove(root_of(storage), key, err);
}

/* ---- readers ---- */

static int inmemory_reader_open(struct storage *storage, const char *key, int64_t offset,
                                struct storage_reader **out, struct error *err)
{
    const struct node *node = find_file(storage, key, err);
    struct inmemory_reader *reader;

    if (node == NULL)
        return -1;
    if (offset > node->content->size)
        return error_set(err, ERROR_INVALID, "offset %lld is beyond the end, %lld",
                         (long long)offset, (long long)node->content->size);
    reader = xcalloc(1, sizeof(*reader));
    reader->base = (struct storage_reader){
        .driver = &inmemory_driver, .size = node->content->size, .offset = offset, .fd = -1};
    reader->content = content_ref(node->content);
    *out = &reader->base;
    return 0;
}

/* The content may grow while it is read; a reader ends where it ended at open. */
static int inmemory_reader_read(struct storage_reader *base, struct evbuffer *out, size_t max,
                                struct error *err)
{
    struct inmemory_reader *reader = (struct inmemory_reader *)base;
    int64_t left = base->size - base->offset;
    const char *data;
    size_t len;

    if (left <= 0)
        return 0;
    len = content_peek(reader->content, base->offset, (uint64_t)left < max ? (size_t)left : max,
                       &data);
    if (evbuffer_add(out, data, len) < 0)
        return error_set(err, ERROR_INTERNAL, "a buffer that cannot be added to");
    base->offset += (int64_t)len;
    return 1;
}

static void inmemory_reader_close(struct storage_reader *base)
{
    struct inmemory_reader *reader = (struct inmemory_reader *)base;

    content_unref(reader->content);
    free(reader);
}

/* ---- writers ---- */

/* The content to write to: what is there for APPEND, else a new one. Lent. */
static struct content *content_to_write(struct storage *storage, const char *key,
                                        enum storage_writer_mode mode, struct error *err)
{
    struct node *node = node_find(root_of(storage), key);
    struct content *content;

    if (node != NULL && node->content != NULL && node->content->is_writing) {
        error_set(err, ERROR_BUSY, "another writer holds the file");
        return NULL;
    }
    if (mode == STORAGE_WRITER_APPEND) {
        node = find_file(storage, key, err);
        return node != NULL ? node->content : NULL;
    }
    content = content_new();
    return node_put(root_of(storage), key, content, err) == 0 ? content : NULL;
}

static int inmemory_writer_open(struct storage *storage, const char *key,
                                enum storage_writer_mode mode, struct storage_writer **out,
                                struct error *err)
{
    struct content *content = content_to_write(storage, key, mode, err);
    struct inmemory_writer *writer;

    if (content == NULL)
        return -1;
    writer = xcalloc(1, sizeof(*writer));
    writer->base = (struct storage_writer){.driver = &inmemory_driver, .size = content->size};
    writer->inmemory = (struct inmemory *)storage;
    writer->key = xstrdup(key);
    writer->content = content_ref(content);
    content->is_writing = true;
    *out = &writer->base;
    return 0;
}

/* The node that still has the writer's content, NULL when it was removed or replaced. */
static struct node *node_of(const struct inmemory_writer *writer)
{
    struct node *node = node_find(writer->inmemory->root, writer->key);

    return node != NULL && node->content == writer->content ? node : NULL;
}

static int inmemory_writer_write(struct storage_writer *base, struct evbuffer *data,
                                 struct error *err)
{
    struct inmemory_writer *writer = (struct inmemory_writer *)base;
    struct node *node = node_of(writer);
    struct evbuffer_iovec piece;

    while (evbuffer_peek(data, -1, NULL, &piece, 1) > 0) {
        content_append(writer->content, piece.iov_base, piece.iov_len);
        if (evbuffer_drain(data, piece.iov_len) < 0)
            return error_set(err, ERROR_INTERNAL, "a buffer that cannot be emptied");
    }
    base->size = writer->content->size;
    if (node != NULL)
        node->modified_at = clock_now();
    return 0;
}

static int inmemory_writer_flush(struct storage_writer *base, struct error *err)
{
    (void)base, (void)err;
    return 0;
}

static int inmemory_writer_commit(struct storage_writer *base, const char *to, struct error *err)
{
    struct inmemory_writer *writer = (struct inmemory_writer *)base;

    struct node *root = root_of(&writer->inmemory->base);

    if (node_of(writer) == NULL)
        return error_set(err, ERROR_NOT_FOUND, "the file was replaced while it was open");
    if (node_put(root, to, content_ref(writer->content), err) < 0)
        return -1;
    return node_remove(root, writer->key, err);
}

static void inmemory_writer_close(struct storage_writer *base)
{
    struct inmemory_writer *writer = (struct inmemory_writer *)base;

    writer->content->is_writing = false;
    content_unref(writer->content);
    free(writer->key);
    free(writer);
}

const struct storage_driver inmemory_driver = {
    .name = "inmemory",
    .summary = "Keeps everything in the memory of one process; for tests.",
    .open = inmemory_open,
    .close = inmemory_close,
    .get = inmemory_get,
    .put = inmemory_put,
    .stat = inmemory_stat,
    .list = inmemory_list,
    .remove = inmemory_remove,
    .reader_open = inmemory_reader_open,
    .reader_read = inmemory_reader_read,
    .reader_close = inmemory_reader_close,
    .writer_open = inmemory_writer_open,
    .writer_write = inmemory_writer_write,
    .writer_flush = inmemory_writer_flush,
    .writer_close = inmemory_writer_close,
    .writer_commit = inmemory_writer_commit,
};
