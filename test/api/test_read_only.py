# SPDX-License-Identifier: Apache-2.0
"""Read-only mode: what is still served, and what every other request is told. And what
storage.delete.enabled allows."""
import pathlib
import uuid

import pytest
from support.check import assert_error
from support.client import OCTETS, digest_of
from support.content import OCI_MANIFEST, UNKNOWN_DIGEST, image
from support.registry import Registry

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
READ_ONLY = {"storage.maintenance.readonly": {"enabled": True}}
VALUE = image("read-only", OCI_MANIFEST)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Prepared:
    """A storage with an image and an upload that has begun."""

    def __init__(self, directory):
        with Registry(directory / "writer") as writer, writer.client() as client:
            self.root = writer.root
            self.digest = client.push_image("a/b", "latest", VALUE)
            self.location = client.append(client.start_upload("a/b"), b"begun")
            self.upload = self.location.partition("?")[0].rpartition("/")[2]

    def targets(self):
        return {
            "base": "/v2/",
            "catalog": "/v2/_catalog?n=10",
            "tags": "/v2/a/b/tags/list",
            "tag": "/v2/a/b/manifests/latest",
            "digest": f"/v2/a/b/manifests/{self.digest}",
            "blob": f"/v2/a/b/blobs/{digest_of(VALUE.blobs[0])}",
            "unknown blob": f"/v2/a/b/blobs/{UNKNOWN_DIGEST}",
            "uploads": "/v2/a/b/blobs/uploads/",
            "mount": f"/v2/c/blobs/uploads/?mount={digest_of(VALUE.blobs[0])}&from=a/b",
            "upload": self.location,
        }


ROUTES = ["base", "catalog", "tags", "tag", "digest", "blob", "unknown blob", "uploads", "mount",
          "upload"]  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def reader(prepared, tmp_path_factory):
    directory = tmp_path_factory.mktemp("reader")
    with Registry(directory, root=prepared.root, settings=READ_ONLY) as registry:
        yield registry


@pytest.fixture
def client(reader):
    with reader.client() as client:
        yield client


def test_pulls_are_served(client, prepared):
    assert client.get("/v2/").status == 200
    response = client.get_manifest("a/b", "latest", OCI_MANIFEST)
    assert (response.status, response.body) == (200, VALUE.manifest)
    assert client.get_manifest("a/b", prepared.digest, OCI_MANIFEST).status == 200
    for blob in VALUE.blobs:
        assert client.pull_blob("a/b", digest_of(blob)) == blob
        assert client.head(f"/v2/a/b/blobs/{digest_of(blob)}").status == 200
    assert client.get("/v2/a/b/tags/list").json()["tags"] == ["latest"]
    assert client.get("/v2/_catalog").json()["repositories"] == ["a/b"]


def test_status_of_an_upload_is_served(client, prepared):
    response = client.get(prepared.location)
    assert response.status == 204
    assert response.header("Range") == "0-4"


WRITES = [
    ("PUT", "tag"), ("PUT", "digest"), ("DELETE", "tag"), ("DELETE", "digest"), ("DELETE", "blob"),
    ("POST", "uploads"), ("POST", "mount"), ("PATCH", "upload"), ("PUT", "upload"),
    ("DELETE", "upload"),
]  # fmt: skip


@pytest.mark.parametrize("method, route", WRITES)
def test_writes_are_not_allowed(client, prepared, method, route):
    response = client.request(method, prepared.targets()[route], {"Content-Type": OCTETS}, b"x")
    assert response.status == 405
    assert response.header("Allow") == "GET, HEAD"


def test_mount_is_refused_without_making_anything(client, prepared):
    client.post(prepared.targets()["mount"])
    assert not (prepared.root / "docker/registry/v2/repositories/c").exists()


@pytest.mark.ours("upstream touches hash states of an upload that is only looked at")
def test_nothing_was_changed_by_what_was_refused(client, prepared):
    before = sorted((p, p.stat().st_mtime_ns) for p in prepared.root.rglob("*"))
    for method, route in WRITES:
        client.request(method, prepared.targets()[route], {"Content-Type": OCTETS}, b"x")
    assert sorted((p, p.stat().st_mtime_ns) for p in prepared.root.rglob("*")) == before


