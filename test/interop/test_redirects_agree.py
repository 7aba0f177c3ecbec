# SPDX-License-Identifier: Apache-2.0
"""Middleware redirect, ours and upstream's side by side: the same answers to the same requests."""
import pathlib
import urllib.parse

import pytest
from support.cdn import FileServer
from support.content import UNKNOWN_DIGEST, digest_of, image
from support.registry import Registry

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
DATA = b"the same content, elsewhere"
DIGEST = digest_of(DATA)
BLOB = f"/v2/a/b/blobs/{DIGEST}"
pytestmark = pytest.mark.skipif(not UPSTREAM.exists(), reason="docker-registry is not installed")


def redirect(baseurl):
    return {"middleware.storage": [{"name": "redirect", "options": {"baseurl": baseurl}}]}


@pytest.fixture(scope="module", params=["https://cdn.example.com", "http://u:p@cdn.example.com:8080/?q#f"])
def both(request, tmp_path_factory):
    """Clients of both, on one storage with one blob in it."""
    folder = tmp_path_factory.mktemp("redirects")
    ours = Registry(folder / "ours", settings=redirect(request.param))
    theirs = Registry(folder / "theirs", root=ours.root, settings=redirect(request.param), program=UPSTREAM)
    with ours, theirs, ours.client() as one, theirs.client() as other:
        one.push_blob("a/b", DATA)
        yield one, other


def seen(response):
    """What the registry itself says; HEAD of upstream tells no length."""
    headers = {name.lower(): value for name, value in response.headers}
    dropped = {"date", "connection"} | ({"content-length"} if response.method == "HEAD" else set())
    return response.status, {k: v for k, v in headers.items() if k not in dropped}, response.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=1-3"},
        {"Range": "bytes=1-3,5-6"},
        {"Range": "bytes=5000-"},
        {"Range": "nonsense"},
        {"If-None-Match": f'"{DIGEST}"'},
        {"If-Match": '"other"'},
        {"If-Range": f'"{DIGEST}"', "Range": "bytes=1-3"},
        {"Accept": "text/html"},
    ],
    ids=lambda headers: "+".join(f"{name}:{value[:12]}" for name, value in headers.items()) or "plain",
)
def test_a_blob(both, method, headers):
    ours, theirs = (client.request(method, BLOB, headers) for client in both)
    ours.method = theirs.method = method
    assert seen(ours) == seen(theirs)
    assert ours.status == 307


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "target",
    [f"/v2/a/b/blobs/{UNKNOWN_DIGEST}", f"/v2/other/blobs/{DIGEST}", "/v2/a/b/blobs/sha256:abc"],
    ids=["unknown", "other-repository", "no-digest"],
)
def test_what_is_not_there(both, method, target):
    ours, theirs = (client.request(method, target) for client in both)
    assert (ours.status, ours.header("Location")) == (theirs.status, theirs.header("Location"))
    assert ours.body == b"" or ours.codes == theirs.codes


def test_manifests_and_uploads_go_nowhere(both):
    for client in both:
        pushed = image(f"agreement {client.address}")
        client.push_image("a/c", "tag", pushed)
        assert client.get("/v2/a/c/manifests/tag", {"Accept": pushed.media_type}).body == pushed.manifest


@pytest.mark.parametrize(
    "options",
    [{}, {"baseurl": "cdn.example.com"}, {"baseurl": "https:///x"}, {"baseurl": "http://a b/"}],
    ids=["none", "no-scheme", "no-host", "no-url"],
)
def test_the_words_for_what_makes_no_sense(tmp_path, options):
    said = []
    for name, program in ("ours", None), ("theirs", UPSTREAM):
        settings = {"middleware.storage": [{"name": "redirect", "options": options}]}
        with pytest.raises(AssertionError) as error:
            Registry(tmp_path / name, settings=settings, program=program).start()
        text = str(error.value)
        begin = text.index("unable to configure storage middleware")
        said.append(text[begin:].splitlines()[0].partition('" ')[0])
    assert said[0] == said[1]


def test_each_serves_what_the_other_sends_clients_to(tmp_path):
    """The content server is one for both: keys are the same."""
    root = tmp_path / "root"
    with FileServer(root) as cdn:
        ours = Registry(tmp_path / "ours", root=root, settings=redirect(cdn.url))
        theirs = Registry(tmp_path / "theirs", root=root, settings=redirect(cdn.url), program=UPSTREAM)
        with ours, theirs, ours.client() as one, theirs.client() as other:
            one.push_blob("a/b", DATA)
            assert one.get(BLOB).header("Location") == other.get(BLOB).header("Location")
            digest = other.push_blob("a/b", b"of the other")
            location = one.get(f"/v2/a/b/blobs/{digest}").header("Location")
            assert cdn.find(urllib.parse.urlsplit(location))[1] == b"of the other"
