/* SPDX-License-Identifier: Apache-2.0
 *
 * Which clients read images only.
 */
#include "lib/api/accept.h"
#include "lib/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define S2 "application/vnd.docker.distribution.manifest.v2+json"
#define ML "application/vnd.docker.distribution.manifest.list.v2+json"
#define OM "application/vnd.oci.image.manifest.v1+json"
#define OI "application/vnd.oci.image.index.v1+json"

static const struct {
    const char *lines[2];
    bool is_images_only;
} cases[] = {
    {{NULL, NULL}, false},
    {{"", NULL}, false},
    {{S2, NULL}, true},
    {{OM, NULL}, true},
    {{S2 ", " OM, NULL}, true},
    {{S2 ";q=0.5,text/html", NULL}, true},
    {{S2, ML}, false},
    {{S2 "," OI, NULL}, false},
    {{ML, NULL}, false},
    {{S2, "*/*"}, false},
    {{S2 ", application/*;q=0.1", NULL}, false},
    {{"*/*", NULL}, false},
    {{"application/json", NULL}, false},
};

static void accept_tells_who_reads_images_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct accept accept = {false, false, false};

        for (size_t j = 0; j < 2 && cases[i].lines[j] != NULL; j++)
            accept_add(&accept, span_of(cases[i].lines[j]));
        assert_int_equal(is_accept_of_images_only(&accept), cases[i].is_images_only);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_tells_who_reads_images_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
