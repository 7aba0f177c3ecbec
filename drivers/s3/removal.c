/* SPDX-License-Identifier: Apache-2.0
 *
 * removal - see removal.h.
 *
 *     a        the object itself
 *     a/...    what is below: listed with the slash, so that a-b and a.b are never touched
 */
#include "drivers/s3/removal.h"

#include "drivers/s3/s3_multipart.h"
#include "drivers/s3/s3_object.h"
#include "lib/base/memory.h"
#include "lib/storage/layout.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define PAGE 1000

/* One page of what is below, removed; nothing is left in @out_is_more of a page that was the last.
 * The names are asked for anew each time: those that were there are gone. */
static int remove_page(struct service *service, const char *below, bool *out_is_more,
                       size_t *out_count, struct error *err)
{
    const char **names = xcalloc(PAGE, sizeof(*names));
    size_t count = 0;
    auto_s3_answer answer = {0};
    int rc = s3_object_list(service, below, NULL, NULL, PAGE, &answer, err);

    for (size_t i = 0; rc == 0 && i < answer.xml.count && count < PAGE; i++) {
        if (answer.xml.rows[i].kind == XML_OBJECT && answer.xml.rows[i].key != NULL)
            names[count++] = answer.xml.rows[i].key;
    }
    if (rc == 0 && count > 0)
        rc = s3_object_remove_many(service, names, count, err);
    free(names);
    *out_is_more = answer.xml.is_truncated && count > 0;
    *out_count = count;
    return rc;
}

static int remove_below(struct service *service, const char *below, bool *out_found,
                        struct error *err)
{
    bool is_more = true;

    while (is_more) {
        size_t count = 0;

        if (remove_page(service, below, &is_more, &count, err) < 0)
            return -1;
        *out_found |= count > 0;
    }
    return 0;
}

/* The object of that very name. */
static int remove_itself(struct service *service, const char *name, bool *out_found,
                         struct error *err)
{
    struct error why = ERROR_INIT;
    struct timespec modified_at;
    int64_t size;

    if (s3_object_head(service, name, &size, &modified_at, &why) < 0) {
        if (why.code == ERROR_NOT_FOUND)
            return 0;
        *err = why;
        return -1;
    }
    *out_found = true;
    return s3_object_remove(service, name, err);
}

/* Whether an upload of that name is the key's, or of something below it. */
static bool is_within(const char *name, const char *upload)
{
    size_t len = strlen(name);

    return strncmp(name, upload, len) == 0 && (upload[len] == '\0' || upload[len] == '/');
}

struct sweep {
    struct service *service;
    const char *name;
    const char *kept_id;
    bool is_exact; /* only of this very name */
    bool found;
};

static int end_upload(struct sweep *sweep, const struct xml_row *row, struct error *err)
{
    if (row->kind != XML_UPLOAD || row->key == NULL || row->upload_id == NULL)
        return 0;
    if (sweep->is_exact ? strcmp(row->key, sweep->name) != 0 : !is_within(sweep->name, row->key))
        return 0;
    if (sweep->kept_id != NULL && strcmp(sweep->kept_id, row->upload_id) == 0)
        return 0;
    sweep->found = true;
    return s3_multipart_abort(sweep->service, row->key, row->upload_id, err);
}

static int end_uploads(struct sweep *sweep, struct error *err)
{
    auto_free char *key_marker = NULL;
    auto_free char *id_marker = NULL;
    bool is_more = true;

    while (is_more) {
        auto_s3_answer answer;

        if (s3_multipart_list(sweep->service, sweep->name, key_marker, id_marker, &answer, err) < 0)
            return -1;
        for (size_t i = 0; i < answer.xml.count; i++) {
            if (end_upload(sweep, &answer.xml.rows[i], err) < 0)
                return -1;
        }
        is_more = answer.xml.is_truncated && answer.xml.next_marker != NULL &&
                  answer.xml.next_marker[0] != '\0';
        free(key_marker);
        free(id_marker);
        key_marker = answer.xml.next_marker;
        id_marker = answer.xml.next_upload_id;
        answer.xml.next_marker = answer.xml.next_upload_id = NULL;
    }
    return 0;
}

int removal_of_uploads(struct service *service, const char *name, const char *kept_id,
                       struct error *err)
{
    struct sweep sweep = {.service = service, .name = name, .kept_id = kept_id, .is_exact = true};

    return end_uploads(&sweep, err);
}

int removal_of(struct service *service, const char *key, struct error *err)
{
    struct layout_key blobs = layout_blobs_root();
    bool may_have_uploads = !span_starts_with(span_of(key), span_of(blobs.text));
    bool found = false;
    SERVICE_NAME(name, service, key);
    SERVICE_NAME(below, service, key);
    struct sweep sweep = {.service = service, .name = str_text(&name)};

    str_append_char(&below, '/');
    if (remove_below(service, str_text(&below), &found, err) < 0 ||
        (!found && remove_itself(service, str_text(&name), &found, err) < 0) ||
        (may_have_uploads && end_uploads(&sweep, err) < 0))
        return -1;
    if (!found && !sweep.found)
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    return 0;
}
