# SPDX-License-Identifier: Apache-2.0
"""What one program stores the other serves, and what one begins the other continues: on files, and in the
buckets of two services."""
import concurrent.futures
import random
import subprocess

import pytest
from conftest import UPSTREAM, need_upstream, serve
from support import s3, session
from support.client import OCTETS
from support.content import (
    LIST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA2,
    digest_of,
    image,
    index,
    random_bytes,
)
from support.registry import SECRET

BLOCK = 64  # of SHA-256: a saved state must hold what does not fill one
MIB = 1 << 20
PART = 5 * MIB  # the least that a bucket takes for a part that others follow
SMALL = [1, 5, BLOCK, BLOCK + 1, 1000, 4096, 70001]
LARGE = [1, BLOCK + 1, 70001, MIB, PART, PART + 1, 11 * MIB]


@pytest.fixture(scope="module", params=["filesystem", "ceph", "swift"])
def cluster(request, tmp_path_factory):
    service = None if request.param == "filesystem" else request.getfixturevalue(request.param)
    yield from serve(tmp_path_factory.mktemp("cluster"), service)


def assert_serves(client, repository, reference, value):
    response = client.get_manifest(repository, reference, value.media_type)
    assert response.status == 200, response
    assert response.body == value.manifest
    assert response.header("Docker-Content-Digest") == value.digest
    for blob in value.blobs:
        assert client.pull_blob(repository, digest_of(blob)) == blob


@pytest.mark.parametrize("media_type", [SCHEMA2, OCI_MANIFEST])
def test_an_image_pushed_here_is_pulled_there(pair, repo, media_type):
    one, other = pair
    value = image(repo, media_type, layer_count=3)
    one.push_image(repo, "v1", value)
    assert_serves(other, repo, "v1", value)
    assert_serves(other, repo, value.digest, value)
    assert other.get(f"/v2/{repo}/tags/list").json() == {"name": repo, "tags": ["v1"]}
    assert repo in other.get("/v2/_catalog?n=1000").json()["repositories"]


@pytest.mark.parametrize("media_type", [LIST, OCI_INDEX])
def test_an_index_over_images_pushed_on_both_sides(pair, repo, media_type):
    one, other = pair
    child_type = SCHEMA2 if media_type == LIST else OCI_MANIFEST
    children = [image(f"{repo}/{n}", child_type) for n in range(2)]
    one.push_image(repo, children[0].digest, children[0])
    other.push_image(repo, children[1].digest, children[1])
    content = index([(children[0], "linux/amd64"), (children[1], "linux/arm64")], media_type)
    one.push_manifest(repo, "both", content, media_type)
    for client in pair:
        assert client.get_manifest(repo, "both", media_type).body == content
        for child in children:
            assert_serves(client, repo, child.digest, child)


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7, MIB, PART - 1, PART, 35 * MIB])
def test_an_upload_begun_here_ends_there(cluster, pair, repo, size):
    one, other = pair
    data = random_bytes(size, f"{repo} {size}")
    location = one.append(one.start_upload(repo), data)
    other.commit(location, digest_of(data))
    for client in pair:
        assert client.pull_blob(repo, digest_of(data)) == data
    assert cluster.unfinished(repo) == []


def test_upstream_passes_over_the_seal_of_a_token(cluster, repo):
    """On buckets ours have one; theirs never. Neither side minds what the other gives."""
    data = random_bytes(3 * 6 * MIB, repo)
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        sides, location = [ours, theirs, ours], ours.start_upload(repo)
        for turn, client in enumerate(sides):
            location = client.append(location, data[turn * 6 * MIB : (turn + 1) * 6 * MIB])
            has_seal = session.seal_of(location, SECRET) is not None
            assert has_seal == bool(cluster.bucket and turn == 0)  # after theirs, nobody vouches
            assert theirs.get(location).header("Range") == ours.get(location).header("Range")
        theirs.commit(location, digest_of(data))
        for client in (ours, theirs):
            assert client.pull_blob(repo, digest_of(data)) == data


def test_an_empty_upload_begun_there_ends_here(cluster, repo):
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        ours.commit(theirs.start_upload(repo), digest_of(b""))
        assert theirs.pull_blob(repo, digest_of(b"")) == b""


def test_an_empty_upload_begun_here_ends_there(cluster, repo):
    if cluster.bucket:
        pytest.skip("upstream ends no empty upload in a bucket, nor its own")
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        theirs.commit(ours.start_upload(repo), digest_of(b""))
        assert ours.pull_blob(repo, digest_of(b"")) == b""


