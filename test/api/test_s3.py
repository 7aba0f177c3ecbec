# SPDX-License-Identifier: Apache-2.0
"""A registry on a bucket: what is in it, what clients see, and where content is fetched."""
import pytest
from support.client import OCTETS
from support.content import OCI_MANIFEST, digest_of, image, random_bytes
from support.registry import Registry, is_upstream
from support.s3 import fetch

pytestmark = pytest.mark.skipif(is_upstream(), reason="test_mixed_cluster.py looks at both")

MIB = 1 << 20
BLOBS = "docker/registry/v2/blobs"


def blob_key(digest):
    algorithm, text = digest.split(":")
    return f"{BLOBS}/{algorithm}/{text[:2]}/{text}/data"


def pull(client, repository, digest):
    response = client.get(f"/v2/{repository}/blobs/{digest}")
    assert response.status == 307, response
    status, _, body = fetch(response.header("Location"))
    assert status == 200
    return body


@pytest.fixture
def client(s3_registry):
    with s3_registry.client() as client:
        yield client


@pytest.fixture
def serving_client(start_s3_registry):
    """Of a registry that serves all content itself."""
    with start_s3_registry({"storage.redirect.disable": True}).client() as client:
        yield client


def test_an_image_is_pushed_and_pulled(client, bucket, repo):
    value = image(repo, OCI_MANIFEST, layer_count=2)
    client.push_image(repo, "v1", value)
    assert client.get_manifest(repo, "v1", OCI_MANIFEST).body == value.manifest
    for blob in value.blobs:
        assert pull(client, repo, digest_of(blob)) == blob
        assert bucket.get(blob_key(digest_of(blob))) == blob
    assert client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
    assert repo in client.get("/v2/_catalog").json()["repositories"]
    assert bucket.uploads() == []
    assert [key for key in bucket.keys() if "_uploads" in key] == []


def test_clients_are_sent_to_the_service(client, repo):
    data = random_bytes(5000, repo)
    digest = client.push_blob(repo, data)
    response = client.get(f"/v2/{repo}/blobs/{digest}", {"Range": "bytes=1-2"})
    assert response.status == 307
    assert response.header("Content-Length") == "0"
    assert response.header("Content-Type") == "application/octet-stream"
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert "X-Amz-Expires=1200" in response.header("Location")
    assert fetch(response.header("Location"))[2] == data
    response = client.head(f"/v2/{repo}/blobs/{digest}")
    assert response.status == 307
    status, headers, _ = fetch(response.header("Location"), "HEAD")
    assert (status, headers["content-length"]) == (200, "5000")
    assert client.get(f"/v2/{repo}/blobs/{digest_of(b'other')}").status == 404


def test_without_redirects_ranges_are_served(serving_client, repo):
    data = random_bytes(3 * MIB, repo)
    digest = serving_client.push_blob(repo, data)
    assert serving_client.pull_blob(repo, digest) == data
    response = serving_client.get(f"/v2/{repo}/blobs/{digest}", {"Range": "bytes=1000000-1000099"})
    assert (response.status, response.body) == (206, data[1000000:1000100])
    response = serving_client.get(f"/v2/{repo}/blobs/{digest}", {"Range": "bytes=5-6,100-101"})
    assert response.status == 206
    assert data[5:7] in response.body and data[100:102] in response.body


@pytest.mark.parametrize("size", [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 12 * MIB, 40 * MIB])
def test_blobs_of_any_size(serving_client, bucket, repo, size):
    data = random_bytes(size, f"{repo} {size}")
    location = serving_client.start_upload(repo)
    if size:
        location = serving_client.append(location, data)
    serving_client.commit(location, digest_of(data))
    assert serving_client.pull_blob(repo, digest_of(data)) == data
    assert bucket.uploads() == []


def test_a_blob_in_one_request_goes_straight_to_its_place(client, bucket, repo):
    data = random_bytes(3 * MIB, repo)
    response = client.post(f"/v2/{repo}/blobs/uploads/?digest={digest_of(data)}", {"Content-Type": OCTETS}, data)
    assert response.status in (201, 202)
    if response.status == 202:
        client.commit(response.location, digest_of(data), data)
    assert "-" not in bucket.head(blob_key(digest_of(data)))["etag"]  # an object that never had parts
    assert bucket.uploads() == []


def test_an_upload_goes_on_after_a_restart(s3_registry, bucket, repo):
    data = random_bytes(14 * MIB, repo)
    cuts = [0, 3, 6 * MIB, 7 * MIB, 14 * MIB]
    with s3_registry.client() as client:
        location = client.start_upload(repo)
    for begin, end in zip(cuts, cuts[1:]):
        s3_registry.restart()
        with s3_registry.client() as client:
            assert client.get(location).header("Range") == f"0-{max(begin - 1, 0)}"
            location = client.append(location, data[begin:end])
        ((key, upload_id),) = bucket.uploads()
        assert sum(bucket.part_sizes(key, upload_id)) == end
    with s3_registry.client() as client:
        client.commit(location, digest_of(data))
        assert pull(client, repo, digest_of(data)) == data
    assert bucket.uploads() == []


