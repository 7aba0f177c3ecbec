/* SPDX-License-Identifier: Apache-2.0
 *
 * options - the table of every configuration key upstream or we know. One row per key.
 */
#pragma once

#include "lib/config/config.h"

enum option_type {
    OPTION_SECTION,  /* a map with the keys below it; the environment names only those */
    OPTION_OPEN,     /* likewise, and the environment may make new keys in it, in lower case */
    OPTION_ONE_OF,   /* as OPEN; a single text stands for a map with that one, empty, key */
    OPTION_TEXT,     /* char * */
    OPTION_BOOL,     /* bool */
    OPTION_INTEGER,  /* int64_t */
    OPTION_DURATION, /* int64_t, nanoseconds */
    OPTION_LEVEL,    /* enum log_level */
    OPTION_TEXTS,    /* struct config_texts: a list */
    OPTION_PAIRS,    /* struct config_pairs: a map of texts */
    OPTION_HEADERS,  /* struct config_pairs: a map of lists of texts */
    OPTION_MAPS,     /* struct config_items: a list of maps with the keys below it */
    OPTION_ANY,      /* only refused ones: whatever it holds */
};

enum option_state {
    OPTION_SUPPORTED,
    OPTION_ACCEPTED, /* read and checked, without effect in this version; noted at start */
    OPTION_REFUSED,  /* upstream knows it, this version does not: an error when it says anything */
};

/* What a check has to say about a value; "" is nothing. */
struct option_finding {
    char problem[128]; /* follows "<key>: " */
    char warning[160];
};

/* Checks the value at @field, and may replace it by its normal form. */
typedef void option_check_cb(void *field, struct option_finding *finding);

struct option {
    const char *path; /* "http.addr" */
    enum option_type type;
    enum option_state state;
    size_t offset;    /* in struct config, or in the item; unused for sections and refused ones */
    size_t item_size; /* MAPS: of the struct of one item */
    bool is_item;     /* a key of the items of the MAPS above it */
    bool is_required; /* an item must say it */
    const char *default_text; /* YAML, read by the reader of files; NULL for sections */
    int64_t min;              /* INTEGER, and DURATION in nanoseconds */
    int64_t max;              /* 0: none; of PAIRS and MAPS: most entries */
    const char *choices;      /* TEXT, BOOL, LEVEL: the values that work, "a|b"; NULL: any */
    const char *refused;      /* values upstream knows and this version does not, "c|d" */
    const char *env;          /* its part of the variable's name where that is not the key */
    const char *example;      /* YAML for the example file where that is not the default */
    bool is_shown;            /* the example says it; else it is there as a comment */
    bool is_driver;           /* a storage driver, the key is its name */
    bool is_controller;       /* an access controller, likewise */
    bool is_secret;
    bool is_untyped;    /* upstream reads any scalar here and prints it as text */
    bool is_string;     /* upstream wants a string here, not what YAML takes for a number or bool */
    bool is_ours;       /* upstream does not have it */
    bool is_reloadable; /* counts anew after SIGHUP */
    option_check_cb *check;
    const char *note; /* ACCEPTED: why it has no effect, "" says nothing at start; REFUSED: what to
                         do instead; NULL: not built yet */
    const char *help; /* sentences */
};

extern const struct option options[];
extern const size_t option_count;

/* The row of that path; NULL for an unknown key. */
const struct option *option_find(const char *path);
size_t option_index(const struct option *option);

bool is_option_section(const struct option *option);

/* Has it a value of its own, in struct config or in an item? */
bool has_option_value(const struct option *option);

/* Does a section hold a key with a value, at any depth? */
bool has_option_values(const struct option *section);

/* How many sections and lists it is in. */
size_t option_depth(const struct option *option);

/* Whether @option lies directly below @section; "" is the top. */
bool is_option_below(const struct option *option, const char *section);

/* Whether @option is @section or lies anywhere below it. */
bool is_option_within(const struct option *option, const struct option *section);

/* The last part of the path. */
const char *option_key(const struct option *option);

/* The known key most like the unknown @path, first among its neighbours; NULL if none is. */
const struct option *option_nearest(const char *path);

/* "REGISTRY_HTTP_ADDR"; of the key of an item the first: "REGISTRY_HEALTH_FILECHECKERS_0_FILE".
 * Appends. */
void option_variable(const struct option *option, struct str *out);

/* "text", "duration" ...; "number" for humans. Static. */
const char *option_type_name(enum option_type type);
