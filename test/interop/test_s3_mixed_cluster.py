# SPDX-License-Identifier: Apache-2.0
"""Our server and upstream's on one bucket: what one stores the other serves and continues."""
import random

import pytest
from conftest import UPSTREAM
from support import s3
from support.client import OCTETS
from support.content import OCI_MANIFEST, SCHEMA2, digest_of, image, random_bytes

MIB = 1 << 20


@pytest.fixture
def servers(start_registry, bucket):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    settings = s3.settings(bucket) | {"storage.redirect.disable": True}
    theirs = start_registry(storage="s3", settings=settings, program=UPSTREAM, environment={"AWS_CA_BUNDLE": ""})
    return {"ours": start_registry(storage="s3", settings=settings), "theirs": theirs}


@pytest.fixture(params=[("ours", "theirs"), ("theirs", "ours")], ids=lambda pair: f"{pair[0]}-then-{pair[1]}")
def pair(request, servers):
    first, second = (servers[name] for name in request.param)
    with first.client() as one, second.client() as other:
        yield one, other


@pytest.mark.parametrize("media_type", [SCHEMA2, OCI_MANIFEST])
def test_an_image_pushed_here_is_pulled_there(pair, repo, media_type):
    one, other = pair
    value = image(repo, media_type, layer_count=3)
    one.push_image(repo, "v1", value)
    assert other.get_manifest(repo, "v1", media_type).body == value.manifest
    for blob in value.blobs:
        assert other.pull_blob(repo, digest_of(blob)) == blob
    assert other.get(f"/v2/{repo}/tags/list").json() == {"name": repo, "tags": ["v1"]}
    assert repo in other.get("/v2/_catalog?n=1000").json()["repositories"]


@pytest.mark.parametrize("size", [1, 5 * MIB - 1, 5 * MIB, 12 * MIB, 35 * MIB])
def test_an_upload_begun_here_ends_there(pair, bucket, repo, size):
    one, other = pair
    data = random_bytes(size, f"{repo} {size}")
    location = one.append(one.start_upload(repo), data)
    other.commit(location, digest_of(data))
    for client in pair:
        assert client.pull_blob(repo, digest_of(data)) == data
    assert bucket.uploads() == []


@pytest.mark.parametrize("seed", range(4))
def test_an_upload_that_changes_sides_at_every_piece(pair, bucket, repo, seed):
    sizes = random.Random(seed).choices([1, 5, 65, 70001, MIB, 5 * MIB, 5 * MIB + 1, 11 * MIB], k=6)
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
    assert bucket.uploads() == []


def test_the_names_in_the_bucket_are_the_same(servers, bucket, repo):
    """But for the identities of uploads, which are gone, and what is only ours and a cache."""
    value = image(repo, layer_count=2)
    names = {}
    for name, server in servers.items():
        bucket.empty()
        with server.client() as client:
            client.push_image(repo, "v1", value)
        names[name] = [key for key in bucket.keys() if "/_referrers/" not in key]
    assert names["ours"] == names["theirs"]


def test_an_upload_begun_here_is_canceled_there(pair, repo):
    one, other = pair
    location = one.append(one.start_upload(repo), b"never mind")
    assert other.delete(location).status == 204
    assert one.get(location).status == 404


def test_wrong_content_is_refused_by_whoever_ends_the_upload(pair, repo):
    one, other = pair
    location = one.append(one.start_upload(repo), b"something")
    response = other.put(f"{location}&digest={digest_of(b'else')}", {"Content-Type": OCTETS})
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])


def test_what_the_one_deletes_the_other_does_not_serve(pair, repo):
    one, other = pair
    value = image(repo)
    one.push_image(repo, "v1", value)
    assert one.delete(f"/v2/{repo}/manifests/{value.digest}").status == 202
    assert other.get_manifest(repo, "v1", SCHEMA2).status == 404
    assert other.get_manifest(repo, value.digest, SCHEMA2).status == 404
