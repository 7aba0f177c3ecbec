# SPDX-License-Identifier: Apache-2.0
"""The same requests to both registries: the metrics upstream has, we have, with the same counts."""
import os
import pathlib

import pytest
from support.content import OCI_MANIFEST, SCHEMA2, UNKNOWN_DIGEST, image
from support.metrics import DEBUG, scrape
from support.registry import Registry

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
FAMILIES = [
    "registry_http_in_flight_requests",
    "registry_http_request_duration_seconds",
    "registry_http_request_size_bytes",
    "registry_http_requests_total",
    "registry_http_response_size_bytes",
    "registry_storage_action_seconds",
]
OURS = {"referrers", "token"}  # handlers upstream does not have
DATA = os.urandom(200000)


def ask(client):
    """Requests both answer with the same status."""
    digest = client.push_blob("a/b", DATA)
    client.pull_blob("a/b", digest)
    client.head(f"/v2/a/b/blobs/{digest}")
    client.get(f"/v2/a/b/blobs/{digest}", {"Range": "bytes=5-10"})
    client.get(f"/v2/a/b/blobs/{UNKNOWN_DIGEST}")
    client.put(client.start_upload("a/b") + "&digest=" + UNKNOWN_DIGEST, {}, b"other bytes")
    client.delete(client.start_upload("a/b"))
    client.get(client.start_upload("a/b"))
    client.push_image("a/b", "tag", image("agreement"))
    client.get("/v2/a/b/manifests/tag", {"Accept": SCHEMA2})
    client.head("/v2/a/b/manifests/tag", {"Accept": SCHEMA2})
    client.get("/v2/a/b/manifests/none")
    client.put_manifest("a/b", "broken", b"{", OCI_MANIFEST)
    client.get("/v2/a/b/tags/list")
    client.get("/v2/nothing/tags/list")
    client.get("/v2/")
    client.head("/v2/")
    client.get("/v2/_catalog")
    client.get("/v2/_catalog/")
    client.get("/v2//_catalog")
    client.get("/")
    client.get("/nowhere")
    for method in ("OPTIONS", "POST", "PATCH", "TRACE", "BREW", "get", "Get", "unknown"):
        client.request(method, "/v2/_catalog")
    client.post(f"/v2/a/c/blobs/uploads/?mount={digest}&from=a/b")
    client.delete(f"/v2/a/b/blobs/{digest}")


def run(folder, program):
    with Registry(folder, settings=DEBUG, program=program) as registry:
        with registry.client() as client:
            ask(client)
        return scrape(registry)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    folder = tmp_path_factory.mktemp("metrics")
    return run(folder / "ours", None), run(folder / "theirs", UPSTREAM)


def comparable(metrics, name):
    found = metrics.series(name)
    return {labels: value for labels, value in found.items() if dict(labels).get("handler") not in OURS}


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_the_same(both, family):
    ours, theirs = both
    assert ours.types[family] == theirs.types[family]
    assert ours.help[family] == theirs.help[family]


def test_all_of_upstreams_families_are_there(both):
    ours, theirs = both
    foreign = ("go_", "promhttp_", "process_virtual_memory_max_bytes")
    assert [name for name in theirs.types if name not in ours.types and not name.startswith(foreign)] == []


@pytest.mark.parametrize(
    "name",
    [
        "registry_http_in_flight_requests",
        "registry_http_requests_total",
        "registry_http_request_duration_seconds_count",
        "registry_http_request_size_bytes_count",
        "registry_http_response_size_bytes_count",
    ],
)
def test_requests_are_counted_alike(both, name):
    ours, theirs = both
    assert comparable(ours, name) == comparable(theirs, name)


@pytest.mark.parametrize("name", [family + "_bucket" for family in FAMILIES if family.endswith(("seconds", "bytes"))])
def test_buckets_are_the_same_texts(both, name):
    ours, theirs = both
    assert {dict(k)["le"] for k in ours.series(name)} == {dict(k)["le"] for k in theirs.series(name)}


def test_bodies_have_the_same_size(both):
    name = "registry_http_response_size_bytes_sum"
    ours, theirs = (comparable(metrics, name) for metrics in both)
    for handler in ("blob", "blob_upload", "blob_upload_chunk", "base", "tags"):
        key = (("handler", handler),)
        assert ours[key] == pytest.approx(theirs[key], rel=0.2), handler


def test_actions_of_the_storage_have_the_same_labels(both):
    """But for the move that ends an upload, which is part of our writer's commit, and for asking a
    driver for a URL that has none."""
    ours, theirs = (set(metrics.series("registry_storage_action_seconds_count")) for metrics in both)
    assert {dict(labels)["action"] for labels in theirs - ours} <= {"Move", "URLFor"}
    assert {dict(labels)["driver"] for labels in ours} == {"filesystem"}
