# SPDX-License-Identifier: Apache-2.0
"""GET, HEAD and DELETE of blobs: whole, in parts, on conditions."""
import re

import pytest
from support.check import assert_empty, assert_error, assert_no_body
from support.content import EMPTY_DIGEST, UNKNOWN_DIGEST, digest_of, random_bytes

DATA = random_bytes(1000, "blob")
DIGEST = digest_of(DATA)
ETAG = f'"{DIGEST}"'


@pytest.fixture
def url(client):
    """The URL of the blob DATA."""
    client.push_blob("blobs/common", DATA)
    return f"/v2/blobs/common/blobs/{DIGEST}"


def assert_whole(response):
    assert response.status == 200, response
    assert response.header("Content-Type") == "application/octet-stream"
    assert response.header("Content-Length") == str(len(DATA))
    assert response.header("Docker-Content-Digest") == DIGEST
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.header("Etag") == ETAG
    assert response.header("Cache-Control") == "max-age=31536000"
    assert response.header("Accept-Ranges") == "bytes"
    assert response.header("Content-Range") is None


def test_get_has_the_bytes_and_the_headers(client, url):
    response = client.get(url)
    assert_whole(response)
    assert response.body == DATA


def test_head_has_the_headers_of_get(client, url):
    assert_whole(client.head(url))


def test_empty_blob_can_be_pulled(client, repo):
    client.push_blob(repo, b"")
    for method in ("GET", "HEAD"):
        response = client.request(method, f"/v2/{repo}/blobs/{EMPTY_DIGEST}")
        assert response.status == 200
        assert response.header("Content-Length") == "0"
        assert response.header("Etag") == f'"{EMPTY_DIGEST}"'


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 3_000_001])
def test_blob_of_any_size_comes_back_as_it_was(client, repo, size):
    data = random_bytes(size, size)
    assert client.pull_blob(repo, client.push_blob(repo, data)) == data


def test_escaped_digest_is_the_same_blob(client, url):
    assert client.get(url.replace("sha256:", "sha256%3A")).body == DATA


def test_unknown_blob_is_404_with_its_digest(client, repo):
    target = f"/v2/{repo}/blobs/{UNKNOWN_DIGEST}"
    response = client.get(target)
    assert_error(response, 404, "BLOB_UNKNOWN", UNKNOWN_DIGEST)
    head = client.head(target)
    assert head.status == 404
    assert head.header("Content-Length") == str(len(response.body))
    assert head.header("Content-Type") == response.header("Content-Type")


def test_blob_of_another_repository_is_unknown(client, url, repo):
    response = client.get(f"/v2/{repo}/blobs/{DIGEST}")
    assert_error(response, 404, "BLOB_UNKNOWN", DIGEST)


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:abc",
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "0" * 65,
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha512:" + "0" * 64,
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_digest_that_is_not_valid_is_400(client, repo, method, digest):
    response = client.request(method, f"/v2/{repo}/blobs/{digest}")
    assert_error(response, 400, "DIGEST_INVALID", {})


# ---- ranges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, first, last",
    [
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, 999),
        ("bytes=-10", 990, 999),
        ("bytes=990-2000", 990, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=0-999", 0, 999),
        ("bytes=999-999", 999, 999),
        ("bytes=0-9,2000-3000", 0, 9),
        ("bytes= 0-9", 0, 9),
        ("bytes=0-9,", 0, 9),
    ],
)
def test_range_is_206_with_those_bytes(client, url, value, first, last):
    response = client.get(url, {"Range": value})
    assert response.status == 206, response
    assert response.body == DATA[first : last + 1]
    assert response.header("Content-Range") == f"bytes {first}-{last}/1000"
    assert response.header("Content-Length") == str(last + 1 - first)
    assert response.header("Content-Type") == "application/octet-stream"
    assert response.header("Docker-Content-Digest") == DIGEST
    assert response.header("Accept-Ranges") == "bytes"
    head = client.head(url, {"Range": value})
    assert head.status == 206
    assert head.header("Content-Range") == response.header("Content-Range")
    assert head.header("Content-Length") == response.header("Content-Length")


def test_suffix_of_no_bytes_is_206_and_empty(client, url):
    response = client.get(url, {"Range": "bytes=-0"})
    assert_empty(response, 206)
    assert response.header("Content-Range") == "bytes 1000-999/1000"


@pytest.mark.parametrize("value", ["bytes=", "bytes=0-999,0-5", "bytes=0-600,100-900"])
def test_set_of_ranges_not_worth_it_is_the_whole_blob(client, url, value):
    response = client.get(url, {"Range": value})
    assert_whole(response)
    assert response.body == DATA


