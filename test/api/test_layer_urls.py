# SPDX-License-Identifier: Apache-2.0
"""Layers that are kept elsewhere: which URLs a pushed manifest may name, by configuration."""
import json

import pytest
from support.check import assert_error
from support.content import OCI_MANIFEST, SCHEMA2, UNKNOWN_DIGEST, descriptor, image, to_json
from support.registry import Registry, is_upstream

DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
NON_DISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
ALLOW = r"^https?://([^/]+\.)*example\.com/"
DENY = r"^https?://www\.example\.com/"


def rules(**lists):
    return {f"validation.manifests.urls.{key}": value for key, value in lists.items()}


def push(client, repo, *layers, media_type=SCHEMA2):
    """The reply to a manifest of these layers, whose config is there."""
    value = image(repo, media_type, layer_count=0)
    client.push_blob(repo, value.blobs[0])
    content = {**json.loads(value.manifest), "layers": list(layers)}
    return client.put_manifest(repo, "latest", to_json(content), media_type)


def foreign(*urls, media_type=DOCKER_FOREIGN, **more):
    return {"mediaType": media_type, "size": 1, "digest": UNKNOWN_DIGEST, "urls": urls, **more}


def assert_refused(response):
    if is_upstream():
        assert response.status == 500, response
        return
    assert response.status == 400, response
    assert response.codes == ["MANIFEST_INVALID"]
    assert response.detail["Digest"] == UNKNOWN_DIGEST
    assert "URL" in response.detail["Reason"]


