/* SPDX-License-Identifier: Apache-2.0
 *
 * vars - see vars.h. Nothing of the configuration is in it, so no secret is.
 */
#include "lib/debug/vars.h"

#include "lib/base/json.h"

#include <malloc.h>

#include "lib/base/banned.h"

/* Counters of upstream that we have not: their places, for those who look for them. */
#define PROXY_COUNTERS                                                                             \
    "{\"Requests\":0,\"Hits\":0,\"Misses\":0,\"BytesPulled\":0,\"BytesPushed\":0}"
#define REGISTRY                                                                                   \
    "{\"cache\":{\"storage\":{\"blobdescriptor\":{}}},\"notifications\":{\"endpoints\":null},"     \
    "\"proxy\":{\"blobs\":" PROXY_COUNTERS ",\"manifests\":" PROXY_COUNTERS "}}"

static void print_command_line(char *const *command_line, struct str *out)
{
    str_append_char(out, '[');
    for (size_t i = 0; command_line != NULL && command_line[i] != NULL; i++) {
        if (i > 0)
            str_append_char(out, ',');
        json_append_string(out, span_of(command_line[i]));
    }
    str_append_char(out, ']');
}

/* The names are those of upstream's runtime, the numbers those of malloc: a heap is a heap. */
static void print_memory(struct str *out)
{
    struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd;
    size_t mapped = info.arena + info.hblkhd;

    str_append_format(out,
                      "{\"Alloc\":%zu,\"Sys\":%zu,\"HeapAlloc\":%zu,\"HeapSys\":%zu,"
                      "\"HeapIdle\":%zu,\"HeapInuse\":%zu,\"HeapReleased\":0}",
                      used, mapped, used, mapped, info.fordblks, used);
}

void vars_print(char *const *command_line, struct str *out)
{
    str_append_text(out, "{\n\"cmdline\": ");
    print_command_line(command_line, out);
    str_append_text(out, ",\n\"memstats\": ");
    print_memory(out);
    str_append_text(out, ",\n\"registry\": " REGISTRY "\n}\n");
}
