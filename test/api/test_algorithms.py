# SPDX-License-Identifier: Apache-2.0
"""sha512 and sha384: content under the digest its client uses, beside its canonical sha256."""
import pytest
from support.check import assert_empty, assert_error, assert_no_body
from support.client import with_query
from support.content import SCHEMA2, digest_of, image

pytestmark = pytest.mark.parametrize("algorithm", ["sha512", "sha384"])


def push_as(client, repo, data, algorithm):
    alias = digest_of(data, algorithm)
    client.commit(client.start_upload(repo), alias, data)
    return alias


# ---- blobs --------------------------------------------------------------------------------------


def test_head_and_range_by_the_other_digest(client, repo, algorithm):
    data = f"0123456789 {repo}".encode()
    alias = push_as(client, repo, data, algorithm)
    head = client.head(f"/v2/{repo}/blobs/{alias}")
    assert head.status == 200
    assert head.header("Content-Length") == str(len(data))
    assert head.header("Docker-Content-Digest") == digest_of(data)
    part = client.get(f"/v2/{repo}/blobs/{alias}", {"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")


def test_tag_of_the_canonical_digest_is_a_condition_for_both(client, repo, algorithm):
    data = f"{repo}".encode()
    alias = push_as(client, repo, data, algorithm)
    for digest in (alias, digest_of(data)):
        headers = {"If-None-Match": f'"{digest_of(data)}"'}
        assert_no_body(client.get(f"/v2/{repo}/blobs/{digest}", headers), 304)


def test_digest_of_another_repository_is_unknown(client, repo, algorithm):
    alias = push_as(client, f"{repo}/a", f"{repo}".encode(), algorithm)
    response = client.get(f"/v2/{repo}/b/blobs/{alias}")
    assert_error(response, 404, "BLOB_UNKNOWN", alias)


@pytest.mark.parametrize("pieces", [1, 3])
def test_pieces_are_verified_as_a_whole(client, repo, algorithm, pieces):
    data = f"{repo} {pieces}".encode() * 1000
    location = client.start_upload(repo)
    size = len(data) // pieces + 1
    for start in range(0, len(data), size):
        response = client.patch(location, {}, data[start : start + size])
        assert response.status == 202
        location = response.location
    wrong = digest_of(data + b"x", algorithm)
    if pieces == 1:
        response = client.put(with_query(location, digest=wrong))
        assert_error(response, 400, "DIGEST_INVALID", {"Digest": wrong, "Reason": {}})
    else:
        client.commit(location, digest_of(data, algorithm))
        assert client.pull_blob(repo, digest_of(data, algorithm)) == data


def test_delete_by_the_other_digest_takes_that_one(client, repo, algorithm):
    data = f"{repo}".encode()
    alias = push_as(client, repo, data, algorithm)
    assert_empty(client.delete(f"/v2/{repo}/blobs/{alias}"), 202)
    assert client.head(f"/v2/{repo}/blobs/{alias}").status == 404
    assert client.pull_blob(repo, digest_of(data)) == data


@pytest.mark.ours("an alias is mounted as what it stands for")
def test_mount_by_the_other_digest_can_be_read_by_both(client, repo, algorithm):
    data = f"{repo}".encode()
    alias = push_as(client, f"{repo}/from", data, algorithm)
    target = with_query(f"/v2/{repo}/to/blobs/uploads/", mount=alias, **{"from": f"{repo}/from"})
    for _ in range(2):
        response = client.post(target)
        assert_empty(response, 201)
        assert response.location == f"/v2/{repo}/to/blobs/{digest_of(data)}"
        assert response.header("Docker-Content-Digest") == digest_of(data)
    for digest in (alias, digest_of(data)):
        assert client.pull_blob(f"{repo}/to", digest) == data


@pytest.mark.ours("upstream writes a link that leads nowhere")
def test_mount_onto_itself_changes_nothing(client, repo, algorithm):
    data = f"{repo}".encode()
    alias = push_as(client, repo, data, algorithm)
    for digest in (alias, digest_of(data)):
        target = with_query(f"/v2/{repo}/blobs/uploads/", mount=digest, **{"from": repo})
        assert client.post(target).status == 201
    for digest in (alias, digest_of(data)):
        assert client.pull_blob(repo, digest) == data


def test_manifest_may_refer_to_blobs_by_it(client, repo, algorithm):
    value = image(repo)
    manifest = value.manifest
    for blob in value.blobs:
        alias = push_as(client, repo, blob, algorithm)
        manifest = manifest.replace(digest_of(blob).encode(), alias.encode())
    client.push_manifest(repo, "latest", manifest, SCHEMA2)
    assert client.get_manifest(repo, "latest", SCHEMA2).body == manifest


# ---- manifests ----------------------------------------------------------------------------------


@pytest.fixture
def pushed(client, repo, algorithm):
    """An image whose manifest was pushed by the other digest, and that digest."""
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    alias = digest_of(value.manifest, algorithm)
    response = client.put_manifest(repo, alias, value.manifest, SCHEMA2)
    assert_empty(response, 201)
    assert response.header("Docker-Content-Digest") == alias
    assert response.location == f"/v2/{repo}/manifests/{alias}"
    return value, alias


@pytest.mark.ours("manifests can be pushed by any digest")
def test_manifest_is_read_by_both_digests(client, repo, pushed, algorithm):
    value, alias = pushed
    for digest in (alias, value.digest):
        response = client.get_manifest(repo, digest, SCHEMA2)
        assert (response.status, response.body) == (200, value.manifest)
        assert response.header("Docker-Content-Digest") == digest
        assert response.header("Etag") == f'"{digest}"'
        head = client.head(f"/v2/{repo}/manifests/{digest}", {"Accept": SCHEMA2})
        assert head.header("Docker-Content-Digest") == digest
        headers = {"Accept": SCHEMA2, "If-None-Match": f'"{digest}"'}
        assert_no_body(client.get(f"/v2/{repo}/manifests/{digest}", headers), 304)


@pytest.mark.ours("manifests can be pushed by any digest")
def test_tag_of_a_manifest_pushed_by_it_names_the_canonical_digest(client, repo, pushed, algorithm):
    value, alias = pushed
    client.push_manifest(repo, "latest", value.manifest, SCHEMA2)
    response = client.get_manifest(repo, "latest", SCHEMA2)
    assert response.header("Docker-Content-Digest") == value.digest
    assert client.get_manifest(repo, alias, SCHEMA2).body == value.manifest


def test_manifest_by_a_wrong_digest_is_400_and_not_stored(client, repo, algorithm):
    value = image(repo)
    for blob in value.blobs:
        client.push_blob(repo, blob)
    wrong = digest_of(b"other", algorithm)
    assert_error(client.put_manifest(repo, wrong, value.manifest, SCHEMA2), 400, "DIGEST_INVALID")
    for digest in (wrong, value.digest):
        assert client.get_manifest(repo, digest, SCHEMA2).status == 404


@pytest.mark.ours("manifests can be pushed by any digest")
def test_delete_by_either_digest_removes_the_manifest_and_its_tags(client, repo, pushed, algorithm):
    value, alias = pushed
    for digest in (alias, value.digest):
        client.put_manifest(repo, alias, value.manifest, SCHEMA2)
        client.push_manifest(repo, "latest", value.manifest, SCHEMA2)
        assert_empty(client.delete(f"/v2/{repo}/manifests/{digest}"), 202)
        for reference in (alias, value.digest, "latest"):
            assert client.get_manifest(repo, reference, SCHEMA2).status == 404


def test_unknown_manifest_is_404(client, repo, algorithm):
    unknown = digest_of(b"nobody has this", algorithm)
    response = client.get_manifest(repo, unknown, SCHEMA2)
    assert_error(response, 404, "MANIFEST_UNKNOWN", {"Name": repo, "Revision": unknown})
    assert_error(client.delete(f"/v2/{repo}/manifests/{unknown}"), 404, "MANIFEST_UNKNOWN")
