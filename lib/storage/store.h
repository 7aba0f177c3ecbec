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

struct store;

/* Opens @driver with what @config says of it. Given: store_close. */
must_check int store_open(const struct storage_driver *driver, const struct config *config,
                          struct store **out_store, struct error *err);
void store_close(struct store *store); /* no reader or writer may be open */

const char *store_driver_name(const struct store *store);

must_check int store_get(struct store *store, const char *key, struct str *out, struct error *err);
must_check int store_put(struct store *store, const char *key, struct span content,
                         struct error *err);
must_check int store_stat(struct store *store, const char *key, struct storage_stat *out,
                          struct error *err);

/* Whether the storage answers: a look at where everything is kept. That there is nothing yet is
 * fine. Errors: IO and whatever else the driver says. */
must_check int store_probe(struct store *store, struct error *err);

must_check int store_list(struct store *store, const char *key, struct storage_list *out,
                          struct error *err);
must_check int store_move(struct store *store, const char *from, const char *to, struct error *err);
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