@pytest.mark.parametrize("pieces", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("seed", range(3))
def test_an_upload_that_changes_sides_at_every_piece(cluster, pair, repo, seed, pieces):
    sizes = random.Random(seed).choices(pieces, k=7)
    data = random_bytes(sum(sizes), f"{repo} {seed}")
    location = pair[0].start_upload(repo)
    at = 0
    for turn, size in enumerate(sizes):
        client = pair[turn % 2]
        status = client.get(location)
        assert status.status == 204, status
        assert status.header("Range") == f"0-{max(at - 1, 0)}"
        location = client.append(status.location, data[at : at + size])
        at += size
    pair[len(sizes) % 2].commit(location, digest_of(data))
    for client in pair:
        assert client.pull_blob(repo, digest_of(data)) == data
    assert cluster.unfinished(repo) == []


def test_wrong_content_is_refused_by_whoever_ends_the_upload(pair, repo):
    one, other = pair
    location = one.append(one.start_upload(repo), b"something")
    response = other.put(f"{location}&digest={digest_of(b'else')}", {"Content-Type": OCTETS})
    assert response.status == 400
    assert response.codes == ["DIGEST_INVALID"]
    assert one.head(f"/v2/{repo}/blobs/{digest_of(b'something')}").status == 404


def test_an_upload_begun_here_is_canceled_there(pair, repo):
    one, other = pair
    location = one.append(one.start_upload(repo), b"never mind")
    assert other.delete(location).status == 204
    assert one.get(location).status == 404
    assert one.get(location).codes == ["BLOB_UPLOAD_UNKNOWN"]


def test_a_blob_of_the_one_is_mounted_by_the_other(pair, repo):
    one, other = pair
    data = random_bytes(5000, repo)
    digest = one.push_blob(repo, data)
    response = other.post(f"/v2/{repo}-copy/blobs/uploads/?mount={digest}&from={repo}")
    assert response.status == 201, response
    assert one.pull_blob(f"{repo}-copy", digest) == data


def test_what_the_one_deletes_the_other_does_not_serve(pair, repo):
    one, other = pair
    value = image(repo)
    one.push_image(repo, "v1", value)
    assert_serves(other, repo, "v1", value)
    assert one.delete(f"/v2/{repo}/manifests/{value.digest}").status == 202
    assert other.get_manifest(repo, "v1", SCHEMA2).status == 404
    assert other.get_manifest(repo, value.digest, SCHEMA2).status == 404
    layer = digest_of(value.blobs[1])
    assert one.delete(f"/v2/{repo}/blobs/{layer}").status == 202
    assert other.head(f"/v2/{repo}/blobs/{layer}").status == 404


def test_a_tag_moved_by_the_one_is_moved_for_the_other(pair, repo):
    one, other = pair
    before, after = image(f"{repo} before"), image(f"{repo} after")
    one.push_image(repo, "latest", before)
    other.push_image(repo, "latest", after)
    assert_serves(one, repo, "latest", after)
    assert_serves(one, repo, before.digest, before)


def test_a_tag_that_we_delete_is_gone_for_upstream(cluster, repo):
    value = image(repo)
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        theirs.push_image(repo, "v1", value)
        theirs.push_manifest(repo, "v2", value.manifest, value.media_type)
        assert ours.delete(f"/v2/{repo}/manifests/v1").status == 202
        assert theirs.get_manifest(repo, "v1", SCHEMA2).status == 404
        assert theirs.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v2"]
        assert_serves(theirs, repo, "v2", value)


def test_both_push_the_same_content_at_once(cluster, repo):
    """Into repositories of their own: two of upstream's pushes to one repository trip over each
    other's links, which it writes in place."""
    values = [image(f"{repo} {n % 4}", layer_count=3) for n in range(8)]

    def push(number):
        server = cluster.servers["ours" if number % 2 else "theirs"]
        with server.client() as client:
            client.push_image(f"{repo}/{number}", "v1", values[number])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(len(values))))
    for server in cluster.servers.values():
        with server.client() as client:
            for number, value in enumerate(values):
                assert_serves(client, f"{repo}/{number}", "v1", value)


def test_the_names_in_a_bucket_are_the_same(start_registry, bucket, repo):
    """But for the identities of uploads, which are gone, and what is only ours and a cache."""
    need_upstream()
    value, names = image(repo, layer_count=2), []
    for options in ({}, {"program": UPSTREAM, "environment": {"AWS_CA_BUNDLE": ""}}):
        server = start_registry(storage="s3", settings=s3.settings(bucket), **options)
        bucket.empty()
        with server.client() as client:
            client.push_image(repo, "v1", value)
        names.append([key for key in bucket.keys() if "/_referrers/" not in key])
    assert names[0] == names[1]


def test_an_upload_goes_on_there_when_we_are_killed(start_registry, repo):
    need_upstream()
    ours = start_registry()
    theirs = start_registry(root=ours.root, program=UPSTREAM)
    data = random_bytes(300_000, repo)
    with ours.client() as client:
        location = client.append(client.start_upload(repo), data[:200_001])
    ours.kill()
    with theirs.client() as client:
        assert client.get(location).header("Range") == "0-200000"
        client.commit(client.append(location, data[200_001:]), digest_of(data))
    ours.start()
    with ours.client() as client:
        assert client.pull_blob(repo, digest_of(data)) == data


def test_upstream_collects_the_garbage_of_what_we_stored(start_registry, repo):
    need_upstream()
    ours = start_registry()
    kept, dropped = image(f"{repo} kept", OCI_MANIFEST), image(f"{repo} dropped", OCI_MANIFEST)
    with ours.client() as client:
        client.push_image(repo, "kept", kept)
        client.push_image(repo, "dropped", dropped)
        client.put_manifest(repo, "empty", index([], OCI_INDEX), OCI_INDEX)
        assert client.delete(f"/v2/{repo}/manifests/{dropped.digest}").status == 202
    ours.stop()
    subprocess.run([UPSTREAM, "garbage-collect", ours.config_path], check=True, capture_output=True)
    for digest in [dropped.digest, *map(digest_of, dropped.blobs)]:
        assert not ours.blob_path(digest).exists()
    ours.start()
    with ours.client() as client:
        assert_serves(client, repo, "kept", kept)
        assert client.get_manifest(repo, "empty", OCI_INDEX).json()["manifests"] == []
        # Upstream leaves the links of what it removes; that must not look like content.
        for blob in dropped.blobs:
            assert client.head(f"/v2/{repo}/blobs/{digest_of(blob)}").status == 404
        client.push_image(repo, "dropped", dropped)
        assert_serves(client, repo, "dropped", dropped)
