/* SPDX-License-Identifier: Apache-2.0
 *
 * filesystem - what the driver's files share. Read drivers/README.md first.
 */
#pragma once

#include "lib/storage/driver.h"

struct filesystem {
    struct storage base;
    char *root; /* owned; absolute, without a slash at its end */
};

/* The path of a key. Given: free. */
char *filesystem_path(const struct storage *storage, const char *key);

/* file_reader.c */
int file_reader_open(struct storage *storage, const char *key, int64_t offset,
                     struct storage_reader **out, struct error *err);
int file_reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max,
                     struct error *err);
void file_reader_close(struct storage_reader *reader);

/* file_writer.c */
int file_writer_open(struct storage *storage, const char *key, enum storage_writer_mode mode,
                     struct storage_writer **out, struct error *err);
int file_writer_write(struct storage_writer *writer, struct evbuffer *data, struct error *err);
int file_writer_flush(struct storage_writer *writer, struct error *err);
void file_writer_close(struct storage_writer *writer);
int file_writer_commit(struct storage_writer *writer, const char *to, struct error *err);
