# SPDX-License-Identifier: Apache-2.0
"""What a manifest GET answers, for every kind of manifest, Accept and reference; conditions."""
import json

import pytest
from support.check import assert_empty, assert_error
from support.content import (
    ALL_TYPES,
    LIST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    SCHEMA2,
    UNKNOWN_DIGEST,
    digest_of,
    image,
    index,
)
from support.registry import Registry, is_upstream

REPO = "negotiation/all"
ACCEPTS = {
    "none": [],
    "anything": ["*/*"],
    "applications": ["application/*"],
    "schema2": [SCHEMA2],
    "oci": [OCI_MANIFEST],
    "images": [SCHEMA2, OCI_MANIFEST],
    "images, weighed": [f"{SCHEMA2};q=0.5, {OCI_MANIFEST};q=0.1"],
    "list": [LIST],
    "index": [OCI_INDEX],
    "all": list(ALL_TYPES),
    "all in one line": [", ".join(ALL_TYPES)],
    "old docker": [SCHEMA1_SIGNED, SCHEMA1, "application/json"],
    "docker 1.10": [SCHEMA1_SIGNED, "application/json", SCHEMA2, LIST],
    "nonsense": ["text/html", ";;,,"],
}
IMAGES = {SCHEMA2, OCI_MANIFEST}
INDEXES = {LIST, OCI_INDEX}


