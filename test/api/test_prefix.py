# SPDX-License-Identifier: Apache-2.0
"""http.prefix: everything below another path, links and redirects included."""
import pytest
from support.check import assert_empty, assert_text_error
from support.content import SCHEMA2, digest_of, image
from support.registry import Registry

PREFIX = "/my/prefix"
REPO = "nested/repo"


@pytest.fixture(scope="module", params=["/my/prefix/", "/my/prefix"])
def prefixed(request, tmp_path_factory):
    """A client below PREFIX, however that is written, with an image in REPO and two blobs."""
    directory = tmp_path_factory.mktemp("prefix")
    settings = {"http.prefix": request.param}
    with Registry(directory, storage="inmemory", settings=settings) as registry:
        with registry.client() as client:
            for name in ("another", REPO):
                push(client, name)
            yield client


def push(client, name):
    value = image(name)
    for blob in value.blobs:
        response = client.post(f"{PREFIX}/v2/{name}/blobs/uploads/")
        response = client.put(f"{response.location}&digest={digest_of(blob)}", body=blob)
        assert response.status == 201
    for tag in ("one", "two"):
        target = f"{PREFIX}/v2/{name}/manifests/{tag}"
        assert client.put(target, {"Content-Type": SCHEMA2}, value.manifest).status == 201


def test_catalog_links_below_the_prefix(prefixed):
    response = prefixed.get(f"{PREFIX}/v2/_catalog?n=1")
    assert response.header("Link") == f'<{PREFIX}/v2/_catalog?last=another&n=1>; rel="next"'


@pytest.mark.ours("tags come in pages")
def test_tags_link_below_the_prefix(prefixed):
    target = f"{PREFIX}/v2/{REPO}/tags/list"
    response = prefixed.get(f"{target}?n=1")
    assert response.header("Link") == f'<{target}?last=one&n=1>; rel="next"'


@pytest.mark.parametrize(
    "target, location",
    [
        ("/v2", "/v2/"),
        ("/v2?x=1", "/v2/?x=1"),
        ("/v2/_catalog/?n=1", "/v2/_catalog?n=1"),
        ("//v2/_catalog?n=1", "/v2/_catalog?n=1"),
        ("/v2/a/../_catalog?a=%20b", "/v2/_catalog?a=%20b"),
        (f"/v2/{REPO}/manifests/one/", f"/v2/{REPO}/manifests/one"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_redirects_keep_prefix_and_query(prefixed, method, target, location):
    response = prefixed.request(method, PREFIX + target)
    assert response.status == 301
    assert response.header("Location") == PREFIX + location
    if method != "GET":
        assert response.body == b""


@pytest.mark.parametrize("target", ["/v2/", "/v2/_catalog", f"/v2/{REPO}/tags/list", "/my/v2/"])
def test_nothing_is_there_without_the_prefix(prefixed, target):
    assert_text_error(prefixed.get(target), 404, "404 page not found")


def test_root_is_alive_without_the_prefix_only(prefixed):
    assert_empty(prefixed.get("/"), 200)
    assert_text_error(prefixed.get(f"{PREFIX}/"), 404, "404 page not found")


@pytest.mark.parametrize("method, status", [("OPTIONS", 200), ("POST", 405)])
def test_methods_are_told_below_the_prefix(prefixed, method, status):
    response = prefixed.request(method, f"{PREFIX}/v2/_catalog")
    assert (response.status, response.header("Allow")) == (status, "GET")
