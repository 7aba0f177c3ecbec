/* SPDX-License-Identifier: Apache-2.0
 *
 * The media types of manifests and layers.
 */
#include "lib/base/cleanup.h"
#include "lib/oci/media_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void kinds_and_types_belong_together(void **state)
{
    (void)state;
    for (enum manifest_kind kind = MANIFEST_DOCKER; kind <= MANIFEST_OCI_INDEX; kind++)
        assert_int_equal(media_type_kind(span_of(media_type_of(kind))), kind);
    assert_null(media_type_of(MANIFEST_UNKNOWN_KIND));
}

static void media_type_kind_ignores_case_and_parameters(void **state)
{
    (void)state;
    assert_int_equal(
        media_type_kind(SPAN("application/vnd.oci.image.index.v1+json; charset=utf-8")),
        MANIFEST_OCI_INDEX);
    assert_int_equal(media_type_kind(SPAN(" Application/VND.oci.image.manifest.V1+JSON ;x")),
                     MANIFEST_OCI);
}

static void media_type_kind_knows_no_others(void **state)
{
    static const char *const others[] = {
        "",
        ";",
        "application/json",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.oci.image.manifest.v1+jsonx",
        "application/vnd.oci.image.manifest.v1",
        "application/vnd.oci.image.manifest.v1+json, text/plain",
    };

    (void)state;
    for (size_t i = 0; i < array_count(others); i++)
        assert_int_equal(media_type_kind(span_of(others[i])), MANIFEST_UNKNOWN_KIND);
    assert_int_equal(media_type_kind((struct span){NULL, 0}), MANIFEST_UNKNOWN_KIND);
}

static void only_lists_are_indexes(void **state)
{
    (void)state;
    assert_true(is_index_kind(MANIFEST_DOCKER_LIST));
    assert_true(is_index_kind(MANIFEST_OCI_INDEX));
    assert_false(is_index_kind(MANIFEST_DOCKER));
    assert_false(is_index_kind(MANIFEST_OCI));
    assert_false(is_index_kind(MANIFEST_UNKNOWN_KIND));
}

static void foreign_layers_are_known(void **state)
{
    (void)state;
    assert_true(
        is_media_type_foreign(SPAN("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")));
    assert_true(
        is_media_type_foreign(SPAN("application/vnd.oci.image.layer.nondistributable.v1.tar")));
    assert_true(is_media_type_foreign(
        SPAN("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")));
    assert_true(is_media_type_foreign(
        SPAN("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd")));
    assert_false(is_media_type_foreign(SPAN("application/vnd.oci.image.layer.v1.tar+gzip")));
    assert_false(is_media_type_foreign(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_types_belong_together),
        cmocka_unit_test(media_type_kind_ignores_case_and_parameters),
        cmocka_unit_test(media_type_kind_knows_no_others),
        cmocka_unit_test(only_lists_are_indexes),
        cmocka_unit_test(foreign_layers_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
