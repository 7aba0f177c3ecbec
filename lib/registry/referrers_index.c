/* SPDX-License-Identifier: Apache-2.0
 *
 * referrers_index - see referrers_index.h. Names and lines are both sorted, so that every pass goes
 * once through each.
 */
#include "lib/registry/referrers_index.h"

#include "lib/base/encode.h"

#include <string.h>

#include "lib/base/banned.h"

#define HEX_LEN    ((size_t)64)
#define RULES      "1 "
#define HEADER_LEN (sizeof(RULES "sha256:") - 1 + HEX_LEN + 1)

/* Whether @name, a child of the directory of revisions, is a sha256 in hexadecimal. */
static bool is_revision_name(struct span name)
{
    uint8_t bytes[HEX_LEN / 2];

    return decode_hex(name, bytes, sizeof(bytes));
}

static void format_header(struct span lines, char out[HEADER_LEN + 1])
{
    struct str header = STR_INIT(HEADER_LEN);
    char text[DIGEST_TEXT_SIZE];
    struct digest digest;

    digest_of(DIGEST_SHA256, lines, &digest);
    str_append_format(&header, RULES "%s\n", digest_format(&digest, text));
    memcpy(out, str_text(&header), HEADER_LEN + 1);
    str_fini(&header);
}

static struct span revision_of(struct span line)
{
    return span_make(line.data, line.len < HEX_LEN ? line.len : HEX_LEN);
}

static bool is_line(struct span line)
{
    struct span rest = span_from(line, HEX_LEN);
    struct digest subject;

    if (!is_revision_name(revision_of(line)))
        return false;
    return rest.len == 0 || (rest.data[0] == ' ' && digest_parse(span_from(rest, 1), &subject));
}

static bool are_lines(struct span lines)
{
    struct span before = SPAN("");

    if (lines.len > 0 && lines.data[lines.len - 1] != '\n')
        return false;
    while (lines.len > 0) {
        struct span line = span_cut(&lines, '\n');

        if (!is_line(line) || span_compare(before, revision_of(line)) >= 0)
            return false;
        before = revision_of(line);
    }
    return true;
}

bool referrers_index_open(struct span text, struct span *out_lines)
{
    struct span lines = span_from(text, HEADER_LEN);
    char header[HEADER_LEN + 1];

    if (text.len < HEADER_LEN)
        return false;
    format_header(lines, header);
    if (memcmp(text.data, header, HEADER_LEN) != 0 || !are_lines(lines))
        return false;
    *out_lines = lines;
    return true;
}

void referrers_index_add(struct str *lines, struct span revision, const struct digest *subject)
{
    char text[DIGEST_TEXT_SIZE];

    str_append(lines, revision);
    if (subject != NULL)
        str_append_format(lines, " %s", digest_format(subject, text));
    str_append_char(lines, '\n');
}

/* The line of @revision, or data NULL. Moves @lines on, past all that comes before it. */
static struct span take_line(struct span *lines, struct span revision)
{
    while (lines->len > 0) {
        struct span rest = *lines;
        struct span line = span_cut(&rest, '\n');
        int order = span_compare(revision_of(line), revision);

        if (order > 0)
            break;
        *lines = rest;
        if (order == 0)
            return line;
    }
    return (struct span){NULL, 0};
}

static void add_found(struct storage_list *found, struct span revision)
{
    struct str digest = STR_INIT(DIGEST_TEXT_SIZE);

    str_append_text(&digest, "sha256:");
    str_append(&digest, revision);
    storage_list_add(found, str_span(&digest));
    str_fini(&digest);
}

void referrers_index_select(const struct storage_list *revisions, struct span lines,
                            const struct digest *subject, struct storage_list *found,
                            struct storage_list *unseen)
{
    char text[DIGEST_TEXT_SIZE];
    struct span wanted = span_of(digest_format(subject, text));

    for (size_t i = 0; i < revisions->count; i++) {
        struct span revision = span_of(revisions->names[i]);
        struct span line;

        if (!is_revision_name(revision))
            continue;
        line = take_line(&lines, revision);
        if (line.data == NULL && unseen != NULL)
            storage_list_add(unseen, revision);
        else if (line.len > HEX_LEN && span_equals(span_from(line, HEX_LEN + 1), wanted))
            add_found(found, revision);
    }
}

static void append_line(struct str *out, struct span line)
{
    str_append(out, line);
    str_append_char(out, '\n');
}

void referrers_index_write(const struct storage_list *revisions, struct span known,
                           struct span learned, struct str *out)
{
    char header[HEADER_LEN + 1] = {0};

    str_append(out, span_make(header, HEADER_LEN));
    for (size_t i = 0; i < revisions->count; i++) {
        struct span revision = span_of(revisions->names[i]);
        struct span old_line = take_line(&known, revision);
        struct span new_line = take_line(&learned, revision);

        if (old_line.data != NULL)
            append_line(out, old_line);
        else if (new_line.data != NULL)
            append_line(out, new_line);
    }
    if (str_overflowed(out))
        return;
    format_header(span_from(str_span(out), HEADER_LEN), header);
    memcpy(out->data, header, HEADER_LEN);
}
