/* SPDX-License-Identifier: Apache-2.0
 *
 * s3 - content in a bucket of Amazon S3, or of what speaks its protocol. See README.md.
 */
#include "drivers/drivers.h"
#include "drivers/s3/credentials.h"
#include "drivers/s3/hints.h"
#include "drivers/s3/pending.h"
#include "drivers/s3/reader.h"
#include "drivers/s3/removal.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/s3_settings.h"
#include "drivers/s3/sign_v2.h"
#include "drivers/s3/writer.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/task/task.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define PAGE      1000
#define EXPIRES_S 1200 /* of URLs for clients, as upstream */

static struct service *service_of(struct storage *storage)
{
    return (struct service *)storage;
}

void service_name(const struct service *service, const char *key, struct str *out)
{
    str_append_text(out, service->root);
    str_append_text(out, key + 1);
}

/* The same with a slash at its end; "" is all of the bucket. */
static void append_directory(const struct service *service, const char *key, struct str *out)
{
    service_name(service, key, out);
    if (key[1] != '\0')
        str_append_char(out, '/');
}

static void s3_close(struct storage *storage)
{
    hints_free(service_of(storage)->hints);
    s3_settings_close(service_of(storage));
}

static int s3_open(const struct config *config, struct storage **out_storage, struct error *err)
{
    struct service *service;

    if (s3_settings_open(config, &service, err) < 0)
        return -1;
    service->base.driver = &s3_driver;
    service->hints = hints_new();
    *out_storage = &service->base;
    return 0;
}

/* ---- small content ---- */

static int s3_get(struct storage *storage, const char *key, struct str *out, struct error *err)
{
    struct service *service = service_of(storage);
    SERVICE_NAME(name, service, key);
    int has_object = 1;

    if (is_pending_key(key) && (has_object = pending_show(service, key, err)) < 0)
        return -1;
    return has_object == 1 ? s3_object_get(service, str_text(&name), "", out, err) : 0;
}

static int s3_put(struct storage *storage, const char *key, struct span content, struct error *err)
{
    SERVICE_NAME(name, service_of(storage), key);

    return s3_object_put(service_of(storage), str_text(&name), content, err);
}

/* ---- stat ---- */

/* Content, committed or not. */
static int stat_content(struct service *service, const char *key, struct storage_stat *out,
                        struct error *err)
{
    SERVICE_NAME(name, service, key);
    auto_pending pending = {0};
    struct s3_head head;

    if (!is_pending_key(key)) {
        if (s3_object_head(service, str_text(&name), &head, err) < 0)
            return -1;
        out->size = head.size;
        out->modified_at = head.modified_at;
        return 0;
    }
    if (pending_find(service, str_text(&name), &pending, err) < 0)
        return -1;
    out->size = pending_size(&pending);
    out->modified_at = pending.modified_at;
    return 0;
}

/* A directory is there as long as there is something in it; the root always is. */
static int stat_directory(struct service *service, const char *key, struct storage_stat *out,
                          struct error *err)
{
    auto_str below = STR_INIT(S3_KEY_MAX);
    auto_s3_answer answer;

    append_directory(service, key, &below);
    if (s3_object_list(service, str_text(&below), NULL, NULL, 1, &answer, err) < 0)
        return -1;
    if (answer.xml.count == 0 && key[1] != '\0')
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    out->is_directory = true;
    if (answer.xml.count > 0)
        out->modified_at = answer.xml.rows[0].modified_at;
    return 0;
}

/* A request each: only for what the caller looks for. */
static int s3_stat(struct storage *storage, const char *key, enum storage_kind kind,
                   struct storage_stat *out, struct error *err)
{
    struct service *service = service_of(storage);
    struct storage_stat stat = {0};
    struct error why = ERROR_INIT;
    bool is_content =
        kind != STORAGE_DIRECTORY && key[1] != '\0' && stat_content(service, key, &stat, &why) == 0;

    if (!is_content && why.code != ERROR_NONE &&
        (why.code != ERROR_NOT_FOUND || kind == STORAGE_CONTENT)) {
        *err = why;
        return -1;
    }
    if (!is_content && stat_directory(service, key, &stat, err) < 0)
        return -1;
    *out = stat;
    return 0;
}

