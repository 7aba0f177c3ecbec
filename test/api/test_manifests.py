# SPDX-License-Identifier: Apache-2.0
"""Manifests: push with every check, pull by tag and digest, negotiation, delete."""
import json

import pytest
from support.check import assert_empty, assert_error, assert_no_body
from support.content import (
    ALL_TYPES,
    LIST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    SCHEMA2,
    UNKNOWN_DIGEST,
    descriptor,
    digest_of,
    image,
    index,
    to_json,
)

MANIFEST_SIZE_MAX = 4 << 20


@pytest.fixture(params=[SCHEMA2, OCI_MANIFEST], ids=["schema2", "oci"])
def pushed(request, client, repo):
    """An image pushed as `latest`."""
    value = image(repo, request.param)
    client.push_image(repo, "latest", value)
    return value


def assert_manifest(response, content, media_type):
    assert response.status == 200, response
    digest = digest_of(content)
    assert response.header("Content-Type") == media_type
    assert response.header("Content-Length") == str(len(content))
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("Etag") == f'"{digest}"'
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.header("Cache-Control") is None
    assert response.header("Accept-Ranges") is None


# ---- push ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [SCHEMA2, OCI_MANIFEST])
def test_push_by_tag_is_201_and_names_the_digest(client, repo, media_type):
    value = image(repo, media_type)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    for _ in range(2):  # again is the same
        response = client.put_manifest(repo, "v1.0_x-Y", value.manifest, media_type)
        assert_empty(response, 201)
        assert response.location == f"/v2/{repo}/manifests/{value.digest}"
        assert response.header("Docker-Content-Digest") == value.digest
        assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"


def test_push_by_digest_sets_no_tag(client, repo):
    value = image(repo)
    client.push_image(repo, value.digest, value)
    assert_manifest(client.get_manifest(repo, value.digest, SCHEMA2), value.manifest, SCHEMA2)
    assert_error(client.get(f"/v2/{repo}/tags/list"), 404, "NAME_UNKNOWN", {"name": repo})


def test_tag_moves_and_the_old_manifest_stays(client, repo):
    old, new = image(f"{repo} old"), image(f"{repo} new")
    for value in (old, new):
        client.push_image(repo, "latest", value)
    assert client.get_manifest(repo, "latest", SCHEMA2).body == new.manifest
    assert client.get_manifest(repo, old.digest, SCHEMA2).body == old.manifest


@pytest.mark.parametrize("kind", [f"{SCHEMA2}; charset=utf-8", SCHEMA2.upper(), f" {SCHEMA2} "])
def test_content_type_is_compared_without_case_and_parameters(client, repo, kind):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    assert client.put_manifest(repo, "latest", value.manifest, kind).status == 201


def test_bytes_are_kept_as_they_are(client, repo):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    spaced = json.dumps(json.loads(value.manifest), indent=7).encode() + b"\n \t\r\n"
    client.push_manifest(repo, "spaced", spaced, SCHEMA2)
    assert_manifest(client.get_manifest(repo, "spaced", SCHEMA2), spaced, SCHEMA2)
    assert client.get_manifest(repo, "spaced", SCHEMA2).body == spaced


def test_unknown_members_are_kept(client, repo):
    value = image(
        repo,
        OCI_MANIFEST,
        artifactType="application/x",
        subject=descriptor(b"absent", OCI_MANIFEST),
        annotations={"a": "b"},
        extra=[1, {"x": None}],
    )
    client.push_image(repo, "latest", value)
    assert client.get_manifest(repo, "latest", OCI_MANIFEST).body == value.manifest


def test_no_layers_are_fine(client, repo):
    for media_type, tag in ((SCHEMA2, "s2"), (OCI_MANIFEST, "oci")):
        client.push_image(repo, tag, image(f"{repo} {tag}", media_type, layer_count=0))


def test_oci_manifest_may_leave_out_its_media_type(client, repo):
    value = image(repo, OCI_MANIFEST)
    content = json.loads(value.manifest)
    del content["mediaType"]
    for blob in value.blobs:
        client.push_blob(repo, blob)
    client.push_manifest(repo, "latest", to_json(content), OCI_MANIFEST)
    response = client.get_manifest(repo, "latest", OCI_MANIFEST)
    assert_manifest(response, to_json(content), OCI_MANIFEST)


def test_keys_match_without_case_and_the_last_wins(client, repo):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    text = value.manifest.replace(b'"layers"', b'"LAYERS"')
    text = text.replace(b"{", b'{"schemaVersion":1,', 1)
    client.push_manifest(repo, "latest", text, SCHEMA2)
    assert client.get_manifest(repo, "latest", SCHEMA2).body == text