@pytest.fixture(scope="module")
def ruled_registry(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ruled")
    settings = rules(allow=[r"^ftp://", ALLOW], deny=[DENY])
    with Registry(directory, storage="inmemory", settings=settings) as registry:
        yield registry


@pytest.mark.parametrize(
    "url, is_allowed",
    [
        ("https://example.com/x", True),
        ("http://a.b.example.com/x?y=%20", True),
        ("https://www.example.com/x", False),
        ("https://evil.org/x", False),
        ("https://evil.org/https://example.com/", False),
        ("https://example.com/x#frag", False),
        ("ftp://example.com/x", False),
        ("", False),
    ],
)
def test_allow_and_deny_decide(ruled_registry, repo, url, is_allowed):
    with ruled_registry.client() as client:
        response = push(client, repo, foreign(url))
        if is_allowed:
            assert response.status == 201, response
            assert client.get_manifest(repo, "latest", SCHEMA2).json()["layers"][0]["urls"] == [url]
        else:
            assert_refused(response)
            assert client.get_manifest(repo, "latest", SCHEMA2).status == 404


@pytest.mark.parametrize("urls", [["https://example.com/x", "https://evil.org/x"], [None]])
def test_every_url_must_pass(ruled_registry, repo, urls):
    with ruled_registry.client() as client:
        assert_refused(push(client, repo, foreign(*urls)))


@pytest.mark.ours("an expression cannot be evaded by another spelling, or by what is no URL")
@pytest.mark.parametrize(
    "url", ["HTTP://h/x", "http:foo", "http:///x", "http://", "http://h/a b", "http://h/#"]
)
def test_what_is_no_plain_http_url_is_refused(start_registry, repo, url):
    registry = start_registry(storage="inmemory", settings={"validation.disabled": True})
    with registry.client() as client:
        assert_refused(push(client, repo, foreign(url)))


def test_without_rules_no_url_is_allowed(client, repo):
    assert_refused(push(client, repo, foreign("https://example.com/x")))


@pytest.mark.parametrize(
    "settings, is_allowed",
    [
        ({"validation.disabled": False}, False),
        ({"validation.enabled": True, "validation.disabled": True}, False),
        ({"validation.disabled": True}, True),
        ({"validation.disabled": True, **rules(deny=["h"])}, True),
        ({"validation.enabled": True, "validation.disabled": True, **rules(deny=["h"])}, False),
        (rules(deny=["evil"]), True),
        (rules(deny=["/x$"]), False),
        (rules(allow=["h/x"]), True),
        (rules(allow=["^h/x"]), False),
        (rules(allow=[], deny=[]), False),
    ],
)
def test_configuration_decides(start_registry, repo, settings, is_allowed):
    registry = start_registry(storage="inmemory", settings=settings)
    with registry.client() as client:
        response = push(client, repo, foreign("https://h/x"))
        if is_allowed:
            assert response.status == 201, response
        else:
            assert_refused(response)


def test_what_is_referred_to_is_checked_even_without_validation(start_registry, repo):
    registry = start_registry(storage="inmemory", settings={"validation.disabled": True})
    with registry.client() as client:
        layer = descriptor(b"absent", "application/vnd.docker.image.rootfs.diff.tar.gzip")
        response = push(client, repo, layer)
        assert_error(response, 400, "MANIFEST_BLOB_UNKNOWN", layer["digest"])


def test_docker_foreign_layer_needs_a_url(ruled_registry, repo):
    with ruled_registry.client() as client:
        assert_refused(push(client, repo, foreign()))


@pytest.mark.parametrize("media_type", [NON_DISTRIBUTABLE, f"{NON_DISTRIBUTABLE}+gzip"])
def test_non_distributable_oci_layer_may_be_elsewhere(ruled_registry, repo, media_type):
    with ruled_registry.client() as client:
        layer = foreign("https://example.com/x", media_type=media_type)
        assert push(client, repo, layer, media_type=OCI_MANIFEST).status == 201
        layer = foreign("https://evil.org/x", media_type=media_type)
        assert_refused(push(client, repo, layer, media_type=OCI_MANIFEST))
        response = push(client, repo, foreign(media_type=media_type), media_type=OCI_MANIFEST)
        assert_error(response, 400, "MANIFEST_BLOB_UNKNOWN", UNKNOWN_DIGEST)


@pytest.mark.ours("only layers that may not be distributed may be elsewhere, as in 3.x")
def test_ordinary_oci_layer_must_be_there_whatever_its_urls(ruled_registry, repo):
    with ruled_registry.client() as client:
        layer = foreign("https://example.com/x", media_type=OCI_LAYER)
        response = push(client, repo, layer, media_type=OCI_MANIFEST)
        assert_error(response, 400, "MANIFEST_BLOB_UNKNOWN", UNKNOWN_DIGEST)


def test_ordinary_oci_layer_that_is_there_must_name_allowed_urls(ruled_registry, repo):
    with ruled_registry.client() as client:
        client.push_blob(repo, b"layer")
        layer = descriptor(b"layer", OCI_LAYER, urls=["https://example.com/x"])
        assert push(client, repo, layer, media_type=OCI_MANIFEST).status == 201
        layer["urls"] += ["https://evil.org/x"]
        assert push(client, repo, layer, media_type=OCI_MANIFEST).status in (400, 500)


def test_urls_of_other_things_are_not_looked_at(ruled_registry, repo):
    with ruled_registry.client() as client:
        client.push_blob(repo, b"thing")
        layer = descriptor(b"thing", "application/x-thing", urls=["magnet:?xt=1"])
        assert push(client, repo, layer, media_type=OCI_MANIFEST).status == 201


@pytest.mark.ours("400 and one entry for each layer, where upstream has 500 and three")
def test_problems_are_told_in_order(ruled_registry, repo):
    with ruled_registry.client() as client:
        absent = descriptor(b"absent", "application/vnd.docker.image.rootfs.diff.tar.gzip")
        response = push(client, repo, foreign("ftp://h/"), absent, foreign())
        assert response.status == 400
        assert response.codes == ["MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID"]


def test_thousands_of_hostile_urls_delay_nobody(ruled_registry, repo):
    with ruled_registry.client() as client, ruled_registry.client() as other:
        url = "https://" + "a." * 500 + "example.org/"
        assert_refused(push(client, repo, foreign(*[url] * 3000)))
        assert other.get("/v2/").status == 200
