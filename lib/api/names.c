/* SPDX-License-Identifier: Apache-2.0
 *
 * names - see names.h.
 */
#include "lib/api/names.h"

#include "lib/base/json.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <event2/buffer.h>

#include "lib/base/banned.h"

#define PIECE_COUNT 256               /* names built before others get their turn */
#define PIECE_MAX   ((size_t)1 << 20) /* bytes; more than those names can take */
#define TAIL        "]}\n"

struct listing {
    struct span head;
    char **names;
    size_t count;
    size_t done;    /* names that are built */
    int64_t length; /* bytes of the whole */
};

/* Appends the next piece, with what stands before the first name and behind the last. */
static void append_piece(struct listing *listing, struct str *out)
{
    size_t end = listing->done + PIECE_COUNT;

    if (listing->done == 0) {
        str_append(out, listing->head);
        str_append_char(out, '[');
    }
    for (; listing->done < end && listing->done < listing->count; listing->done++) {
        if (listing->done > 0)
            str_append_char(out, ',');
        json_append_string(out, span_of(listing->names[listing->done]));
    }
    if (listing->done == listing->count)
        str_append_text(out, TAIL);
}

static int check(const struct str *piece, struct error *err)
{
    return str_overflowed(piece) ? error_set(err, ERROR_TOO_LARGE, "names too long to list") : 0;
}

/* On a helper: the length is sent first, so that everything is built once to be measured. */
static int measure(void *arg, struct error *err)
{
    struct listing *listing = arg;
    auto_str piece = STR_INIT(PIECE_MAX);

    do {
        str_reset(&piece);
        append_piece(listing, &piece);
        listing->length += (int64_t)piece.len;
    } while (listing->done < listing->count);
    listing->done = 0;
    return check(&piece, err);
}

static int send_piece(struct exchange *ex, struct listing *listing, struct str *text,
                      struct evbuffer *piece, struct error *err)
{
    str_reset(text);
    append_piece(listing, text);
    evbuffer_add(piece, text->data, text->len);
    if (http_reply_write(ex->http, piece, err) < 0)
        return -1;
    return task_sleep(0, err);
}

static int send_long(struct exchange *ex, struct listing *listing, struct error *err)
{
    auto_str text = STR_INIT(PIECE_MAX);
    struct evbuffer *piece;
    int rc = 0;

    if (offload(measure, listing, err) < 0)
        return -1;
    http_reply_header(ex->http, "Content-Type", "application/json; charset=utf-8");
    http_reply_begin(ex->http, 200, listing->length);
    piece = evbuffer_new();
    while (rc == 0 && listing->done < listing->count && is_exchange_method(ex, "GET"))
        rc = send_piece(ex, listing, &text, piece, err);
    evbuffer_free(piece);
    if (rc == 0)
        http_reply_end(ex->http);
    return rc;
}

int names_send(struct exchange *ex, struct span head, const struct storage_list *names,
               size_t first, size_t count, struct error *err)
{
    struct listing listing = {.head = head, .count = count};
    auto_str body = STR_INIT(PIECE_MAX);

    if (count > 0)
        listing.names = names->names + first;
    if (count > PIECE_COUNT)
        return send_long(ex, &listing, err);
    append_piece(&listing, &body);
    if (check(&body, err) < 0)
        return -1;
    exchange_send_json(ex, 200, str_span(&body));
    return 0;
}