def test_digest_of_the_path_must_be_that_of_the_body(client, repo):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    response = client.put_manifest(repo, UNKNOWN_DIGEST, value.manifest, SCHEMA2)
    assert_error(response, 400, "DIGEST_INVALID")
    assert client.get_manifest(repo, value.digest, SCHEMA2).status == 404


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"{",
        b"{}x",
        b"[]",
        b'"text"',
        b"\xef\xbb\xbf{}",
        b'{"schemaVersion":"2"}',
        b'{"schemaVersion":2.0}',
        b'{"schemaVersion":2,"mediaType":5}',
        b'{"schemaVersion":2,"layers":{}}',
        b'{"schemaVersion":2,"config":[]}',
        b'{"schemaVersion":2,"config":{"digest":7}}',
        b'{"schemaVersion":2,"layers":[{"size":"1"}]}',
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
)
@pytest.mark.parametrize("media_type", [SCHEMA2, OCI_MANIFEST])
def test_body_that_is_no_manifest_is_400(client, repo, content, media_type):
    response = client.put_manifest(repo, "latest", content, media_type)
    assert_error(response, 400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    "sent_as, inside",
    [(SCHEMA2, OCI_MANIFEST), (OCI_MANIFEST, SCHEMA2), (SCHEMA2, "x/y"), (OCI_MANIFEST, OCI_INDEX)],
)
def test_media_type_inside_must_be_that_of_the_request(client, repo, sent_as, inside):
    content = json.loads(image(repo, SCHEMA2).manifest)
    content["mediaType"] = inside
    response = client.put_manifest(repo, "latest", to_json(content), sent_as)
    assert_error(response, 400, "MANIFEST_INVALID")


def test_schema2_must_say_its_media_type(client, repo):
    content = json.loads(image(repo, SCHEMA2).manifest)
    del content["mediaType"]
    response = client.put_manifest(repo, "latest", to_json(content), SCHEMA2)
    assert_error(response, 400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    "media_type, more",
    [
        (OCI_MANIFEST, {"manifests": []}),
        (OCI_INDEX, {"config": {}}),
        (OCI_INDEX, {"layers": []}),
    ],
)
def test_manifest_that_could_be_read_two_ways_is_400(client, repo, media_type, more):
    content = to_json({"schemaVersion": 2, "mediaType": media_type, **more})
    response = client.put_manifest(repo, "latest", content, media_type)
    assert_error(response, 400, "MANIFEST_INVALID")


@pytest.mark.ours("400, where upstream has 500")
@pytest.mark.parametrize("version", [None, 0, 1, 3, "absent"])
@pytest.mark.parametrize("media_type", ALL_TYPES)
def test_schema_version_must_be_2(client, repo, media_type, version):
    content = {"mediaType": media_type}
    if version != "absent":
        content["schemaVersion"] = version
    response = client.put_manifest(repo, "latest", to_json(content), media_type)
    assert_error(response, 400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    "media_type", [SCHEMA1, SCHEMA1_SIGNED, "application/json", "text/plain", "x/y", None, "///"]
)
def test_other_media_types_are_400(client, repo, media_type):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    response = client.put_manifest(repo, "latest", value.manifest, media_type)
    assert_error(response, 400, "MANIFEST_INVALID")


def test_missing_blobs_are_each_reported(client, repo):
    value = image(repo, layer_count=3)
    client.push_blob(repo, value.blobs[2])
    response = client.put_manifest(repo, "latest", value.manifest, SCHEMA2)
    missing = [digest_of(value.blobs[i]) for i in (0, 1, 3)]
    assert response.status == 400, response
    assert response.json() == {
        "errors": [
            {
                "code": "MANIFEST_BLOB_UNKNOWN",
                "message": "blob unknown to registry",
                "detail": digest,
            }
            for digest in missing
        ]
    }
    assert client.get_manifest(repo, "latest", SCHEMA2).status == 404


def test_blob_of_another_repository_is_missing(client, repo):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(f"{repo}/other", blob)
    response = client.put_manifest(repo, "latest", value.manifest, SCHEMA2)
    assert response.status == 400
    assert set(response.codes) == {"MANIFEST_BLOB_UNKNOWN"}


def test_config_without_a_digest_is_400(client, repo):
    content = json.loads(image(repo).manifest)
    content["layers"] = []
    del content["config"]
    response = client.put_manifest(repo, "latest", to_json(content), SCHEMA2)
    assert response.status == 400, response
    assert response.codes[0] == "DIGEST_INVALID"