def test_several_ranges_are_multipart_in_the_order_asked(client, url):
    response = client.get(url, {"Range": "bytes=10-14,0-4,-3"})
    assert response.status == 206, response
    kind = re.fullmatch(
        r"multipart/byteranges; boundary=([0-9a-zA-Z'()+_,./:=? -]{1,70})",
        response.header("Content-Type"),
    )
    boundary = kind.group(1)
    wanted = ""
    for first, last in [(10, 14), (0, 4), (997, 999)]:
        wanted += "" if not wanted else "\r\n"
        wanted += f"--{boundary}\r\nContent-Range: bytes {first}-{last}/1000\r\n"
        wanted += "Content-Type: application/octet-stream\r\n\r\n"
        wanted += DATA[first : last + 1].decode("latin-1")
    wanted += f"\r\n--{boundary}--\r\n"
    assert response.body == wanted.encode("latin-1")
    assert response.header("Content-Range") is None
    head = client.head(url, {"Range": "bytes=10-14,0-4,-3"})
    assert head.status == 206
    assert head.header("Content-Length") == response.header("Content-Length")


@pytest.mark.ours("416 has the length of what is sent")
@pytest.mark.parametrize("value", ["bytes=1000-", "bytes=2000-3000", "bytes=1000-,2000-"])
def test_range_after_the_end_is_416(client, url, value):
    response = client.get(url, {"Range": value})
    assert response.status == 416, response
    assert response.header("Content-Range") == "bytes */1000"
    assert response.body == b"invalid range: failed to overlap\n"
    assert client.head(url).status == 200  # the connection is still in step


@pytest.mark.ours("416 has the length of what is sent")
@pytest.mark.parametrize(
    "value",
    [
        "bytes=5-2",
        "bytes=abc",
        "items=0-1",
        "Bytes=0-9",
        "bytes=--5",
        "bytes=1",
        "bytes=-",
        "bytes=0-9,x",
        "bytes=99999999999999999999-",
        "bytes=+1-5",
        "bytes=0x1-5",
    ],
)
def test_range_that_is_not_one_is_416_without_content_range(client, url, value):
    response = client.get(url, {"Range": value})
    assert response.status == 416, response
    assert response.header("Content-Range") is None
    assert response.body == b"invalid range\n"
    assert client.head(url).status == 200


@pytest.mark.ours("416 has the length of what is sent")
def test_416_keeps_the_headers_of_the_blob(client, url):
    response = client.get(url, {"Range": "bytes=5000-"})
    assert response.header("Docker-Content-Digest") == DIGEST
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    assert response.header("Content-Length") == str(len(response.body))


def test_offsets_beyond_4_gib(fs_registry, fs_client, repo):
    """Laid into the storage as a sparse file: what is served is not hashed again."""
    size = (5 << 30) + 7
    path = fs_registry.blob_path(UNKNOWN_DIGEST)
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.truncate(size)
        file.seek((1 << 32) - 3)
        file.write(b"sixsix")
    link = fs_registry.repository_path(repo) / "_layers" / UNKNOWN_DIGEST.replace(":", "/") / "link"
    link.parent.mkdir(parents=True)
    link.write_text(UNKNOWN_DIGEST)
    target = f"/v2/{repo}/blobs/{UNKNOWN_DIGEST}"
    assert fs_client.head(target).header("Content-Length") == str(size)
    for value, first, body in [
        ("bytes=4294967293-4294967298", 4294967293, b"sixsix"),
        ("bytes=4294967296-4294967297", 4294967296, b"si"),
        ("bytes=-2", size - 2, b"\0\0"),
        (f"bytes={size - 1}-", size - 1, b"\0"),
    ]:
        response = fs_client.get(target, {"Range": value})
        assert response.status == 206
        last = first + len(body) - 1
        assert response.header("Content-Range") == f"bytes {first}-{last}/{size}"
        assert response.body == body
    assert fs_client.head(target, {"Range": f"bytes={size}-"}).status == 416
    path.unlink()


# ---- conditions ---------------------------------------------------------------------------------


def test_if_range_decides_between_part_and_whole(client, url):
    part = {"Range": "bytes=0-9"}
    assert client.get(url, {**part, "If-Range": ETAG}).status == 206
    for other in ('"sha256:other"', f"W/{ETAG}", "Sat, 21 Nov 2026 06:00:00 GMT"):
        assert_whole(client.get(url, {**part, "If-Range": other}))


