/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_reference - any bytes as a repository name, a tag, a digest: the verdicts are those of the
 * regular expressions that say what upstream accepts, which another engine reads here.
 */
#include "lib/base/memory.h"
#include "lib/oci/reference.h"

#include <assert.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define COMPONENT "[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
#define LABEL     "([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
#define HOST      "(" LABEL "(\\." LABEL ")*|\\[[a-fA-F0-9:]+\\])"
#define NAME      "^(" HOST "(:[0-9]+)?/)?" COMPONENT "(/" COMPONENT ")*$"
#define TAG       "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
#define SHAPE     "^[a-z0-9]+([.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"
#define DIGEST    "^(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$"

enum { PATTERN_NAME, PATTERN_TAG, PATTERN_SHAPE, PATTERN_DIGEST, PATTERN_COUNT };

static const char *const patterns[PATTERN_COUNT] = {NAME, TAG, SHAPE, DIGEST};
static regex_t compiled[PATTERN_COUNT];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Text with a NUL matches nothing. */
static bool matches(int pattern, struct span text)
{
    static bool is_compiled;
    auto_free char *terminated = xmalloc(text.len + 1);

    for (int i = 0; i < PATTERN_COUNT && !is_compiled; i++) {
        if (regcomp(&compiled[i], patterns[i], REG_EXTENDED | REG_NOSUB) != 0)
            abort();
    }
    is_compiled = true;
    if (text.len > 0)
        memcpy(terminated, text.data, text.len);
    terminated[text.len] = '\0';
    return strlen(terminated) == text.len &&
           regexec(&compiled[pattern], terminated, 0, NULL, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct reference reference;
    struct digest digest;

    if (size > 1000)
        return 0; /* the other engine is slow */
    assert(is_repository_shaped(text) == matches(PATTERN_NAME, text));
    assert(is_tag(text) == matches(PATTERN_TAG, text));
    assert(is_digest_shaped(text) == matches(PATTERN_SHAPE, text));
    assert(digest_parse(text, &digest) == matches(PATTERN_DIGEST, text));
    assert(!is_repository(text) || (size <= REPOSITORY_LEN_MAX && is_repository_shaped(text)));
    assert(reference_parse(text, &reference) == (is_tag(text) || digest_parse(text, &digest)));
    return 0;
}