@pytest.mark.ours("400, where upstream has 500")
@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "X" * 64])
def test_layer_whose_digest_is_not_valid_is_400(client, repo, digest):
    value = image(repo)
    client.push_blob(repo, value.blobs[0])
    content = json.loads(value.manifest)
    content["layers"][0]["digest"] = digest
    response = client.put_manifest(repo, "latest", to_json(content), SCHEMA2)
    assert response.status == 400, response
    assert "DIGEST_INVALID" in response.codes


def _padded(value, size):
    """The manifest of an image, made @size bytes long."""
    content = json.loads(value.manifest)
    content["annotations"] = {"padding": ""}
    content["annotations"]["padding"] = "x" * (size - len(to_json(content)))
    return to_json(content)


def test_manifest_of_4_mib_is_taken(client, repo):
    value = image(repo, OCI_MANIFEST)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    content = _padded(value, MANIFEST_SIZE_MAX)
    client.push_manifest(repo, "latest", content, OCI_MANIFEST)
    assert client.get_manifest(repo, "latest", OCI_MANIFEST).body == content


@pytest.mark.ours("too large is 413")
@pytest.mark.parametrize("is_chunked", [False, True])
def test_manifest_of_more_is_413(client, repo, is_chunked):
    content = _padded(image(repo, OCI_MANIFEST), MANIFEST_SIZE_MAX + 1)
    target = f"/v2/{repo}/manifests/latest"
    headers = {"Content-Type": OCI_MANIFEST}
    if is_chunked:
        response = client.request("PUT", target, headers, chunks=[content])
    else:
        response = client.put(target, headers, content)
    assert response.status == 413, response
    assert response.codes
    assert client.get_manifest(repo, "latest", OCI_MANIFEST).status == 404


# ---- lists and indexes --------------------------------------------------------------------------


@pytest.fixture
def family(client, repo):
    """Two images of a repository, for lists."""
    amd64, arm64 = image(f"{repo} amd64"), image(f"{repo} arm64")
    for value in (amd64, arm64):
        client.push_image(repo, value.digest, value)
    return [(arm64, "linux/arm64"), (amd64, "linux/amd64")]


@pytest.mark.parametrize("media_type", [LIST, OCI_INDEX])
def test_index_is_stored_and_served(client, repo, family, media_type):
    content = index(family, media_type)
    client.push_manifest(repo, "latest", content, media_type)
    for reference in ("latest", digest_of(content)):
        response = client.get_manifest(repo, reference, *ALL_TYPES)
        assert_manifest(response, content, media_type)
        assert response.body == content


def test_index_may_leave_out_its_media_type(client, repo, family):
    content = index(family, OCI_INDEX, mediaType=None)
    client.push_manifest(repo, "latest", content, OCI_INDEX)
    assert_manifest(client.get_manifest(repo, "latest", OCI_INDEX), content, OCI_INDEX)


def test_index_may_hold_indexes(client, repo, family):
    inner = index(family, OCI_INDEX)
    client.push_manifest(repo, "inner", inner, OCI_INDEX)
    outer = to_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor(inner, OCI_INDEX)],
        }
    )
    client.push_manifest(repo, "outer", outer, OCI_INDEX)
    assert client.get_manifest(repo, "outer", OCI_INDEX).body == outer


def test_index_with_a_missing_child_is_400(client, repo, family):
    absent = image("absent")
    content = index(family + [(absent, "linux/s390x")])
    response = client.put_manifest(repo, "latest", content, LIST)
    assert_error(response, 400, "MANIFEST_BLOB_UNKNOWN", absent.digest)


def test_index_without_entries_is_taken(client, repo):
    content = index([], OCI_INDEX)
    client.push_manifest(repo, "latest", content, OCI_INDEX)
    assert_manifest(client.get_manifest(repo, "latest", OCI_INDEX), content, OCI_INDEX)


def test_list_by_tag_for_a_client_of_images_is_the_linux_amd64_child(client, repo, family):
    client.push_manifest(repo, "latest", index(family), LIST)
    amd64 = family[1][0]
    response = client.get_manifest(repo, "latest", SCHEMA2)
    assert_manifest(response, amd64.manifest, SCHEMA2)
    assert response.body == amd64.manifest


