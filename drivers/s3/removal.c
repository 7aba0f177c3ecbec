/* SPDX-License-Identifier: Apache-2.0
 *
 * removal - see removal.h.
 *
 *     a        the object itself
 *     a/...    what is below: listed with the slash, so that a-b and a.b are never touched
 *
 * Whoever removes the directory of a session holds its writer as a rule, and that knows which
 * upload is there: none has to be looked for.
 */
#include "drivers/s3/removal.h"

#include "drivers/s3/hints.h"
#include "drivers/s3/parallel.h"
#include "drivers/s3/s3_multipart.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/writer.h"
#include "lib/base/memory.h"
#include "lib/storage/layout.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define PAGE 1000

/* The objects of one page; services may make it longer than they were asked to. */
static int remove_rows(struct service *service, const struct xml_answer *page, bool *out_found,
                       struct error *err)
{
    auto_free const char **names = xcalloc(PAGE, sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++) {
        if (page->rows[i].kind == XML_OBJECT && page->rows[i].key != NULL)
            names[count++] = page->rows[i].key;
        if (count < PAGE && (count == 0 || i + 1 < page->count))
            continue;
        *out_found = true;
        if (s3_object_remove_many(service, names, count, err) < 0)
            return -1;
        count = 0;
    }
    return 0;
}

static int remove_below(struct service *service, const char *below, bool *out_found,
                        struct error *err)
{
    auto_free char *marker = NULL;

    do {
        auto_s3_answer answer;

        if (s3_object_list(service, below, marker, NULL, PAGE, &answer, err) < 0 ||
            remove_rows(service, &answer.xml, out_found, err) < 0 ||
            s3_object_list_go_on(&answer.xml, &marker, err) < 0)
            return -1;
    } while (marker != NULL);
    return 0;
}

/* The object of that very name. */
static int remove_itself(struct service *service, const char *name, bool *out_found,
                         struct error *err)
{
    struct error why = ERROR_INIT;
    struct s3_head head;

    if (s3_object_head(service, name, &head, &why) < 0) {
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
    if (!is_upload_row(row))
        return 0;
    if (sweep->is_exact ? strcmp(row->key, sweep->name) != 0 : !is_within(sweep->name, row->key))
        return 0;
    if (sweep->kept_id != NULL && strcmp(sweep->kept_id, row->upload_id) == 0)
        return 0;
    sweep->found = true;
    return s3_multipart_abort(sweep->service, row->key, row->upload_id, err);
}

static bool is_same_place(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* From where a page of uploads began, and its two markers, to where the next one does: 1, or 0
 * after the last. */
static int go_on(struct xml_answer *page, char **key_marker, char **id_marker, struct error *err)
{
    if (!page->is_truncated || page->next_marker == NULL || page->next_marker[0] == '\0')
        return 0;
    if (is_same_place(*key_marker, page->next_marker) &&
        is_same_place(*id_marker, page->next_upload_id))
        return error_set(err, ERROR_IO, "the service says of more uploads, and not which");
    free(*key_marker);
    free(*id_marker);
    *key_marker = page->next_marker;
    *id_marker = page->next_upload_id;
    page->next_marker = page->next_upload_id = NULL;
    return 1;
}

static int end_uploads(struct sweep *sweep, struct error *err)
{
    auto_free char *key_marker = NULL;
    auto_free char *id_marker = NULL;
    int is_more = 1;

    while (is_more > 0) {
        auto_s3_answer answer;

        if (s3_multipart_list(sweep->service, sweep->name, key_marker, id_marker, &answer, err) < 0)
            return -1;
        for (size_t i = 0; i < answer.xml.count; i++) {
            if (end_upload(sweep, &answer.xml.rows[i], err) < 0)
                return -1;
        }
        is_more = go_on(&answer.xml, &key_marker, &id_marker, err);
    }
    return is_more;
}

int removal_of_uploads(struct service *service, const char *name, const char *kept_id,
                       struct error *err)
{
    struct sweep sweep = {.service = service, .name = name, .kept_id = kept_id, .is_exact = true};

    return end_uploads(&sweep, err);
}

/* ---- a key and all below it ---- */

struct removal {
    struct service *service;
    const char *name;
    const char *below;
    const char *data;   /* the name of the content, should this be the directory of a session */
    bool is_known;      /* the one upload that is left there is `id`: NULL for none */
    char *id;           /* owned */
    struct sweep sweep; /* of uploads */
    bool found;         /* objects */
};

static int remove_objects(struct removal *removal, struct error *err)
{
    if (remove_below(removal->service, removal->below, &removal->found, err) < 0)
        return -1;
    if (removal->found)
        return 0;
    return remove_itself(removal->service, removal->name, &removal->found, err);
}

static int remove_uploads(struct removal *removal, struct error *err)
{
    if (!removal->is_known)
        return end_uploads(&removal->sweep, err);
    if (removal->id == NULL)
        return 0;
    removal->sweep.found = true;
    return s3_multipart_abort(removal->service, removal->data, removal->id, err);
}

/* Names and uploads are two lists: both at the same time. */
static int remove_kind(void *arg, size_t index, struct error *err)
{
    return index == 0 ? remove_objects(arg, err) : remove_uploads(arg, err);
}

/* The blobs have no uploads below them, and nor have a repository's links. */
static bool may_have_uploads(const char *key)
{
    struct layout_key blobs = layout_blobs_root();

    return !span_starts_with(span_of(key), span_of(blobs.text)) &&
           strstr(key, "/_layers/") == NULL && strstr(key, "/_manifests/") == NULL;
}

static int remove_all(struct removal *removal, size_t kind_count, struct error *err)
{
    struct writer *writer = writer_of(removal->service, removal->data);

    hints_forget(removal->service->hints, removal->data);
    removal->is_known = writer != NULL && writer_renounce(writer, &removal->id);
    removal->sweep = (struct sweep){.service = removal->service, .name = removal->name};
    return parallel_run(kind_count, kind_count, remove_kind, removal, err);
}

int removal_of(struct service *service, const char *key, struct error *err)
{
    SERVICE_NAME(name, service, key);
    SERVICE_NAME(below, service, key);
    SERVICE_NAME(data, service, key);
    struct removal removal = {.service = service};
    int rc;

    str_append_char(&below, '/');
    str_append_text(&data, "/data");
    removal.name = str_text(&name);
    removal.below = str_text(&below);
    removal.data = str_text(&data);
    rc = remove_all(&removal, may_have_uploads(key) ? 2 : 1, err);
    free(removal.id);
    if (rc < 0)
        return -1;
    if (!removal.found && !removal.sweep.found)
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    return 0;
}
