# SPDX-License-Identifier: Apache-2.0
"""Which host, scheme and prefix a Location has."""
import pytest
from support.check import assert_text_error
from support.client import with_query
from support.content import SCHEMA2, digest_of, image

TARGET = "/v2/foo/blobs/uploads/"


def start_of(response, path=TARGET):
    """The Location before `/v2/...`."""
    location = response.header("Location")
    before, found, _ = location.partition(path)
    assert found, location
    return before


@pytest.mark.parametrize(
    "headers, wanted",
    [
        ([], "http://{host}"),
        ([("Host", "reg.example.com")], "http://reg.example.com"),
        ([("Host", "Reg.Example.COM:443")], "http://Reg.Example.COM:443"),
        ([("X-Forwarded-Proto", "https")], "https://{host}"),
        ([("X-Forwarded-Proto", "https,http")], "https,http://{host}"),
        ([("X-Forwarded-Proto", "")], "http://{host}"),
        ([("X-Forwarded-Host", "a.example.com")], "http://a.example.com"),
        ([("X-Forwarded-Host", " a.example.com:8443, b.example.com")], "http://a.example.com:8443"),
        ([("X-Forwarded-Host", "")], "http://{host}"),
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example.com")],
            "https://a.example.com",
        ),
        ([("X-Forwarded-Port", "9999"), ("X-Forwarded-Prefix", "/x")], "http://{host}"),
        (
            [("Forwarded", 'for=1.2.3.4;proto=https;host="f.example.com:123"')],
            "https://f.example.com:123",
        ),
        ([("Forwarded", "host=f.example.com")], "http://f.example.com"),
        ([("Forwarded", "proto=https")], "https://{host}"),
        ([("Forwarded", "proto=https, host=second.example")], "https://{host}"),
        ([("Forwarded", "Proto=HTTPS;Host=AbC")], "HTTPS://AbC"),
        ([("Forwarded", r'host="a\b"')], "http://ab"),
        ([("Forwarded", "garbage;;"), ("X-Forwarded-Host", "zzz")], "http://{host}"),
        ([("Forwarded", "host=a:80")], "http://{host}"),
        ([("Forwarded", "host=a;host=b")], "http://{host}"),
        ([("Forwarded", 'host="a')], "http://{host}"),
        ([("Forwarded", "for=1.2.3.4"), ("X-Forwarded-Proto", "https")], "http://{host}"),
        ([("Forwarded", "proto=https"), ("Forwarded", "host=second")], "https://{host}"),
    ],
)
def test_location_follows_the_request(fs_registry, fs_client, headers, wanted):
    response = fs_client.post(TARGET, headers)
    assert response.status == 202
    assert start_of(response) == wanted.format(host="127.0.0.1:%d" % fs_registry.port)


@pytest.mark.parametrize(
    "value",
    ["a\\b", "a b", 'a"b', "a<b>", "a/../b", "a%0d%0ab"],
)
def test_forwarded_host_never_breaks_the_answer(fs_client, value):
    response = fs_client.post(TARGET, [("X-Forwarded-Host", value)])
    assert response.status == 202
    assert "\r" not in response.header("Location")
    assert fs_client.get("/v2/").status == 200


def test_absolute_target_decides(fs_client):
    response = fs_client.post(f"https://target.example:1{TARGET}", [("Host", "other.example")])
    assert response.status == 202
    assert start_of(response) == "https://target.example:1"


def test_location_of_http_1_0_without_host_has_none(fs_registry):
    with fs_registry.connect() as connection:
        connection.send(f"POST {TARGET} HTTP/1.0\r\n\r\n".encode())
        response = connection.read_response()
        assert response.status == 202
        assert start_of(response) == "http://"


def all_locations(client, prefix, routes):
    """Every kind of Location an API gives, by what it is of."""
    value = image(prefix or "none")
    given = {}

    def request(kind, method, target, headers=(), body=None):
        response = client.request(method, target, headers, body)
        assert response.status in (201, 202, 204), response
        given[kind] = response.header("Location")
        return response

    repository = f"{routes}/v2/foo"
    for blob in value.blobs:
        response = request("post", "POST", f"{repository}/blobs/uploads/")
        path = response.header("Location").partition("/v2/foo")[2]
        response = request("patch", "PATCH", f"{repository}{path}", {}, blob)
        path = response.header("Location").partition("/v2/foo")[2]
        request("status", "GET", f"{repository}{path}")
        request("commit", "PUT", with_query(f"{repository}{path}", digest=digest_of(blob)), {}, b"")
    mount = {"mount": digest_of(value.blobs[0]), "from": "foo"}
    request("mount", "POST", with_query(f"{repository}/blobs/uploads/", **mount))
    kind = {"Content-Type": SCHEMA2}
    request("manifest", "PUT", f"{repository}/manifests/latest", kind, value.manifest)
    return given


@pytest.mark.parametrize(
    "settings, routes, wanted",
    [
        ({}, "", "http://{host}/v2/foo/"),
        ({"http.relativeurls": True}, "", "/v2/foo/"),
        ({"http.host": "https://reg.example.com:8443"}, "", "https://reg.example.com:8443/v2/foo/"),
        ({"http.host": "https://h:8443/some/path?x=1"}, "", "https://h:8443/some/v2/foo/"),
        ({"http.host": "https://h/some/path/"}, "", "https://h/some/path/v2/foo/"),
        (
            {"http.host": "https://h", "http.relativeurls": True},
            "",
            "https://h/v2/foo/",
        ),
        ({"http.host": "no-scheme"}, "", "http://{host}/v2/foo/"),
        ({"http.prefix": "/my/prefix/"}, "/my/prefix", "http://{host}/my/prefix/v2/foo/"),
    ],
)
def test_location_follows_the_configuration(start_registry, settings, routes, wanted):
    registry = start_registry(settings=settings)
    wanted = wanted.format(host="127.0.0.1:%d" % registry.port)
    with registry.client() as client:
        given = all_locations(client, wanted, routes)
    for kind, location in given.items():
        assert location.startswith(wanted), (kind, location)


def test_configured_host_ignores_forwarded_headers(start_registry):
    with start_registry(settings={"http.host": "https://fixed.example"}).client() as client:
        for headers in ({"Forwarded": "host=a"}, {"X-Forwarded-Host": "b"}, {"Host": "c"}):
            assert start_of(client.post(TARGET, headers)) == "https://fixed.example"


def test_prefix_moves_the_routes_but_not_root(start_registry):
    with start_registry(settings={"http.prefix": "/my/prefix/"}).client() as client:
        assert client.get("/my/prefix/v2/").body == b"{}"
        assert client.get("/").status == 200
        assert_text_error(client.get("/v2/"), 404, "404 page not found")
        assert client.get("/my/prefix/v2").header("Location") == "/my/prefix/v2/"


def test_pages_link_by_path_whatever_the_host(start_registry):
    with start_registry(settings={"http.host": "https://fixed.example"}).client() as client:
        for name in ("a", "b"):
            location = client.post(f"/v2/{name}/blobs/uploads/").location
            client.commit(location, digest_of(b"x"), b"x")
        assert client.get("/v2/_catalog?n=1").header("Link").startswith("</v2/_catalog?last=a")