@pytest.mark.ours("OCI indexes fall back to a child as lists do")
def test_oci_index_by_tag_for_a_client_of_images_is_the_linux_amd64_child(client, repo):
    amd64 = image(f"{repo} amd64", OCI_MANIFEST)
    client.push_image(repo, amd64.digest, amd64)
    client.push_manifest(repo, "latest", index([(amd64, "linux/amd64")], OCI_INDEX), OCI_INDEX)
    response = client.get_manifest(repo, "latest", OCI_MANIFEST, SCHEMA2)
    assert_manifest(response, amd64.manifest, OCI_MANIFEST)


def test_list_by_digest_is_served_as_it_is(client, repo, family):
    content = index(family)
    client.push_manifest(repo, "latest", content, LIST)
    assert_manifest(client.get_manifest(repo, digest_of(content), SCHEMA2), content, LIST)


@pytest.mark.ours("manifests are served whatever the Accept")
def test_list_without_linux_amd64_is_served_as_it_is(client, repo, family):
    content = index(family[:1])
    client.push_manifest(repo, "latest", content, LIST)
    assert_manifest(client.get_manifest(repo, "latest", SCHEMA2), content, LIST)


# ---- pull ---------------------------------------------------------------------------------------


def test_pull_by_tag_and_by_digest(client, repo, pushed):
    for reference in ("latest", pushed.digest):
        response = client.get_manifest(repo, reference, *ALL_TYPES)
        assert_manifest(response, pushed.manifest, pushed.media_type)
        assert response.body == pushed.manifest
        head = client.head(f"/v2/{repo}/manifests/{reference}", {"Accept": ",".join(ALL_TYPES)})
        assert_manifest(head, pushed.manifest, pushed.media_type)


@pytest.mark.ours("manifests are served whatever the Accept")
@pytest.mark.parametrize(
    "accept", [[], ["*/*"], ["application/*"], ["text/html"], [SCHEMA1_SIGNED]]
)
def test_pull_does_not_depend_on_accept(client, repo, pushed, accept):
    for reference in ("latest", pushed.digest):
        response = client.get_manifest(repo, reference, *accept)
        assert_manifest(response, pushed.manifest, pushed.media_type)


@pytest.mark.ours("manifests are served whatever the Accept")
@pytest.mark.parametrize("accept", [[], ["*/*"], ["text/html"]])
@pytest.mark.parametrize("media_type", [LIST, OCI_INDEX])
def test_index_without_accept_is_served_as_it_is(client, repo, family, media_type, accept):
    content = index(family, media_type)
    client.push_manifest(repo, "latest", content, media_type)
    response = client.get_manifest(repo, "latest", *accept)
    assert_manifest(response, content, media_type)


@pytest.mark.parametrize(
    "accept", [[",".join(ALL_TYPES)], list(ALL_TYPES), [f"text/html, {LIST};q=0.5 , {SCHEMA2}"]]
)
def test_accept_may_be_one_line_or_several(client, repo, family, accept):
    content = index(family)
    client.push_manifest(repo, "latest", content, LIST)
    assert_manifest(client.get_manifest(repo, "latest", *accept), content, LIST)


def test_range_of_a_manifest_is_ignored(client, repo, pushed):
    target = f"/v2/{repo}/manifests/{pushed.digest}"
    response = client.get(target, [("Range", "bytes=0-1"), ("Accept", pushed.media_type)])
    assert response.status == 200
    assert response.body == pushed.manifest


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_is_304(client, repo, pushed, method, quote):
    for reference in ("latest", pushed.digest):
        headers = [("If-None-Match", f"{quote}{pushed.digest}{quote}")]
        headers += [("Accept", pushed.media_type)]
        response = client.request(method, f"/v2/{repo}/manifests/{reference}", headers)
        assert_no_body(response, 304)


def test_if_none_match_of_another_is_the_manifest(client, repo, pushed):
    for value in (f'"{UNKNOWN_DIGEST}"', '"x"'):
        headers = [("If-None-Match", value), ("Accept", pushed.media_type)]
        assert client.get(f"/v2/{repo}/manifests/latest", headers).body == pushed.manifest


def test_unknown_tag_is_404_with_the_tag(client, repo):
    response = client.get_manifest(repo, "nosuch", *ALL_TYPES)
    assert_error(response, 404, "MANIFEST_UNKNOWN", {"Tag": "nosuch"})
    head = client.head(f"/v2/{repo}/manifests/nosuch")
    assert head.status == 404
    assert head.header("Content-Length") == str(len(response.body))