@pytest.mark.parametrize(
    "value", [ETAG, f'"other", {ETAG}', f'"other",{ETAG}', "*", f"W/{ETAG}", f' {ETAG} , "x"']
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_of_what_the_client_has_is_304(client, url, method, value):
    response = client.request(method, url, {"If-None-Match": value})
    assert_no_body(response, 304)
    assert response.header("Etag") == ETAG
    assert response.header("Docker-Content-Digest") == DIGEST
    assert response.header("Cache-Control") == "max-age=31536000"
    assert response.header("Content-Type") is None


@pytest.mark.parametrize("value", [DIGEST, '"sha256:other"', f"'{DIGEST}'", ""])
def test_if_none_match_of_anything_else_is_the_blob(client, url, value):
    assert client.get(url, {"If-None-Match": value}).body == DATA


@pytest.mark.ours("412 says that it is empty")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_match_of_another_is_412_and_empty(client, url, method):
    response = client.request(method, url, {"If-Match": '"sha256:other"'})
    assert_empty(response, 412)
    assert response.header("Docker-Content-Digest") == DIGEST
    assert client.head(url).status == 200


@pytest.mark.parametrize("value", [ETAG, "*", f'"other", {ETAG}'])
def test_if_match_of_this_one_is_the_blob(client, url, value):
    assert client.get(url, {"If-Match": value}).body == DATA


def test_conditions_on_time_are_ignored(client, url):
    then = "Sat, 21 Nov 2037 06:00:00 GMT"
    assert_whole(client.get(url, {"If-Modified-Since": then}))
    assert_whole(client.get(url, {"If-Unmodified-Since": "Sat, 21 Nov 1987 06:00:00 GMT"}))


# ---- delete -------------------------------------------------------------------------------------


def test_delete_removes_the_blob_from_this_repository_only(client, repo):
    for name in (repo, f"{repo}/other"):
        client.push_blob(name, DATA)
    assert_empty(client.delete(f"/v2/{repo}/blobs/{DIGEST}"), 202)
    assert client.head(f"/v2/{repo}/blobs/{DIGEST}").status == 404
    assert client.pull_blob(f"{repo}/other", DIGEST) == DATA


def test_delete_of_an_unknown_blob_is_404_without_detail(client, repo):
    assert_error(client.delete(f"/v2/{repo}/blobs/{DIGEST}"), 404, "BLOB_UNKNOWN")
    client.push_blob(repo, DATA)
    assert client.delete(f"/v2/{repo}/blobs/{DIGEST}").status == 202
    response = client.delete(f"/v2/{repo}/blobs/{DIGEST}")
    assert response.status == 404
    assert b"detail" not in response.body


def test_deleted_blob_can_be_pushed_again(client, repo):
    client.push_blob(repo, DATA)
    client.delete(f"/v2/{repo}/blobs/{DIGEST}")
    client.push_blob(repo, DATA)
    assert client.pull_blob(repo, DIGEST) == DATA


def test_delete_that_is_not_enabled_is_405(start_registry, repo):
    registry = start_registry(settings={"storage.delete.enabled": False})
    with registry.client() as client:
        client.push_blob(repo, DATA)
        for digest in (DIGEST, UNKNOWN_DIGEST):
            response = client.delete(f"/v2/{repo}/blobs/{digest}")
            assert_error(response, 405, "UNSUPPORTED")
        assert client.pull_blob(repo, DIGEST) == DATA


# ---- other algorithms ---------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha512", "sha384"])
def test_blob_pushed_by_another_algorithm_has_both_digests(client, repo, algorithm):
    data = f"{algorithm} {repo}".encode()
    alias, canonical = digest_of(data, algorithm), digest_of(data)
    response = client.commit(client.start_upload(repo), alias, data)
    assert response.header("Docker-Content-Digest") == canonical
    assert response.location == f"/v2/{repo}/blobs/{canonical}"
    for digest in (alias, canonical):
        pulled = client.get(f"/v2/{repo}/blobs/{digest}")
        assert pulled.status == 200
        assert pulled.body == data
        assert pulled.header("Docker-Content-Digest") == canonical
        assert pulled.header("Etag") == f'"{canonical}"'


def test_wrong_sha512_is_refused(client, repo):
    location = client.start_upload(repo)
    wrong = digest_of(b"other", "sha512")
    response = client.put(f"{location}&digest={wrong}", body=b"this")
    assert_error(response, 400, "DIGEST_INVALID", {"Digest": wrong, "Reason": {}})
    assert client.head(f"/v2/{repo}/blobs/{wrong}").status == 404
