/* SPDX-License-Identifier: Apache-2.0
 *
 * log_json - a line as a JSON object, for whatever collects logs. All names are sorted, the line's
 * own among those of its fields.
 *
 *     {"instance.id":"...","level":"info","msg":"listening on :5000","time":"2026-11-21T..."}
 *     {"@timestamp":"2026-11-21T...","@version":"1","level":"info","message":"listening on :5000"}
 */
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define OWN_COUNT 4 /* members that are no fields, at most */

struct member {
    struct span prefix; /* of the name: "" or "fields." */
    struct log_field field;
};

struct object {
    struct member members[LOG_FIELDS_MAX + OWN_COUNT];
    size_t count;
};

static void add_own(struct object *object, const char *name, struct span value)
{
    object->members[object->count++] = (struct member){
        .prefix = SPAN(""), .field = {.name = name, .value = value, .kind = LOG_TEXT}};
}

/* A field with a name of the line's own gets another one. */
static struct span prefix_of(const struct object *object, size_t own_count, const char *name)
{
    for (size_t i = 0; i < own_count; i++) {
        if (strcmp(object->members[i].field.name, name) == 0)
            return SPAN("fields.");
    }
    return SPAN("");
}

static void add_fields(struct object *object, const struct log_entry *entry)
{
    size_t own_count = object->count;

    for (size_t i = 0; i < entry->field_count && i < LOG_FIELDS_MAX; i++)
        object->members[object->count++] = (struct member){
            .prefix = prefix_of(object, own_count, entry->fields[i].name),
            .field = entry->fields[i],
        };
}

/* The byte of a name at @i, as if prefix and name were one text. */
static unsigned char name_byte(const struct member *member, size_t i)
{
    if (i < member->prefix.len)
        return (unsigned char)member->prefix.data[i];
    return (unsigned char)member->field.name[i - member->prefix.len];
}

static int compare_members(const void *a, const void *b)
{
    const struct member *first = a;
    const struct member *second = b;
    size_t i = 0;

    while (name_byte(first, i) != '\0' && name_byte(first, i) == name_byte(second, i))
        i++;
    return name_byte(first, i) - name_byte(second, i);
}

static bool is_same_name(const struct member *a, const struct member *b)
{
    return compare_members(a, b) == 0;
}

static void append_cut(struct str *out, struct span value)
{
    str_append_char(out, '"');
    json_append_characters(out, value);
    str_append_text(out, "...\"");
}

/* One line is one line, whoever made the value. */
static bool has_control(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.data[i] < 0x20)
            return true;
    }
    return false;
}

static void append_value(struct str *out, const struct log_field *field)
{
    bool is_cut;
    struct span shown = log_shown(field->value, &is_cut);

    if (is_cut)
        append_cut(out, shown);
    else if (field->kind == LOG_TEXT || shown.len == 0 || has_control(shown))
        json_append_string(out, shown);
    else
        str_append(out, shown);
}

static void append_name(struct str *out, const struct member *member)
{
    str_append_char(out, '"');
    str_append(out, member->prefix);
    json_append_characters(out, span_of(member->field.name));
    str_append_char(out, '"');
}

static void append_object(struct str *out, struct object *object)
{
    char before = '{';

    qsort(object->members, object->count, sizeof(object->members[0]), compare_members);
    for (size_t i = 0; i < object->count; i++) {
        const struct member *member = &object->members[i];

        if (i > 0 && is_same_name(member - 1, member))
            continue; /* "fields.level" is in the configuration, too */
        str_append_char(out, before);
        before = ',';
        append_name(out, member);
        str_append_char(out, ':');
        append_value(out, &member->field);
    }
    str_append_char(out, '}');
}

void log_json_append(struct str *out, const struct log_entry *entry)
{
    struct object object = {.count = 0};
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(entry->at, at);
    add_own(&object, "level", span_of(entry->level));
    add_own(&object, "msg", entry->message);
    add_own(&object, "time", span_of(at));
    add_fields(&object, entry);
    append_object(out, &object);
}

void log_logstash_append(struct str *out, const struct log_entry *entry)
{
    struct object object = {.count = 0};
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(entry->at, at);
    add_own(&object, "@timestamp", span_of(at));
    add_own(&object, "@version", SPAN("1"));
    add_own(&object, "level", span_of(entry->level));
    add_own(&object, "message", entry->message);
    add_fields(&object, entry);
    append_object(out, &object);
}
