/* SPDX-License-Identifier: Apache-2.0
 *
 * glob - see glob.h.
 */
#include "auth/htpasswd/glob.h"

#include "lib/base/ascii.h"
#include "lib/oci/reference.h"

#include "lib/base/banned.h"

#define ANY_COMPONENTS "**"

/* ---- checking ---- */

static const char *check_component(struct span component)
{
    if (component.len == 0)
        return "has an empty component";
    if (span_is(component, ANY_COMPONENTS))
        return NULL;
    for (size_t i = 0; i < component.len; i++) {
        char c = component.data[i];

        if (is_ascii_upper(c))
            return "has capitals; names of repositories are in small letters";
        if (!is_ascii_alnum_or(c, "._-*"))
            return "holds a character that no repository has";
        if (c == '*' && i > 0 && component.data[i - 1] == '*')
            return "has ** beside other characters; it stands for whole components";
    }
    return NULL;
}

const char *glob_check(struct span pattern)
{
    struct span rest = pattern;

    if (pattern.len > GLOB_LEN_MAX)
        return "is longer than the name of a repository";
    do {
        const char *fault = check_component(span_cut(&rest, '/'));

        if (fault != NULL)
            return fault;
    } while (rest.data != NULL);
    return NULL;
}

/* ---- matching ---- */

/* Where to go on when what follows the last star does not match: the star takes one more. */
struct retry {
    bool is_set;
    struct span pattern; /* behind the star */
    struct span name;    /* behind what the star has taken */
};

static bool match_component(struct span pattern, struct span name)
{
    struct retry retry = {.is_set = false};

    for (;;) {
        if (pattern.len > 0 && pattern.data[0] == '*') {
            pattern = span_from(pattern, 1);
            retry = (struct retry){true, pattern, name};
        } else if (pattern.len > 0 && name.len > 0 && pattern.data[0] == name.data[0]) {
            pattern = span_from(pattern, 1);
            name = span_from(name, 1);
        } else if (pattern.len == 0 && name.len == 0) {
            return true;
        } else if (retry.is_set && retry.name.len > 0) {
            retry.name = span_from(retry.name, 1);
            pattern = retry.pattern;
            name = retry.name;
        } else {
            return false;
        }
    }
}

/* The first component; the text that is left has data NULL when there is no more. */
static struct span first_of(struct span text, struct span *out_rest)
{
    *out_rest = text;
    return span_cut(out_rest, '/');
}

/* As match_component, a component at a time. */
static bool match_components(struct span pattern, struct span name)
{
    struct retry retry = {.is_set = false};

    for (;;) {
        struct span pattern_rest;
        struct span name_rest;
        struct span wanted = first_of(pattern, &pattern_rest);
        struct span component = first_of(name, &name_rest);

        if (pattern.data != NULL && span_is(wanted, ANY_COMPONENTS)) {
            pattern = pattern_rest;
            retry = (struct retry){true, pattern, name};
        } else if (pattern.data != NULL && name.data != NULL &&
                   match_component(wanted, component)) {
            pattern = pattern_rest;
            name = name_rest;
        } else if (pattern.data == NULL && name.data == NULL) {
            return true;
        } else if (retry.is_set && retry.name.data != NULL) {
            span_cut(&retry.name, '/');
            pattern = retry.pattern;
            name = retry.name;
        } else {
            return false;
        }
    }
}

bool glob_match(struct span pattern, struct span name)
{
    if (span_is(pattern, ANY_COMPONENTS))
        return true;
    return name.len > 0 && name.len <= REPOSITORY_LEN_MAX && match_components(pattern, name);
}
