# SPDX-License-Identifier: Apache-2.0
"""curl, as scripts use it: whole pushes, pushes in pieces, pulls that are continued."""
import json

import pytest
from support import images
from support.client_tools import CURL, run

pytestmark = pytest.mark.skipif(not CURL.exists(), reason="curl is not installed")


def curl(*arguments):
    return run([CURL, "--silent", "--show-error", "--fail-with-body", *arguments])


def headers_of(*arguments):
    """The last head of the answer as a dictionary with lower-case names."""
    head = curl("--dump-header", "-", "--output", "/dev/null", *arguments).decode()
    last = head.strip().split("\r\n\r\n")[-1]
    return dict(line.lower().split(": ", 1) if line.lower().startswith("content") else
                (line.split(": ", 1)[0].lower(), line.split(": ", 1)[1])
                for line in last.split("\r\n")[1:])


def begin_upload(server, repository):
    return headers_of("-X", "POST", f"http://{server.host}/v2/{repository}/blobs/uploads/")["location"]


@pytest.fixture
def payload(layer_folder):
    """A file of 30 MiB and its digest."""
    layer = images.make_layer(layer_folder, "payload", 77, 30 * images.MIB)
    return layer.path, layer.digest


def pull(server, repository, digest, target, *arguments):
    curl("--output", target, *arguments, f"http://{server.host}/v2/{repository}/blobs/{digest}")
    return images.digest_of_file(target)


def test_a_blob_in_one_put(server, payload, tmp_path):
    path, digest = payload
    location = begin_upload(server, "one/put")
    headers = headers_of("--upload-file", path, "-H", "Content-Type: application/octet-stream",
                         f"{location}&digest={digest}")
    assert headers["docker-content-digest"] == digest
    assert headers["location"] == f"http://{server.host}/v2/one/put/blobs/{digest}"
    assert pull(server, "one/put", digest, tmp_path / "out") == digest


def test_a_blob_of_unknown_length_in_chunked_coding(server, payload, tmp_path):
    path, digest = payload
    location = begin_upload(server, "chunked")
    location = headers_of("-X", "PATCH", "-H", "Content-Type: application/octet-stream",
                          "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{path}", location)["location"]
    headers_of("-X", "PUT", f"{location}&digest={digest}")
    assert pull(server, "chunked", digest, tmp_path / "out") == digest


def test_a_blob_in_three_pieces(server, payload, tmp_path):
    path, digest = payload
    data = path.read_bytes()
    third = len(data) // 3
    location = begin_upload(server, "three/pieces")
    for begin, end in ((0, third), (third, 2 * third), (2 * third, len(data))):
        (tmp_path / "piece").write_bytes(data[begin:end])
        headers = headers_of("-X", "PATCH", "-H", "Content-Type: application/octet-stream",
                             "-H", f"Content-Range: {begin}-{end - 1}",
                             "--data-binary", f"@{tmp_path}/piece", location)
        assert headers["range"] == f"0-{end - 1}"
        location = headers["location"]
    headers_of("-X", "PUT", f"{location}&digest={digest}")
    assert pull(server, "three/pieces", digest, tmp_path / "out") == digest


def test_a_pull_is_continued_where_it_ended(server, payload, tmp_path):
    path, digest = payload
    headers_of("--upload-file", path, f"{begin_upload(server, 'continued')}&digest={digest}")
    (tmp_path / "out").write_bytes(path.read_bytes()[: 7 * images.MIB + 5])
    assert pull(server, "continued", digest, tmp_path / "out", "--continue-at", "-") == digest


def test_an_image_by_hand(server, small_image):
    base = f"http://{server.host}/v2/by/hand"
    for layer in small_image.layers:
        headers_of("--upload-file", layer.path, f"{begin_upload(server, 'by/hand')}&digest={layer.digest}")
    headers_of("-X", "PUT", "--data-binary", small_image.config.decode(),
               "-H", "Content-Type: application/octet-stream",
               f"{begin_upload(server, 'by/hand')}&digest={small_image.config_digest}")
    headers = headers_of("-X", "PUT", "-H", f"Content-Type: {images.DOCKER_MANIFEST}",
                         "--data-binary", small_image.docker_manifest().decode(), f"{base}/manifests/v1")
    assert headers["docker-content-digest"] == images.digest_of(small_image.docker_manifest())
    assert curl("-H", f"Accept: {images.DOCKER_MANIFEST}", f"{base}/manifests/v1") == small_image.docker_manifest()
    assert json.loads(curl(f"{base}/tags/list")) == {"name": "by/hand", "tags": ["v1"]}
    catalog = json.loads(curl(f"http://{server.host}/v2/_catalog"))
    assert catalog == {"repositories": ["by/hand"]}
