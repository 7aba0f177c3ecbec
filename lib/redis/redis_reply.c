/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_reply - see redis_reply.h. hiredis parses; we bound what it is given and what it makes.
 */
#include "lib/redis/redis_reply.h"

#include <assert.h>
#include <hiredis/hiredis.h>

#include "lib/base/banned.h"

static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *, int);

/* An array costs memory when its head is read, before there is anything of it. NULL ends the
 * parsing. */
static void *create_bounded_array(const redisReadTask *task, int elements)
{
    return elements <= REDIS_ARRAY_LENGTH_MAX ? create_array(task, elements) : NULL;
}

void redis_replies_init(struct redis_replies *replies, size_t wanted)
{
    redisReader *reader = redisReaderCreate();

    assert(wanted > 0 && wanted <= REDIS_REPLIES_MAX);
    if (reader == NULL)
        abort();
    if (create_array == NULL) {
        bounded = *reader->fn;
        create_array = bounded.createArray;
        bounded.createArray = create_bounded_array;
    }
    reader->fn = &bounded;
    *replies = (struct redis_replies){.reader = reader, .wanted = wanted};
}

void redis_replies_fini(struct redis_replies *replies)
{
    for (size_t i = 0; i < replies->count; i++)
        freeReplyObject(replies->items[i]);
    if (replies->reader != NULL)
        redisReaderFree(replies->reader);
    *replies = (struct redis_replies){.reader = NULL};
}

int redis_replies_feed(struct redis_replies *replies, struct span bytes, struct error *err)
{
    redisReader *reader = replies->reader;
    void *reply;

    replies->fed += bytes.len;
    if (replies->fed > REDIS_REPLY_BYTES_MAX)
        return error_set(err, ERROR_UNAVAILABLE, "an answer of more than %d bytes",
                         REDIS_REPLY_BYTES_MAX);
    if (redisReaderFeed(reader, bytes.data, bytes.len) != REDIS_OK)
        return error_set(err, ERROR_UNAVAILABLE, "%s", reader->errstr);
    while (replies->count < replies->wanted) {
        reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK)
            return error_set(err, ERROR_UNAVAILABLE, "%s", reader->errstr);
        if (reply == NULL)
            return 0;
        replies->items[replies->count++] = reply;
    }
    if (reader->len > reader->pos)
        return error_set(err, ERROR_UNAVAILABLE, "Protocol error, an answer nobody asked for");
    return 1;
}

/* ---- what they say ---- */

static bool take(const redisReply *reply, int type, struct span *out)
{
    if (reply->type != type)
        return false;
    *out = span_make(reply->str, reply->len);
    return true;
}

bool redis_reply_error(const struct redis_replies *replies, size_t index, struct span *out)
{
    return index < replies->count && take(replies->items[index], REDIS_REPLY_ERROR, out);
}

bool redis_reply_integer(const struct redis_replies *replies, size_t index, int64_t *out)
{
    if (index >= replies->count || replies->items[index]->type != REDIS_REPLY_INTEGER)
        return false;
    *out = replies->items[index]->integer;
    return true;
}

bool redis_reply_text(const struct redis_replies *replies, size_t index, struct span *out)
{
    return index < replies->count && (take(replies->items[index], REDIS_REPLY_STRING, out) ||
                                      take(replies->items[index], REDIS_REPLY_STATUS, out));
}

size_t redis_reply_length(const struct redis_replies *replies, size_t index)
{
    if (index >= replies->count || replies->items[index]->type != REDIS_REPLY_ARRAY)
        return 0;
    return replies->items[index]->elements;
}

bool redis_reply_element(const struct redis_replies *replies, size_t index, size_t element,
                         struct span *out)
{
    return element < redis_reply_length(replies, index) &&
           take(replies->items[index]->element[element], REDIS_REPLY_STRING, out);
}