/* ---- list ---- */

/* "a" and "a/" are one name. An object called like the directory itself is a foreign marker. */
static void add_name(struct storage_list *list, const struct xml_row *row, size_t prefix_len)
{
    struct span name = span_from(span_of(row->key), prefix_len);

    if (row->kind == XML_PREFIX && span_ends_with(name, SPAN("/")))
        name.len--;
    if (row->key != NULL && name.len > 0 && memchr(name.data, '/', name.len) == NULL)
        storage_list_add(list, name);
}

static void drop_repeated(struct storage_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || strcmp(list->names[kept - 1], list->names[i]) != 0)
            list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

static int s3_list(struct storage *storage, const char *key, struct storage_list *out,
                   struct error *err)
{
    auto_str below = STR_INIT(S3_KEY_MAX);
    auto_free char *marker = NULL;
    size_t row_count = 0;
    int rc = 0;

    append_directory(service_of(storage), key, &below);
    do {
        auto_s3_answer answer;

        rc = s3_object_list(service_of(storage), str_text(&below), marker, "/", PAGE, &answer, err);
        for (size_t i = 0; rc == 0 && i < answer.xml.count; i++)
            add_name(out, &answer.xml.rows[i], below.len);
        row_count += answer.xml.count;
        if (rc == 0)
            rc = s3_object_list_go_on(&answer.xml, &marker, err);
    } while (rc == 0 && marker != NULL);
    if (rc == 0 && row_count == 0 && key[1] != '\0')
        rc = error_set(err, ERROR_NOT_FOUND, "no such directory");
    storage_list_sort(out);
    drop_repeated(out);
    return rc;
}

/* ---- remove ---- */

static int s3_remove(struct storage *storage, const char *key, struct error *err)
{
    int rc;

    task_shield();
    rc = removal_of(service_of(storage), key, err);
    task_unshield();
    return rc;
}

/* ---- URLs ---- */

static void append_signed_query(const struct service *service, const struct sign_key *sign_key,
                                const char *method, const char *name, struct str *out)
{
    time_t now = clock_now().tv_sec;
    auto_str path = STR_INIT(S3_KEY_MAX * 3);
    char date[SIGN_DATE_SIZE];

    if (!service->is_v4) {
        endpoint_resource(&service->endpoint, name, &path);
        sign_v2_presign(sign_key, method, str_span(&path), now + EXPIRES_S, out);
        return;
    }
    sign_date(now, date);
    endpoint_path(&service->endpoint, name, &path);
    sign_presign(sign_key, method, service->endpoint.host, str_span(&path), date, EXPIRES_S, out);
}

static int s3_url_for(struct storage *storage, const char *key, const char *method, struct str *out,
                      struct error *err)
{
    struct service *service = service_of(storage);
    SERVICE_NAME(name, service, key);
    struct sign_key sign_key;

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return error_set(err, ERROR_UNSUPPORTED, "no URL for %s", method);
    if (credentials_get(service->credentials, &sign_key, err) < 0)
        return -1;
    str_append_format(out, "%s://%s", service->endpoint.scheme, service->endpoint.host);
    endpoint_path(&service->endpoint, str_text(&name), out);
    str_append_char(out, '?');
    append_signed_query(service, &sign_key, method, str_text(&name), out);
    return 0;
}

static void s3_object_name(const struct storage *storage, const char *key, struct str *out)
{
    service_name((const struct service *)storage, key, out);
}

const struct storage_driver s3_driver = {
    .name = "s3aws",
    .summary = "A bucket of Amazon S3, or of what speaks its protocol.",
    .is_put_cheap = true,
    .open = s3_open,
    .close = s3_close,
    .get = s3_get,
    .put = s3_put,
    .stat = s3_stat,
    .list = s3_list,
    .remove = s3_remove,
    .reader_open = reader_open,
    .reader_read = reader_read,
    .reader_close = reader_close,
    .writer_open = writer_open,
    .writer_write = writer_write,
    .writer_flush = writer_flush,
    .writer_close = writer_close,
    .writer_commit = writer_commit,
    .writer_seal = writer_seal,
    .url_for = s3_url_for,
    .object_name = s3_object_name,
};