def test_an_upload_survives_kill(s3_registry, repo):
    data = random_bytes(7 * MIB, repo)
    with s3_registry.client() as client:
        location = client.append(client.start_upload(repo), data[: 6 * MIB])
    s3_registry.kill()
    s3_registry.start()
    with s3_registry.client() as client:
        location = client.append(location, data[6 * MIB :])
        client.commit(location, digest_of(data))
        assert pull(client, repo, digest_of(data)) == data


def test_a_canceled_upload_leaves_nothing(client, bucket, repo):
    location = client.append(client.start_upload(repo), b"never mind")
    assert len(bucket.uploads()) == 1
    assert client.delete(location).status == 204
    assert bucket.uploads() == []
    assert bucket.keys() == []
    assert client.get(location).status == 404


def test_wrong_content_is_refused_and_leaves_nothing(client, bucket, repo):
    location = client.append(client.start_upload(repo), b"something")
    response = client.put(f"{location}&digest={digest_of(b'else')}", {"Content-Type": OCTETS})
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert bucket.uploads() == []
    assert bucket.keys() == []


@pytest.mark.parametrize("size", [10, 6 * MIB])
def test_another_digest_algorithm(serving_client, repo, size):
    """Its digest takes a look at what is not committed yet."""
    data = random_bytes(size, repo)
    location = serving_client.append(serving_client.start_upload(repo), data)
    serving_client.commit(location, digest_of(data, "sha512"))
    assert serving_client.pull_blob(repo, digest_of(data, "sha512")) == data


def test_deleting_one_tag_keeps_those_that_begin_like_it(client, repo):
    values = {tag: image(f"{repo} {tag}") for tag in ("1", "1-alpine", "1.2", "10")}
    for tag, value in values.items():
        client.push_image(repo, tag, value)
    assert client.delete(f"/v2/{repo}/manifests/{values['1'].digest}").status == 202
    assert client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["1-alpine", "1.2", "10"]


def test_the_root_directory_comes_before_all_names(start_s3_registry, bucket, repo):
    with start_s3_registry({"storage.s3.rootdirectory": "/pre/fix"}).client() as client:
        client.push_image(repo, "v1", image(repo))
        assert client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
    assert bucket.keys()
    assert all(key.startswith("pre/fix/docker/registry/v2/") for key in bucket.keys())


def test_the_old_signature_serves_and_redirects(start_s3_registry, repo):
    data = random_bytes(6 * MIB, repo)
    with start_s3_registry({"storage.s3.v4auth": False}).client() as client:
        digest = client.push_blob(repo, data)
        assert pull(client, repo, digest) == data


def test_credentials_come_from_the_environment(start_registry, bucket, repo):
    settings = {"storage.s3aws.bucket": bucket.name, "storage.s3aws.regionendpoint": bucket.service.url}
    environment = {"AWS_ACCESS_KEY_ID": bucket.service.access_key, "AWS_SECRET_ACCESS_KEY": bucket.service.secret_key}
    registry = start_registry(storage="s3aws", settings=settings, environment=environment)
    with registry.client() as client:
        assert pull(client, repo, client.push_blob(repo, b"content")) == b"content"


def test_no_secret_is_logged(s3_registry, repo):
    with s3_registry.client() as client:
        client.push_image(repo, "v1", image(repo))
    s3_registry.stop()
    for text in (s3_registry.stderr(), s3_registry.stdout()):
        assert "TESTSECRET" not in text
        assert "Signature" not in text


def test_a_missing_bucket_is_said(start_s3_registry, repo):
    registry = start_s3_registry({"storage.s3.bucket": "no-such-bucket"})
    with registry.client() as client:
        assert client.get(f"/v2/{repo}/tags/list").status >= 500
        assert client.post(f"/v2/{repo}/blobs/uploads/").status >= 500
    assert "NoSuchBucket" in registry.stderr()


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"bucket": "b"}, "no region parameter provided"),
        ({"region": "us-east-1"}, "no bucket parameter provided"),
        ({"region": "us east", "bucket": "b"}, "invalid region provided: us east"),
        ({"region": "us-east-1", "bucket": "b", "v4auth": False},
         "on Amazon S3 this storage driver can only be used with v4 authentication"),
        ({"region": "us-east-1", "bucket": "b", "chunksize": 5},
         "the chunksize 5 parameter should be a number between 5242880 and 5368709120 (inclusive)"),
        ({"region": "us-east-1", "bucket": "b", "storageclass": "X"},
         "the storageclass parameter must be one of [NONE STANDARD REDUCED_REDUNDANCY"),
        ({"region": "us-east-1", "bucket": "b", "objectacl": "X"}, "invalid value for objectacl parameter: X"),
        ({"region": "us-east-1", "bucket": "b", "accesskey": "X"}, "accesskey and secretkey go together"),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_start(tmp_path, settings, said):
    settings = {f"storage.s3.{key}": value for key, value in settings.items()}
    with pytest.raises(AssertionError) as failure:
        Registry(tmp_path, storage="s3", settings=settings).start()
    assert said in str(failure.value)