def test_unknown_digest_is_404_with_the_revision(client, repo):
    response = client.get_manifest(repo, UNKNOWN_DIGEST, *ALL_TYPES)
    assert response.status == 404
    assert response.codes == ["MANIFEST_UNKNOWN"]
    assert response.detail == {"Name": repo, "Revision": UNKNOWN_DIGEST}


@pytest.mark.ours("400, where upstream has 500")
@pytest.mark.parametrize(
    "reference", ["sha256:abc", "sha256:totallywrong", "sha256:" + "A" * 64, "md5:" + "0" * 32]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_reference_like_a_digest_that_is_none_is_400(client, repo, method, reference):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    headers = {"Content-Type": SCHEMA2}
    target = f"/v2/{repo}/manifests/{reference}"
    response = client.request(method, target, headers, value.manifest if method == "PUT" else None)
    assert_error(response, 400, "DIGEST_INVALID")


@pytest.mark.ours("404, where upstream has 500")
def test_blob_that_is_no_manifest_is_unknown_as_one(client, repo):
    digest = client.push_blob(repo, b"not a manifest at all")
    assert client.get_manifest(repo, digest, *ALL_TYPES).status == 404


# ---- delete -------------------------------------------------------------------------------------


def test_delete_by_digest_takes_its_tags_along(client, repo):
    gone, kept = image(f"{repo} gone"), image(f"{repo} kept")
    for tag, value in [("a", gone), ("b", gone), ("c", kept)]:
        client.push_image(repo, tag, value)
    assert_empty(client.delete(f"/v2/{repo}/manifests/{gone.digest}"), 202)
    for reference in ("a", "b", gone.digest):
        assert client.get_manifest(repo, reference, SCHEMA2).status == 404
    assert client.get_manifest(repo, "c", SCHEMA2).body == kept.manifest
    assert client.get(f"/v2/{repo}/tags/list").json() == {"name": repo, "tags": ["c"]}


def test_delete_twice_or_of_an_unknown_manifest_is_404(client, repo, pushed):
    assert client.delete(f"/v2/{repo}/manifests/{pushed.digest}").status == 202
    for target in (f"{repo}/manifests/{pushed.digest}", f"no/where/manifests/{UNKNOWN_DIGEST}"):
        response = client.delete(f"/v2/{target}")
        assert_error(response, 404, "MANIFEST_UNKNOWN")


def test_deleted_manifest_can_be_pushed_again(client, repo, pushed):
    client.delete(f"/v2/{repo}/manifests/{pushed.digest}")
    client.push_image(repo, "latest", pushed)
    assert client.get_manifest(repo, "latest", pushed.media_type).body == pushed.manifest


@pytest.mark.ours("tags can be deleted")
def test_delete_of_a_tag_leaves_the_manifest(client, repo, pushed):
    client.push_manifest(repo, "other", pushed.manifest, pushed.media_type)
    assert_empty(client.delete(f"/v2/{repo}/manifests/latest"), 202)
    assert client.get_manifest(repo, "latest", *ALL_TYPES).status == 404
    for reference in ("other", pushed.digest):
        assert client.get_manifest(repo, reference, *ALL_TYPES).body == pushed.manifest
    assert client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["other"]


@pytest.mark.ours("tags can be deleted")
def test_delete_of_an_unknown_tag_is_404(client, repo, pushed):
    for name in (repo, f"{repo}/nowhere"):
        response = client.delete(f"/v2/{name}/manifests/nosuch")
        assert_error(response, 404, "MANIFEST_UNKNOWN")


def test_delete_of_a_malformed_digest_is_400(client, repo, pushed):
    response = client.delete(f"/v2/{repo}/manifests/sha256:abc")
    assert_error(response, 400, "DIGEST_INVALID")


def test_delete_of_a_child_leaves_the_index(client, repo, family):
    content = index(family)
    client.push_manifest(repo, "latest", content, LIST)
    client.delete(f"/v2/{repo}/manifests/{family[1][0].digest}")
    assert client.get_manifest(repo, "latest", LIST).body == content
    assert client.get_manifest(repo, family[1][0].digest, SCHEMA2).status == 404


def test_delete_that_is_not_enabled_is_405(start_registry, repo):
    registry = start_registry(settings={"storage.delete.enabled": False})
    with registry.client() as client:
        value = image(repo)
        client.push_image(repo, "latest", value)
        for reference in ("latest", value.digest, UNKNOWN_DIGEST):
            response = client.delete(f"/v2/{repo}/manifests/{reference}")
            assert_error(response, 405, "UNSUPPORTED")
        assert client.get_manifest(repo, "latest", SCHEMA2).body == value.manifest
