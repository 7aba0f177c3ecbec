/* SPDX-License-Identifier: Apache-2.0
 *
 * scope - see scope.h.
 */
#include "lib/auth/scope.h"

#include <string.h>

#include "lib/base/banned.h"

static void append_record(struct str *out, const struct access_record *record, bool is_first)
{
    if (!is_first)
        str_append_char(out, ' ');
    str_append_text(out, record->type);
    str_append_char(out, ':');
    str_append_text(out, record->name);
    str_append_char(out, ':');
    str_append_text(out, record->action);
}

void scope_append(struct str *out, const struct access_request *request)
{
    for (size_t i = 0; i < request->record_count; i++)
        append_record(out, &request->records[i], i == 0);
}

static bool is_same_resource(const struct access_record *a, const struct access_record *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->name, b->name) == 0;
}

/* Whether one of the first @count records is about the same resource. */
static bool is_resource_seen(const struct access_request *request, size_t count,
                             const struct access_record *record)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_resource(&request->records[i], record))
            return true;
    }
    return false;
}

/* Whether one of the first @count records is the same. */
static bool is_record_seen(const struct access_request *request, size_t count,
                           const struct access_record *record)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_resource(&request->records[i], record) &&
            strcmp(request->records[i].action, record->action) == 0)
            return true;
    }
    return false;
}

/* The further actions of what record @first is about. */
static void append_actions(struct str *out, const struct access_request *request, size_t first)
{
    const struct access_record *resource = &request->records[first];

    for (size_t i = first + 1; i < request->record_count; i++) {
        const struct access_record *record = &request->records[i];

        if (!is_same_resource(resource, record) || is_record_seen(request, i, record))
            continue;
        str_append_char(out, ',');
        str_append_text(out, record->action);
    }
}

void scope_append_merged(struct str *out, const struct access_request *request)
{
    for (size_t i = 0; i < request->record_count; i++) {
        if (is_resource_seen(request, i, &request->records[i]))
            continue;
        append_record(out, &request->records[i], i == 0);
        append_actions(out, request, i);
    }
}

static void append_parameter(struct str *out, const char *name, struct span value)
{
    str_append_text(out, name);
    access_append_quoted(out, value);
}

void scope_append_challenge(struct str *out, const struct scope_challenge *challenge)
{
    append_parameter(out, "Bearer realm=", challenge->realm);
    append_parameter(out, ",service=", challenge->service);
    if (challenge->scope.len > 0)
        append_parameter(out, ",scope=", challenge->scope);
    if (challenge->error.len > 0)
        append_parameter(out, ",error=", challenge->error);
}
