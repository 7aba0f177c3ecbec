# SPDX-License-Identifier: Apache-2.0
"""skopeo with a token service: every command fetches the tokens that it needs."""
import json
import subprocess

import pytest
from support import images
from support.client_tools import SKOPEO, run, skopeo
from support.token_service import TokenService, User

pytestmark = pytest.mark.skipif(not SKOPEO.exists(), reason="skopeo is not installed")

USERS = {
    "alice": User("secret", {"alice/*": "pull,push,delete", "base/*": "pull"}),
    "bob": User("other", {"base/*": "pull,push"}),
}


@pytest.fixture
def service(tmp_path):
    with TokenService(tmp_path / "service", users=USERS) as service:
        yield service


@pytest.fixture
def server(start_registry, service):
    registry = start_registry(settings=service.settings())
    registry.host = f"127.0.0.1:{registry.port}"
    return registry


def push(server, folder, name, user, image):
    digest = images.oci_layout(folder, "v1", image)
    skopeo("copy", "--dest-tls-verify=false", "--dest-creds", user, f"oci:{folder}:v1",
           f"docker://{server.host}/{name}:v1")
    return digest


def test_push_pull_and_delete_each_with_its_scope(server, service, small_image, tmp_path):
    digest = push(server, tmp_path / "in", "alice/app", "alice:secret", small_image)
    assert any("push" in scope for request in service.requests for scope in request["scopes"])
    skopeo("copy", "--src-tls-verify=false", "--src-creds", "alice:secret",
           f"docker://{server.host}/alice/app:v1", f"oci:{tmp_path}/out:v1")
    assert images.layout_digest(tmp_path / "out") == digest
    skopeo("delete", "--tls-verify=false", "--creds", "alice:secret", f"docker://{server.host}/alice/app:v1")
    assert any("delete" in scope or scope.endswith(":*")
               for request in service.requests for scope in request["scopes"])
    tags = run([SKOPEO, "list-tags", "--tls-verify=false", "--creds", "alice:secret",
                f"docker://{server.host}/alice/app"])
    assert json.loads(tags)["Tags"] == []


def test_a_copy_from_another_repository_mounts_its_layers(server, service, small_image, tmp_path):
    push(server, tmp_path / "in", "base/image", "bob:other", small_image)
    skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", "alice:secret",
           "--dest-creds", "alice:secret", f"docker://{server.host}/base/image:v1",
           f"docker://{server.host}/alice/copy:v1")
    with open(server.stdout_path, encoding="utf-8") as log:
        lines = [line for line in log if "mount=" in line]
    assert any(" 201 " in line for line in lines), lines


@pytest.mark.parametrize("user", ["bob:other", "alice:wrong", None])
def test_who_may_not_push_does_not(server, small_image, tmp_path, user):
    digest = images.oci_layout(tmp_path / "in", "v1", small_image)
    credentials = ["--dest-creds", user] if user else ["--dest-no-creds"]
    done = subprocess.run(
        [str(SKOPEO), "--insecure-policy", "copy", "--dest-tls-verify=false", *credentials,
         f"oci:{tmp_path}/in:v1", f"docker://{server.host}/alice/app:v1"], capture_output=True)
    assert done.returncode != 0 and digest
    assert not server.repository_path("alice/app").exists()
