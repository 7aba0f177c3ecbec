/* SPDX-License-Identifier: Apache-2.0
 *
 * driver - the contract of a storage driver: keys and bytes.
 *
 *     open ---> get put stat list remove reader_open writer_open ... ---> close
 *                                      |             |
 *                         read* close -+             +- write* [flush] (commit | close)
 *
 * A key is an absolute path such as "/docker/registry/v2/blobs/..."; components are made of
 * A-Z a-z 0-9 . _ - and are never "." or "..". Keys form a tree: a key that has keys below it is a
 * directory, directories come and go with their content as far as callers can tell.
 *
 * Only lib/storage (store.c, store_url.c) calls these slots; it has checked keys and arguments.
 * Each may suspend; none blocks the loop. Slots return 0 or -1 with an error of the storage group:
 * NOT_FOUND, EXISTS, FULL, BUSY, IO, KEY, CANCELED. EXISTS: a directory is where content should
 * go, or content where a directory should be. What was answered with success by put, remove, flush
 * or commit survives kill -9 and power loss. What was canceled has happened or has not, never
 * by half.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"
#include "lib/oci/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct evbuffer;
struct config;

/* What a driver keeps open; each driver embeds it as its first member. */
struct storage {
    const struct storage_driver *driver;
};

/* An open blob for reading; each driver embeds it as its first member. */
struct storage_reader {
    const struct storage_driver *driver; /* set by the driver */
    char *key;                           /* the store's, for its messages */
    int64_t size;                        /* bytes of the whole content, at open */
    int64_t offset;                      /* where the next read starts */
    int fd; /* a descriptor of the content for sendfile, -1 if there is none; lent */
};

/* An open appending writer; each driver embeds it as its first member. */
struct storage_writer {
    const struct storage_driver *driver; /* set by the driver */
    char *key;                           /* the store's, for its messages */
    int64_t size; /* bytes of content so far, those of earlier sessions included */
};

struct storage_stat {
    int64_t size; /* bytes; 0 for a directory */
    struct timespec modified_at;
    bool is_directory;
};

/* Names of the direct children of a directory, without their parents' path, sorted bytewise. */
struct storage_list {
    char **names; /* owned; the texts live in the blocks */
    size_t count;
    size_t capacity;
    struct storage_list_block *blocks; /* owned */
};

/* What a sweep of one directory has found. */
struct storage_sweep {
    struct storage_list litter;      /* names that were removed, or would be in a dry run */
    struct storage_list directories; /* names of the directories in it, for whoever goes on there */
};

/* What a caller of stat looks for. */
enum storage_kind {
    STORAGE_ANY,
    STORAGE_CONTENT,
    STORAGE_DIRECTORY,
};

enum storage_writer_mode {
    STORAGE_WRITER_CREATE, /* new and empty; what was at the key is replaced */
    STORAGE_WRITER_FRESH,  /* the same where nobody can have put anything: the key is random */
    STORAGE_WRITER_APPEND, /* at the end of what is there; NOT_FOUND without */
};

struct storage_driver {
    const char *name;    /* "filesystem": the key below `storage` */
    const char *summary; /* one sentence, for help */
    bool is_put_cheap;   /* costs about what a get does: nobody reads first to save a put */

    /* Opens the storage with its own keys of the configuration, which it copies; may be called
     * before the loop runs, so it may block and never suspends.
     * Given: @out_storage, close it. Errors: INVALID for a key that makes no sense. */
    int (*open)(const struct config *config, struct storage **out_storage, struct error *err);
    void (*close)(struct storage *storage);

    /* The whole content of a small key, appended to @out; TOO_LARGE when it exceeds @out's room.
     * NOT_FOUND also for a directory and whatever else is no file; err->sys is EISDIR then. */
    int (*get)(struct storage *storage, const char *key, struct str *out, struct error *err);

    /* Replaces the content of a key in one step: a reader sees the old or the new content, never
     * part of it. Makes the directories above it. */
    int (*put)(struct storage *storage, const char *key, struct span content, struct error *err);

    /* What is of another kind than the caller looks for is reported, or NOT_FOUND: whichever is
     * less work. */
    int (*stat)(struct storage *storage, const char *key, enum storage_kind kind,
                struct storage_stat *out, struct error *err);

    /* Children of a directory; NOT_FOUND when there is none, also for content. A directory that has
     * lost its content may be empty or NOT_FOUND. @out is empty at the call and given:
     * storage_list_fini. Temporary names of the driver itself are left out. */
    int (*list)(struct storage *storage, const char *key, struct storage_list *out,
                struct error *err);

