/* SPDX-License-Identifier: Apache-2.0
 *
 * passwords - see passwords.h. Lines become entries in the order of the file; sorting keeps that
 * order among the lines of one user, and the last of them stays.
 */
#include "auth/htpasswd/passwords.h"

#include "auth/htpasswd/bcrypt.h"
#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct entry {
    struct span user; /* lent from the text */
    struct span entry;
};

struct passwords {
    char *text; /* owned */
    size_t text_len;
    struct entry *entries; /* owned; sorted by user, each once */
    size_t count;
    size_t room;
    unsigned usual_cost;
    size_t useless_count;
};

void passwords_free(struct passwords *passwords)
{
    if (passwords == NULL)
        return;
    explicit_bzero(passwords->text, passwords->text_len);
    free(passwords->entries);
    free(passwords->text);
    free(passwords);
}

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span line)
{
    while (line.len > 0 && is_blank(line.data[0]))
        line = span_from(line, 1);
    while (line.len > 0 && is_blank(line.data[line.len - 1]))
        line.len--;
    return line;
}

enum passwords_line passwords_split(struct span line, struct span *out_user, struct span *out_entry)
{
    struct span entry = trim(line);
    struct span user;

    if (entry.len == 0 || entry.data[0] == '#')
        return PASSWORDS_NOTHING;
    user = span_cut(&entry, ':');
    if (entry.data == NULL)
        return PASSWORDS_BROKEN;
    *out_user = user;
    *out_entry = entry;
    return PASSWORDS_ENTRY;
}

static void add(struct passwords *passwords, struct span user, struct span entry)
{
    if (passwords->count == passwords->room) {
        passwords->room = passwords->room * 2 + 16;
        passwords->entries =
            xrealloc(passwords->entries, passwords->room * sizeof(*passwords->entries));
    }
    passwords->entries[passwords->count++] = (struct entry){user, entry};
}

static int read_line(struct passwords *passwords, struct span line, size_t number,
                     struct error *err)
{
    struct span user;
    struct span entry;

    if (line.len >= PASSWORDS_LINE_MAX)
        return error_set(err, ERROR_INVALID, "htpasswd: line %zu is too long", number);
    switch (passwords_split(line, &user, &entry)) {
    case PASSWORDS_BROKEN:
        return error_set(err, ERROR_INVALID, "htpasswd: invalid entry at line %zu", number);
    case PASSWORDS_ENTRY:
        add(passwords, user, entry);
        break;
    case PASSWORDS_NOTHING:
        break;
    }
    return 0;
}

static int read_lines(struct passwords *passwords, struct error *err)
{
    struct span rest = passwords_text(passwords);

    for (size_t number = 1; rest.len > 0; number++) {
        struct span line = span_cut(&rest, '\n');

        if (read_line(passwords, line, number, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the table ---- */

static int compare(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    int order = span_compare(left->user, right->user);

    if (order != 0)
        return order;
    return left->user.data < right->user.data ? -1 : left->user.data > right->user.data;
}

static void sort(struct passwords *passwords)
{
    struct entry *entries = passwords->entries;
    size_t kept = 0;

    if (passwords->count == 0)
        return;
    qsort(entries, passwords->count, sizeof(*entries), compare);
    for (size_t i = 1; i < passwords->count; i++) {
        if (!span_equals(entries[i].user, entries[kept].user))
            kept++;
        entries[kept] = entries[i];
    }
    passwords->count = kept + 1;
}

static void count_costs(struct passwords *passwords)
{
    size_t counts[BCRYPT_COST_MAX + 1] = {0};
    unsigned usual = BCRYPT_COST_USUAL;

    for (size_t i = 0; i < passwords->count; i++)
        counts[bcrypt_cost(passwords->entries[i].entry)]++;
    for (unsigned cost = BCRYPT_COST_MIN; cost <= BCRYPT_COST_MAX; cost++) {
        if (counts[cost] > 0 && counts[cost] >= counts[usual])
            usual = cost;
    }
    passwords->usual_cost = usual;
    passwords->useless_count = counts[0];
}

int passwords_parse(struct span text, struct passwords **out, struct error *err)
{
    struct passwords *passwords;

    if (text.len > PASSWORDS_FILE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "htpasswd: the file has more than %d bytes",
                         PASSWORDS_FILE_MAX);
    passwords = xcalloc(1, sizeof(*passwords));
    passwords->text = xmalloc(text.len);
    if (text.len > 0)
        memcpy(passwords->text, text.data, text.len);
    passwords->text_len = text.len;
    if (read_lines(passwords, err) < 0) {
        passwords_free(passwords);
        return -1;
    }
    sort(passwords);
    count_costs(passwords);
    *out = passwords;
    return 0;
}

bool passwords_find(const struct passwords *passwords, struct span user, struct span *out_entry)
{
    size_t low = 0;
    size_t high = passwords->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(passwords->entries[middle].user, user);

        if (order == 0) {
            *out_entry = passwords->entries[middle].entry;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

size_t passwords_count(const struct passwords *passwords)
{
    return passwords->count;
}

size_t passwords_useless_count(const struct passwords *passwords)
{
    return passwords->useless_count;
}

struct span passwords_text(const struct passwords *passwords)
{
    return span_make(passwords->text, passwords->text_len);
}

bool passwords_only_gained(const struct passwords *before, const struct passwords *after)
{
    for (size_t i = 0; i < before->count; i++) {
        struct span entry;

        if (!passwords_find(after, before->entries[i].user, &entry) ||
            !span_equals(entry, before->entries[i].entry))
            return false;
    }
    return true;
}

unsigned passwords_usual_cost(const struct passwords *passwords)
{
    return passwords->usual_cost;
}
