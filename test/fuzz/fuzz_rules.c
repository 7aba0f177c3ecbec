/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_rules - any bytes as an access file: what is accepted names its users, decides every
 * question, and allows nobody less than anonymous.
 */
#include "auth/htpasswd/rules.h"
#include "lib/base/cleanup.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct access_record records[] = {
    {"repository", "a", "pull"},       {"repository", "team/a/b", "push"},
    {"repository", "x/y/z", "delete"}, {"repository", "", "pull"},
    {"repository", "a//b", "pull"},    {"registry", "catalog", "*"},
};

static void check_user(const struct rules *rules, const char *user)
{
    for (size_t i = 0; i < array_count(records); i++) {
        bool is_open = rules_allow(rules, NULL, &records[i]);
        bool is_allowed = rules_allow(rules, user, &records[i]);

        assert(is_allowed || !is_open);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rules *rules = NULL;
    struct error err = ERROR_INIT;
    const char *before = "";

    if (rules_parse(span_make(data, size), &rules, &err) < 0) {
        assert(err.message[0] != '\0' && rules == NULL);
        return 0;
    }
    check_user(rules, "somebody");
    for (size_t i = 0; rules_user(rules, i) != NULL && i < 100; i++) {
        assert(strcmp(before, rules_user(rules, i)) < 0);
        before = rules_user(rules, i);
        check_user(rules, before);
    }
    rules_free(rules);
    return 0;
}
