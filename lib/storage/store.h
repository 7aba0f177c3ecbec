/* SPDX-License-Identifier: Apache-2.0
 *
 * store - the storage as everything above sees it: the driver's verbs behind checked calls.
 *
 * The only caller of a driver's slots. Checks keys, wraps errors with verb and key, logs each
 * call at debug level, and measures each (registry_storage_action_seconds). All functions may
 * suspend unless they say otherwise; errors are those of driver.h.
 */
#pragma once

#include "lib/storage/driver.h"
#include "lib/storage/middleware.h"

struct store;

/* Opens @driver with what @config says of it. Given: store_close. */
must_check int store_open(const struct storage_driver *driver, const struct config *config,
                          struct store **out_store, struct error *err);
void store_close(struct store *store); /* no reader or writer may be open */

/* ---- URLs ---- */

/* Puts @middleware before what was put there earlier. Taken: store_close closes it. */
void store_add_middleware(struct store *store, struct middleware *middleware);

/* Begins and ends what middleware does in the background; before store_close. */
void store_start(struct store *store);
void store_stop(struct store *store);

/* Can there be URLs at all? Does not suspend. */
bool has_store_urls(const struct store *store);

/* Where the client can fetch the key itself, appended to @out (STORE_URL_MAX). Returns 1, or 0 when
 * it cannot, or -1. The key need not be there. */
must_check int store_url_for(struct store *store, const struct url_request *request,
                             struct str *out, struct error *err);

/* The same as seen by @middleware, of this store: what is further in than it says. */
must_check int store_inner_url(const struct middleware *middleware,
                               const struct url_request *request, struct str *out,
                               struct error *err);

/* Appends the name under which the driver keeps @key in a bucket; false: it keeps it in none. Does
 * not suspend. */
must_check bool store_object_name(const struct store *store, const char *key, struct str *out);

/* ---- content ---- */

must_check int store_get(struct store *store, const char *key, struct str *out, struct error *err);
must_check int store_put(struct store *store, const char *key, struct span content,
                         struct error *err);
must_check int store_stat(struct store *store, const char *key, struct storage_stat *out,
                          struct error *err);

/* The same for who wants nothing else: what is of the other kind is NOT_FOUND. Saves a request to a
 * storage that has no directories. */
must_check int store_stat_content(struct store *store, const char *key, struct storage_stat *out,
                                  struct error *err);
must_check int store_stat_directory(struct store *store, const char *key, struct storage_stat *out,
                                    struct error *err);

/* Whether it saves nothing to look before a put if the content is there already. Does not suspend.
 */
bool is_store_put_cheap(const struct store *store);

/* Whether an open writer keeps those of other processes away. Does not suspend. */
bool has_store_locks(const struct store *store);

/* Whether the storage answers: a look at where everything is kept. That there is nothing yet is
 * fine. Errors: IO and whatever else the driver says. */
must_check int store_probe(struct store *store, struct error *err);

must_check int store_list(struct store *store, const char *key, struct storage_list *out,
                          struct error *err);
must_check int store_remove(struct store *store, const char *key, struct error *err);
must_check int store_clear(struct store *store, const char *key, bool is_directory,
                           struct error *err);

must_check int store_sweep(struct store *store, const char *key, struct timespec before,
                           bool is_dry_run, struct storage_sweep *out, struct error *err);

must_check int store_reader_open(struct store *store, const char *key, int64_t offset,
                                 struct storage_reader **out, struct error *err);
must_check int store_reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max,
                                 struct error *err);
void store_reader_close(struct storage_reader *reader); /* NULL is fine */

must_check int store_writer_open(struct store *store, const char *key,
                                 enum storage_writer_mode mode, struct storage_writer **out,
                                 struct error *err);
must_check int store_writer_write(struct storage_writer *writer, struct evbuffer *data,
                                  struct error *err);
must_check int store_writer_flush(struct storage_writer *writer, struct error *err);
must_check int store_writer_commit(struct storage_writer *writer, const char *to,
                                   struct error *err);
void store_writer_close(struct storage_writer *writer); /* NULL is fine */

/* What the storage has of the content by now, as a writer opened next would find it: see driver.h.
 * False where the store has locks, or it cannot be told. Does not suspend. */
bool store_writer_seal(const struct storage_writer *writer, struct digest *out);