def test_upload_goes_on_when_the_registry_is_writable_again(start_registry, tmp_path):
    storage = Prepared(tmp_path)
    reader = start_registry(root=storage.root, settings=READ_ONLY)
    with reader.client() as client:
        assert client.patch(storage.location, {"Content-Type": OCTETS}, b"x").status == 405
    reader.stop()
    writer = start_registry(root=storage.root)
    with writer.client() as client:
        location = client.append(storage.location, b" and ended")
        client.commit(location, digest_of(b"begun and ended"))


@pytest.mark.ours("a body that will be refused is not asked for", run=False)
def test_refused_body_is_not_asked_for(reader, prepared):
    with reader.connect() as connection:
        connection.send_head(
            "PATCH", prepared.location, [("Content-Length", "1000"), ("Expect", "100-continue")]
        )
        response = connection.read_response("PATCH")
        assert (response.status, response.interim) == (405, [])


@pytest.mark.ours("upstream knows no referrers")
def test_reading_writes_nothing(client, prepared):
    before = sorted((p, p.stat().st_mtime_ns) for p in prepared.root.rglob("*"))
    for target in [*prepared.targets().values(), f"/v2/a/b/referrers/{prepared.digest}"]:
        client.get(target)
    assert client.get(f"/v2/a/b/referrers/{prepared.digest}").status == 200
    assert sorted((p, p.stat().st_mtime_ns) for p in prepared.root.rglob("*")) == before


# ---- side by side ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def upstream(prepared, tmp_path_factory):
    if not UPSTREAM.exists():
        pytest.skip(f"{UPSTREAM} is not installed")
    directory = tmp_path_factory.mktemp("upstream")
    with Registry(directory, root=prepared.root, settings=READ_ONLY, program=UPSTREAM) as registry:
        yield registry


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_answers_are_those_of_upstream(reader, upstream, prepared, method, route):
    target = prepared.targets()[route]
    found = []
    for registry in (reader, upstream):
        with registry.client() as client:
            response = client.request(method, target, {"Accept": OCI_MANIFEST})
            found.append((response.status, response.header("Allow")))
    assert found[0] == found[1]


# ---- storage.delete.enabled -----------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [False, True])
def test_deleting_is_as_the_configuration_says(start_registry, enabled):
    registry = start_registry(settings={"storage.delete.enabled": enabled})
    with registry.client() as client:
        digest = client.push_image("a", "latest", VALUE)
        blob = digest_of(VALUE.blobs[0])
        for target in (f"/v2/a/manifests/{digest}", f"/v2/a/blobs/{blob}"):
            response = client.delete(target)
            if enabled:
                assert response.status == 202
                assert client.get(target, {"Accept": OCI_MANIFEST}).status == 404
            else:
                assert_error(response, 405, "UNSUPPORTED")
                assert client.get(target, {"Accept": OCI_MANIFEST}).status == 200


@pytest.mark.parametrize("enabled", [False, True])
def test_uploads_can_be_canceled_either_way(start_registry, enabled):
    registry = start_registry(settings={"storage.delete.enabled": enabled})
    with registry.client() as client:
        location = client.start_upload("a")
        assert client.delete(location).status == 204
        assert_error(client.get(location), 404, "BLOB_UPLOAD_UNKNOWN")


def test_deleting_is_disabled_by_default(start_registry, tmp_path):
    registry = Registry(tmp_path / "default")
    del registry.config["storage"]["delete"]
    with registry, registry.client() as client:
        digest = client.push_image("a", "latest", VALUE)
        assert_error(client.delete(f"/v2/a/manifests/{digest}"), 405, "UNSUPPORTED")


def test_deleting_what_is_not_there_is_refused_first(start_registry):
    registry = start_registry(settings={"storage.delete.enabled": False})
    with registry.client() as client:
        assert client.delete(f"/v2/{uuid.uuid4().hex}/manifests/{UNKNOWN_DIGEST}").status == 405
