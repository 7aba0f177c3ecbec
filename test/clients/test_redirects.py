# SPDX-License-Identifier: Apache-2.0
"""Real clients and a registry that sends them elsewhere for blobs: to a server of files."""
import json

import pytest
from support import images
from support.cdn import FileServer
from support.client_tools import BUILDAH, CURL, SKOPEO, run, skopeo
from support.docker_engine import forget


@pytest.fixture
def server(start_registry, tmp_path):
    """A registry whose blobs come from `cdn`, which serves the folder of its storage."""
    root = tmp_path / "registry0" / "root"
    with FileServer(root, "/images") as cdn:
        item = {"name": "redirect", "options": {"baseurl": cdn.url}}
        registry = start_registry(root=root, settings={"middleware.storage": [item]})
        registry.cdn = cdn
        registry.host = f"127.0.0.1:{registry.port}"
        yield registry


@pytest.fixture
def pushed(server, small_image, tmp_path):
    """An image that skopeo has pushed; its name."""
    if not SKOPEO.exists():
        pytest.skip("skopeo is not installed")
    images.oci_layout(tmp_path / "in", "v1", small_image)
    name = f"{server.host}/elsewhere/it:v1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path}/in:v1", f"docker://{name}")
    server.cdn.requests.clear()
    return name


def assert_fetched_elsewhere(server, image):
    """Every blob came from the other server, and none from the registry."""
    fetched = {request.target.rsplit("/", 2)[1] for request in server.cdn.requests}
    assert {digest.split(":")[1] for digest in image.blob_digests()} - fetched == set()
    gets = [line for line in server.stdout().splitlines() if '"GET /v2/elsewhere/it/blobs/' in line]
    assert gets and all('" 307 0 ' in line for line in gets), gets


def test_skopeo(server, pushed, small_image, tmp_path):
    skopeo("copy", "--src-tls-verify=false", f"docker://{pushed}", f"oci:{tmp_path}/out:v1")
    digest = images.layout_digest(tmp_path / "out")
    assert images.layout_blobs(tmp_path / "out") == small_image.blob_digests() | {digest}
    assert_fetched_elsewhere(server, small_image)


def test_skopeo_pushes_again_what_is_there(server, pushed, small_image, tmp_path):
    skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path}/in:v1", f"docker://{pushed}-again")
    assert not [line for line in server.stdout().splitlines() if '"PUT /v2/elsewhere/it/blobs/' in line][4:]


def test_buildah(server, pushed, small_image, tmp_path):
    if not BUILDAH.exists():
        pytest.skip("buildah is not installed")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    run([BUILDAH, "--root", tmp_path / "b", "--runroot", tmp_path / "r", "--storage-driver", "vfs", "pull",
         "--signature-policy", policy, "--tls-verify=false", f"docker://{pushed}"])
    assert_fetched_elsewhere(server, small_image)


def test_docker(server, pushed, small_image, engine):
    engine("pull", pushed)
    pulled = json.loads(engine("image", "inspect", pushed))[0]
    assert pulled["RootFS"]["Layers"] == [layer.diff_id for layer in small_image.layers]
    forget(engine, pushed)
    assert_fetched_elsewhere(server, small_image)


def test_curl(server, pushed, small_image):
    if not CURL.exists():
        pytest.skip("curl is not installed")
    digest = small_image.config_digest
    body = run([CURL, "-sSfL", f"http://{server.host}/v2/elsewhere/it/blobs/{digest}"])
    assert images.digest_of(body) == digest
    assert [request for request in server.cdn.requests if digest.split(":")[1] in request.target]