def _types(accept):
    return {part.split(";")[0].strip() for line in accept for part in line.split(",")}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A client, and (content, type) of each tag of REPO; the children of the indexes are there."""
    directory = tmp_path_factory.mktemp("negotiation")
    with Registry(directory, storage="inmemory") as registry, registry.client() as client:
        schema2, oci = image("s2"), image("oci", OCI_MANIFEST)
        arm = image("arm")
        for tag, value in [("schema2", schema2), ("oci", oci), ("arm", arm)]:
            client.push_image(REPO, tag, value)
        contents = {"schema2": (schema2.manifest, SCHEMA2), "oci": (oci.manifest, OCI_MANIFEST)}
        contents["list"] = (index([(arm, "linux/arm64"), (schema2, "linux/amd64")]), LIST)
        contents["index"] = (index([(oci, "linux/amd64")], OCI_INDEX), OCI_INDEX)
        bare = index([(oci, "linux/amd64")], OCI_INDEX, mediaType=None)
        contents["bare index"] = (bare, OCI_INDEX)
        contents["elsewhere"] = (index([(arm, "linux/arm64"), (arm, "windows/amd64")]), LIST)
        for tag, (content, media_type) in contents.items():
            client.push_manifest(REPO, tag.replace(" ", "-"), content, media_type)
        yield client, contents


@pytest.mark.ours("manifests are served whatever the Accept", run=False)
@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("kind", ["schema2", "oci", "list", "index", "bare index", "elsewhere"])
@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_kind_for_every_accept(stored, method, by, kind, accept):
    client, contents = stored
    content, media_type = contents[kind]
    types = _types(ACCEPTS[accept])
    reference = kind.replace(" ", "-") if by == "tag" else digest_of(content)
    if by == "tag" and media_type in INDEXES and types & IMAGES and not types & INDEXES:
        child = {"list": "schema2", "index": "oci", "bare index": "oci"}.get(kind)
        content, media_type = contents.get(child, (content, media_type))
    headers = [("Accept", line) for line in ACCEPTS[accept]]
    response = client.request(method, f"/v2/{REPO}/manifests/{reference}", headers)
    assert response.status == 200
    assert response.header("Content-Type") == media_type
    assert response.header("Docker-Content-Digest") == digest_of(content)
    assert response.header("Etag") == f'"{digest_of(content)}"'
    assert response.header("Content-Length") == str(len(content))
    assert response.body == (content if method == "GET" else b"")


@pytest.mark.parametrize(
    "kind, accept",
    [
        ("schema2", "schema2"),
        ("oci", "oci"),
        ("list", "list"),
        ("list", "schema2"),
        ("index", "index"),
        ("bare index", "index"),
        ("elsewhere", "docker 1.10"),
        ("list", "docker 1.10"),
    ],
)
def test_client_that_accepts_what_is_stored_gets_what_upstream_gives(stored, kind, accept):
    client, contents = stored
    content, media_type = contents[kind]
    if kind == "list" and accept == "schema2":
        content, media_type = contents["schema2"]
    headers = [("Accept", line) for line in ACCEPTS[accept]]
    response = client.get(f"/v2/{REPO}/manifests/{kind.replace(' ', '-')}", headers)
    assert (response.status, response.body) == (200, content)
    assert response.header("Content-Type") == media_type


@pytest.mark.ours("the list as it is; upstream has 404")
def test_list_whose_amd64_child_is_gone_is_served_as_it_is(client, repo):
    child = image(repo)
    client.push_image(repo, child.digest, child)
    content = index([(child, "linux/amd64")])
    client.push_manifest(repo, "latest", content, LIST)
    assert client.delete(f"/v2/{repo}/manifests/{child.digest}").status == 202
    for method in ("GET", "HEAD"):
        response = client.request(method, f"/v2/{repo}/manifests/latest", {"Accept": SCHEMA2})
        assert response.status == 200
        assert response.header("Docker-Content-Digest") == digest_of(content)


def test_child_by_tag_answers_to_its_own_digest(client, repo):
    child = image(repo)
    client.push_image(repo, child.digest, child)
    client.push_manifest(repo, "latest", index([(child, "linux/amd64")]), LIST)
    response = client.get_manifest(repo, "latest", SCHEMA2)
    assert response.header("Docker-Content-Digest") == child.digest
    again = client.get_manifest(repo, response.header("Docker-Content-Digest"), SCHEMA2)
    assert again.body == child.manifest


# ---- conditions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{0}", '"{0}"'])
def test_if_none_match_of_a_list_is_that_of_what_the_client_would_get(client, repo, form):
    child = image(repo)
    client.push_image(repo, child.digest, child)
    content = index([(child, "linux/amd64")])
    client.push_manifest(repo, "latest", content, LIST)
    headers = [("Accept", SCHEMA2), ("If-None-Match", form.format(child.digest))]
    response = client.get(f"/v2/{repo}/manifests/latest", headers)
    assert response.status == 200 if is_upstream() else response.status in (200, 304)
    headers = [("Accept", LIST), ("If-None-Match", form.format(digest_of(content)))]
    assert client.get(f"/v2/{repo}/manifests/latest", headers).status == 304


@pytest.mark.ours("conditions as RFC 9110 has them; upstream compares one text")
@pytest.mark.parametrize("form", ["*", '"x", "{0}"', 'W/"{0}"', '"x","{0}" , "y"'])
def test_if_none_match_may_be_a_list_weak_or_any(client, repo, form):
    value = image(repo)
    client.push_image(repo, "latest", value)
    headers = {"Accept": SCHEMA2, "If-None-Match": form.format(value.digest)}
    assert client.get(f"/v2/{repo}/manifests/latest", headers).status == 304


@pytest.mark.ours("404; upstream has 304 for what it does not hold")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_of_what_is_not_there_is_404(client, repo, method):
    target = f"/v2/{repo}/manifests/{UNKNOWN_DIGEST}"
    response = client.request(method, target, {"If-None-Match": f'"{UNKNOWN_DIGEST}"'})
    assert response.status == 404


def test_if_match_and_range_conditions_do_not_apply_to_manifests(client, repo):
    value = image(repo)
    client.push_image(repo, "latest", value)
    headers = {"Accept": SCHEMA2, "If-Range": '"x"', "Range": "bytes=0-1"}
    response = client.get(f"/v2/{repo}/manifests/latest", headers)
    assert (response.status, response.body) == (200, value.manifest)


# ---- heads of errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/v2/{repo}/manifests/nosuch",
        f"/v2/{{repo}}/manifests/{UNKNOWN_DIGEST}",
        f"/v2/{{repo}}/blobs/{UNKNOWN_DIGEST}",
        "/v2/{repo}/blobs/sha256:abc",
        "/v2/{repo}/blobs/uploads/",
        "/v2/{repo}/tags/list",
        "/v2/_catalog",
        "/nowhere",
    ],
)
def test_head_of_an_error_has_the_headers_of_get_and_no_body(client, repo, target):
    target = target.format(repo=repo)
    head, get = client.head(target), client.get(target)
    assert client.get("/v2/").status == 200  # the connection is still in step
    if target.endswith(("/tags/list", "/_catalog")):
        assert head.status == 405
        assert head.header("Content-Length") == str(len(b"Method not allowed\n"))
        return
    assert head.status == get.status >= 400
    for name in ("Content-Length", "Content-Type", "Docker-Distribution-Api-Version"):
        assert head.header(name) == get.header(name)


# ---- what a manifest may be ---------------------------------------------------------------------


def _manifest(**members):
    value = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}
    return json.dumps({**value, **members}).encode("utf-8", "surrogateescape")


CONFIG = {"mediaType": "application/x-config", "digest": digest_of(b"{}"), "size": 2}


def _push(client, repo, content, media_type=OCI_MANIFEST):
    client.push_blob(repo, b"{}")
    return client.put_manifest(repo, "latest", content, media_type)


@pytest.mark.parametrize(
    "members",
    [
        {"layers": None},
        {"manifests": None},
        {"annotations": None},
        {"annotations": {"a": None}},
        {"subject": None},
        {"mediaType": None},
        {"mediaType": ""},
        {"config": {**CONFIG, "size": -5}},
        {"config": {**CONFIG, "size": None}},
        {"config": {**CONFIG, "urls": None, "annotations": None, "platform": None}},
        {"config": {**CONFIG, "data": "e30=", "artifactType": "a/b"}},
        {"layers": [{**CONFIG, "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd"}]},
        {"layers": [CONFIG] * 200},
        {"unknown": {"deeply": [[[{"x": 1e400}]]]}},
    ],
    ids=lambda members: "-".join(f"{key}" for key in members),
)
def test_manifest_with_members_like_these_is_taken(client, repo, members):
    content = _manifest(**{"config": CONFIG, **members})
    content = content.replace(b"Infinity", b"1e400")
    response = _push(client, repo, content)
    assert response.status == 201, response
    assert client.get_manifest(repo, "latest", OCI_MANIFEST).body == content


@pytest.mark.parametrize(
    "members",
    [
        {"annotations": {"a": 1}},
        {"annotations": ["a"]},
        {"config": {**CONFIG, "platform": "linux"}},
        {"config": {**CONFIG, "annotations": {"a": 1}}},
        {"config": {**CONFIG, "urls": "http://h/"}},
        {"config": {**CONFIG, "urls": [1]}},
        {"config": {**CONFIG, "size": 1.5}},
        {"config": {**CONFIG, "mediaType": 5}},
        {"layers": ["x"]},
        {"layers": "x"},
        {"manifests": []},
    ],
    ids=lambda members: json.dumps(members)[:40],
)
def test_manifest_with_a_member_of_the_wrong_type_is_400(client, repo, members):
    response = _push(client, repo, _manifest(**{"config": CONFIG, **members}))
    assert_error(response, 400, "MANIFEST_INVALID")


def test_bytes_that_are_not_utf_8_are_tolerated_in_texts(client, repo):
    content = _manifest(config=CONFIG, x="Z").replace(b"Z", b"\xff\xfe")
    assert _push(client, repo, content).status == 201
    assert client.get_manifest(repo, "latest", OCI_MANIFEST).body == content


@pytest.mark.parametrize("around", [b" %s", b"%s\n\n", b"\t%s\r\n"])
def test_white_space_around_the_manifest_belongs_to_it(client, repo, around):
    content = around % _manifest(config=CONFIG)
    response = _push(client, repo, content)
    assert response.header("Docker-Content-Digest") == digest_of(content)


@pytest.mark.parametrize("behind", [b"{}", b"x", b"\x00", b"]", b","])
def test_anything_behind_the_manifest_is_400(client, repo, behind):
    response = _push(client, repo, _manifest(config=CONFIG) + behind)
    assert_error(response, 400, "MANIFEST_INVALID")


def test_digest_of_the_reference_is_checked_before_what_it_refers_to(client, repo):
    response = client.put_manifest(repo, UNKNOWN_DIGEST, image("not there").manifest, SCHEMA2)
    assert_error(response, 400, "DIGEST_INVALID")
    assert b"detail" not in response.body


def test_empty_descriptor_must_be_pushed_like_any_other(client, repo):
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    content = _manifest(config=empty, layers=[empty], artifactType="application/x")
    response = client.put_manifest(repo, "latest", content, OCI_MANIFEST)
    assert response.status == 400
    assert response.codes == ["MANIFEST_BLOB_UNKNOWN"] * 2
    client.push_blob(repo, b"{}")
    assert client.put_manifest(repo, "latest", content, OCI_MANIFEST).status == 201


def test_index_may_list_a_blob(client, repo):
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CONFIG]})
    assert _push(client, repo, content.encode(), OCI_INDEX).status == 201


def test_index_of_null_has_no_entries(client, repo):
    content = b'{"schemaVersion":2,"mediaType":"%s","manifests":null,"config":null,"layers":null}'
    content %= OCI_INDEX.encode()
    client.push_manifest(repo, "latest", content, OCI_INDEX)
    assert client.get_manifest(repo, "latest", OCI_INDEX).header("Content-Type") == OCI_INDEX


def test_index_that_says_nothing_is_taken_for_a_manifest_when_pulled(client, repo):
    client.push_manifest(repo, "latest", b'{"schemaVersion":2}', OCI_INDEX)
    response = client.get_manifest(repo, "latest", *ALL_TYPES)
    assert response.header("Content-Type") == OCI_MANIFEST


def test_index_with_a_child_of_another_repository_is_400(client, repo):
    child = image(repo)
    client.push_image(f"{repo}/other", child.digest, child)
    response = client.put_manifest(repo, "latest", index([(child, "linux/amd64")]), LIST)
    assert_error(response, 400, "MANIFEST_BLOB_UNKNOWN", child.digest)


def test_every_missing_child_is_told(client, repo):
    absent = [image(f"{repo} {number}") for number in range(3)]
    content = index([(value, "linux/amd64") for value in absent])
    response = client.put_manifest(repo, "latest", content, LIST)
    assert response.status == 400
    assert [error["detail"] for error in response.json()["errors"]] == [v.digest for v in absent]


def test_detail_is_escaped_for_html(client, repo):
    content = _manifest(config={**CONFIG, "digest": 'sha256:<a href="x">&'})
    response = _push(client, repo, content)
    assert response.status in (400, 500)
    assert rb'"detail":"sha256:\u003ca href=\"x\"\u003e\u0026"' in response.body


@pytest.mark.ours("DIGEST_INVALID, then what is missing; upstream begins with two UNKNOWN")
def test_envelope_with_several_errors_takes_the_status_of_the_first(client, repo):
    absent = {**CONFIG, "digest": UNKNOWN_DIGEST}
    bad = {**CONFIG, "digest": "sha256:abc"}
    response = _push(client, repo, _manifest(config=bad, layers=[absent, CONFIG]))
    assert response.status == 400
    wanted = ["DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]
    assert response.codes == wanted
    details = [error.get("detail") for error in response.json()["errors"]]
    assert details == [None, "sha256:abc", UNKNOWN_DIGEST]
    assert response.header("Content-Length") == str(len(response.body))


def test_blob_that_a_manifest_uses_can_be_deleted(client, repo):
    value = image(repo)
    client.push_image(repo, "latest", value)
    assert_empty(client.delete(f"/v2/{repo}/blobs/{digest_of(value.blobs[1])}"), 202)
    assert client.get_manifest(repo, "latest", SCHEMA2).body == value.manifest