    /* Removes a key and all below it. NOT_FOUND when there is nothing. */
    int (*remove)(struct storage *storage, const char *key, struct error *err);

    /* Removes what is at a key only if it is of the given kind: a directory with all below it, or
     * what is no directory. NOT_FOUND when it is not, or not any more: never takes what somebody
     * put there meanwhile. NULL slot: nothing is ever in the way. */
    int (*clear)(struct storage *storage, const char *key, bool is_directory, struct error *err);

    /* Opens content for reading from @offset (0..size; INVALID beyond). */
    int (*reader_open)(struct storage *storage, const char *key, int64_t offset,
                       struct storage_reader **out, struct error *err);
    /* Moves 1..@max bytes to the end of @out: 1, or 0 at the end, or -1. */
    int (*reader_read)(struct storage_reader *reader, struct evbuffer *out, size_t max,
                       struct error *err);
    void (*reader_close)(struct storage_reader *reader);

    /* Opens a key for writing, exclusively: BUSY while another writer of this or any other process
     * that honours the driver's lock has it open. What was written becomes visible at the key at
     * once or at flush (upload sessions are read by size), it is never a finished blob's key:
     * those appear by writer_commit. */
    int (*writer_open)(struct storage *storage, const char *key, enum storage_writer_mode mode,
                       struct storage_writer **out, struct error *err);
    /* Appends all of @data (bytes in memory) and empties it, also on failure. After a failure the
     * content is what it was before the call, as far as the storage lets us. */
    int (*writer_write)(struct storage_writer *writer, struct evbuffer *data, struct error *err);
    /* Makes durable what was written. After a failure the writer's size may be smaller: that of the
     * last flush, when what followed cannot be trusted any more. */
    int (*writer_flush)(struct storage_writer *writer, struct error *err);
    /* Ends the writer, also in a canceled task; what was not flushed may be lost in a crash. Never
     * suspends for long. */
    void (*writer_close)(struct storage_writer *writer);
    /* While @writer still holds its key: @to gets the content, having been flushed, in one step,
     * replacing what is there; the directories above @to are made. It is what the writer has found,
     * written, or let a reader read meanwhile, and nobody else's.
     * Whoever commits removes the directory of the writer's key next: until then the content may
     * be there too. The writer stays open for writer_close only. NOT_FOUND when its key was removed
     * meanwhile: by another process, @to may have the content all the same. BUSY, where there is a
     * `writer_seal`: what is there may be another's by now, and @to has nothing of it; what a
     * reader reads next is what a second call moves. */
    int (*writer_commit)(struct storage_writer *writer, const char *to, struct error *err);

    /* Where the lock does not reach other processes: what the storage has of the content by now,
     * such that other bytes make another seal. Equal seals of two writers of a key, one after the
     * other: the second one has found what the first one has flushed. False when that cannot be
     * told, as before a flush. Never suspends. NULL slot: writer_open keeps all others away. */
    bool (*writer_seal)(const struct storage_writer *writer, struct digest *out);

    /* Removes what the driver left directly in a directory when it was killed: the temporary names
     * that `list` leaves out, if nothing has changed them since @before. @out is empty at the call
     * and given: storage_sweep_fini. NOT_FOUND without a directory. NULL slot: nothing is ever
     * left; both lists stay empty. */
    int (*sweep)(struct storage *storage, const char *key, struct timespec before, bool is_dry_run,
                 struct storage_sweep *out, struct error *err);

    /* A URL where the client can fetch the key itself, appended to @out. UNSUPPORTED: not this one.
     * NULL slot: never. */
    int (*url_for)(struct storage *storage, const char *key, const char *method, struct str *out,
                   struct error *err);

    /* The name of a key in the bucket where it is kept, without a leading slash, appended to @out.
     * Never suspends. NULL slot: there is no bucket. */
    void (*object_name)(const struct storage *storage, const char *key, struct str *out);
};

void storage_list_add(struct storage_list *list, struct span name);
void storage_list_sort(struct storage_list *list);

/* In a sorted list: the position of @name, or where it would be. */
size_t storage_list_position(const struct storage_list *list, struct span name);
void storage_list_filter(struct storage_list *list, bool (*is_kept)(struct span name));
void storage_list_fini(struct storage_list *list);
#define auto_storage_list auto_cleanup(storage_list_fini) struct storage_list

void storage_sweep_fini(struct storage_sweep *sweep);
#define auto_storage_sweep auto_cleanup(storage_sweep_fini) struct storage_sweep
