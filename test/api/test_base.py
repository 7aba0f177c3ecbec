# SPDX-License-Identifier: Apache-2.0
"""`/`, `/v2/`, paths that are no route, redirects of paths, wrong methods."""
import pytest
from support.check import JSON_TYPE, assert_empty, assert_text_error
from support.content import UNKNOWN_DIGEST

ALLOW = {
    "/v2/_catalog": "GET",
    "/v2/foo/tags/list": "GET",
    "/v2/foo/manifests/latest": "DELETE, GET, HEAD, PUT",
    f"/v2/foo/blobs/{UNKNOWN_DIGEST}": "DELETE, GET, HEAD",
    "/v2/foo/blobs/uploads/": "DELETE, GET, HEAD, PATCH, POST, PUT",
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_root_is_alive_and_knows_nothing_of_registries(client, method):
    response = client.request(method, "/")
    assert_empty(response, 200)
    assert response.header("Cache-Control") == "no-cache"
    assert response.header("Docker-Distribution-Api-Version") is None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_base_answers_any_method_with_two_bytes(client, method):
    response = client.request(method, "/v2/")
    assert response.status == 200
    assert response.body == b"{}"
    assert response.header("Content-Length") == "2"
    assert response.header("Content-Type") == JSON_TYPE
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"


def test_base_head_has_the_headers_of_get(client):
    response = client.head("/v2/")
    assert response.status == 200
    assert response.header("Content-Length") == "2"
    assert response.header("Content-Type") == JSON_TYPE


@pytest.mark.parametrize(
    "target",
    [
        "/v1/",
        "/v2x",
        "/x/v2/",
        "/favicon.ico",
        "/v2/foo",
        "/v2/foo/tags",
        "/v2/Foo/tags/list",
        "/v2/foo_/tags/list",
        "/v2/_foo/tags/list",
        "/v2/foo/manifests/.leading",
        "/v2/foo/manifests/-leading",
        "/v2/foo/manifests/" + "t" * 129,
        "/v2/foo/blobs/SHA256:" + "0" * 64,
        "/v2/foo/blobs/nodigest",
        "/v2/foo/blobs/sha256:",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_path_that_is_no_route_is_404_in_text(client, method, target):
    assert_text_error(client.request(method, target), 404, "404 page not found")


@pytest.mark.parametrize(
    "target, location",
    [
        ("//v2/_catalog?n=1", "/v2/_catalog?n=1"),
        ("/v2//_catalog", "/v2/_catalog"),
        ("/v2/./_catalog", "/v2/_catalog"),
        ("/v2/foo/../_catalog", "/v2/_catalog"),
        ("/v2/foo/%2e%2e/bar/tags/list", "/v2/bar/tags/list"),
        ("/../../v2/", "/v2/"),
    ],
)
def test_path_that_is_not_clean_is_redirected(client, target, location):
    response = client.get(target)
    assert_empty(response, 301)
    assert response.header("Location") == location


@pytest.mark.parametrize(
    "target, location",
    [
        ("/v2", "/v2/"),
        ("/v2?x=1", "/v2/?x=1"),
        ("/v2/_catalog/?n=1", "/v2/_catalog?n=1"),
        ("/v2/foo/tags/list/", "/v2/foo/tags/list"),
        ("/v2/foo/manifests/latest/", "/v2/foo/manifests/latest"),
        ("/v2/foo/blobs/uploads", "/v2/foo/blobs/uploads/"),
    ],
)
def test_trailing_slash_is_redirected_with_a_link(client, target, location):
    response = client.get(target)
    assert response.status == 301, response
    assert response.header("Location") == location
    assert response.header("Content-Type") == "text/html; charset=utf-8"
    assert response.body == f'<a href="{location}">Moved Permanently</a>.\n\n'.encode()


def test_trailing_slash_redirect_of_other_methods_has_no_body(client):
    target = "/v2/foo/manifests/latest/"
    assert_empty(client.put(target, body=b"{}"), 301)
    response = client.head(target)
    assert response.status == 301
    assert response.header("Location") == "/v2/foo/manifests/latest"


@pytest.mark.parametrize("target", ALLOW)
@pytest.mark.parametrize("method", ["TRACE", "BREW"])
def test_unknown_method_is_405_with_allow(client, target, method):
    response = client.request(method, target)
    assert_text_error(response, 405, "Method not allowed")
    assert response.header("Allow") == ALLOW[target]


@pytest.mark.parametrize(
    "method, target",
    [
        ("POST", "/v2/_catalog"),
        ("HEAD", "/v2/_catalog"),
        ("DELETE", "/v2/foo/tags/list"),
        ("HEAD", "/v2/foo/tags/list"),
        ("PATCH", "/v2/foo/manifests/latest"),
        ("POST", "/v2/foo/manifests/latest"),
        ("PUT", f"/v2/foo/blobs/{UNKNOWN_DIGEST}"),
        ("POST", f"/v2/foo/blobs/{UNKNOWN_DIGEST}"),
    ],
)
def test_method_that_a_route_does_not_take_is_405(client, method, target):
    response = client.request(method, target)
    assert response.status == 405
    assert response.header("Allow") == ALLOW[target]
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"


@pytest.mark.parametrize("target", ALLOW)
def test_options_tells_the_methods(client, target):
    response = client.request("OPTIONS", target)
    assert_empty(response, 200)
    assert response.header("Allow") == ALLOW[target]


@pytest.mark.ours("the methods, whatever the token; upstream asks for that first")
@pytest.mark.parametrize("method, status", [("OPTIONS", 200), ("TRACE", 405)])
def test_methods_of_a_session_are_told_without_its_token(client, repo, method, status):
    path = client.start_upload(repo).partition("?")[0]
    response = client.request(method, path)
    assert response.status == status
    assert response.header("Allow") == ALLOW["/v2/foo/blobs/uploads/"]


def test_session_with_a_slash_is_redirected_with_its_token(client, repo):
    location = client.start_upload(repo)
    path, _, query = location.partition("?")
    response = client.get(f"{path}/?{query}")
    assert response.status == 301
    assert response.header("Location") == location


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE", "HEAD"])
def test_path_that_is_not_clean_is_redirected_for_any_method(client, method):
    response = client.request(method, "//v2/foo/../_catalog?n=1&last=a%2Fb")
    assert response.status == 301
    assert response.header("Location") == "/v2/_catalog?n=1&last=a%2Fb"
    assert response.body == b""


def test_disabled_delete_is_still_among_the_methods(start_registry):
    registry = start_registry(storage="inmemory", settings={"storage.delete.enabled": False})
    with registry.client() as client:
        for target, allow in ALLOW.items():
            assert client.request("OPTIONS", target).header("Allow") == allow


def test_path_is_matched_after_decoding(client, repo):
    client.push_blob("esc/aped", b"percent")
    response = client.head(
        "/v2/esc%2Faped/blobs/"
        "sha256%3A5b7d5bd31c47a4d5bdd0e1a0c2b7e7b8f5d9e3f8a0cf4d3c8f5f0a6c8c1f6d0f"
    )
    assert response.status == 404
    assert response.header("Content-Type") == JSON_TYPE  # a route, only an unknown blob
    assert client.get("/v2/esc%2Faped/tags/list").detail == {"name": "esc/aped"}


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../../../etc/passwd",
        "/v2/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/v2/..%2f..%2f..%2fetc/tags/list",
        "/v2/a/..%2f..%2f../b/blobs/uploads/",
        "/v2/a/manifests/..",
        "/v2/a/manifests/%2e%2e%2f%2e%2e",
        "/v2/a/blobs/uploads/../../x",
        "/v2/a%2f%2e%2e%2fb/blobs/uploads/",
        "/v2/a/./blobs/uploads/",
        "/v2/.a/blobs/uploads/",
        "/v2/a/.b/blobs/uploads/",
        "/v2/_uploads/blobs/uploads/",
        "/v2/a/_manifests/blobs/uploads/",
        "/v2/a/_layers/tags/list",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_no_path_leads_out_of_the_repositories(start_registry, method, path):
    registry = start_registry()
    with registry.client() as client:
        assert client.request(method, path, body=b"x").status in (301, 400, 404)
    assert sorted(p.name for p in registry.directory.iterdir() if p.name != "root") == [
        "config.yml",
        "stderr.log",
        "stdout.log",
    ]
    assert not [path for path in registry.root.rglob("*") if path.is_file()]


def test_first_fixed_suffix_decides_the_route(client):
    response = client.get("/v2/foo/blobs/uploads/tags/list")
    assert response.status == 404
    assert response.detail == {"name": "foo/blobs/uploads"}


@pytest.mark.parametrize("path", ["/", "/v2/", "/v2/_catalog", "/nowhere"])
def test_replies_are_never_compressed_and_name_no_server(client, path):
    response = client.get(path, {"Accept-Encoding": "gzip, deflate", "Origin": "http://x"})
    for name in ("Content-Encoding", "Server", "Access-Control-Allow-Origin"):
        assert response.header(name) is None


def test_configured_headers_are_on_matched_routes_only(start_registry):
    headers = {"X-Content-Type-Options": ["nosniff"], "X-Two": ["one", "two"]}
    with start_registry(settings={"http.headers": headers}).client() as client:
        for target, status in [("/v2/", 200), ("/v2/foo/tags/list", 404), ("/v2/_catalog", 200)]:
            response = client.get(target)
            assert response.status == status
            assert response.header_lines("X-Two") == ["one", "two"]
            assert response.header("X-Content-Type-Options") == "nosniff"
        for target in ("/", "/nowhere", "/v2"):
            assert client.get(target).header_lines("X-Two") == []
