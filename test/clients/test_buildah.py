# SPDX-License-Identifier: Apache-2.0
"""buildah, and with it podman, which moves images by the same library: pull, build, push, pull back."""
import json

import pytest
from support import images
from support.client_tools import BUILDAH, run

pytestmark = pytest.mark.skipif(not BUILDAH.exists(), reason="buildah is not installed")


@pytest.fixture
def buildah(tmp_path):
    """Runs buildah on a store of its own; run.forget() starts again with an empty one."""
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    registries = tmp_path / "registries.conf"
    registries.write_text('unqualified-search-registries = []\n')
    stores = []

    def run_buildah(command, *arguments):
        store = stores[-1]
        return run([BUILDAH, "--root", store / "root", "--runroot", store / "run", "--storage-driver", "vfs",
                    "--registries-conf", registries, command,
                    *(["--signature-policy", policy] if command in ("pull", "push", "from", "commit") else []),
                    *arguments])

    def forget():
        stores.append(tmp_path / f"store-{len(stores)}")
        stores[-1].mkdir()

    run_buildah.forget = forget
    forget()
    return run_buildah



@pytest.mark.parametrize("kind", ["oci", "v2s2"])
def test_an_image_is_pushed_and_pulled_back(server, buildah, small_image, tmp_path, kind):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    name = buildah("pull", f"oci:{tmp_path}/in:v1").decode().split()[-1]
    reference = f"{server.host}/buildah/{kind}:v1"
    buildah("push", "--tls-verify=false", f"--format={kind}", "--digestfile", tmp_path / "digest",
            name, f"docker://{reference}")
    before = buildah("inspect", "--type", "image", name)
    buildah.forget()
    buildah("pull", "--tls-verify=false", f"docker://{reference}")
    after = buildah("inspect", "--type", "image", reference)
    assert json.loads(after)["FromImageDigest"] == (tmp_path / "digest").read_text()
    assert json.loads(after)["OCIv1"]["rootfs"] == json.loads(before)["OCIv1"]["rootfs"]


def test_an_image_built_on_a_pulled_one_shares_its_layers(server, buildah, small_image, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    base = f"{server.host}/buildah/base:v1"
    name = buildah("pull", f"oci:{tmp_path}/in:v1").decode().split()[-1]
    buildah("push", "--tls-verify=false", name, f"docker://{base}")
    buildah.forget()
    (tmp_path / "added").write_text("one more file\n")
    container = buildah("from", "--tls-verify=false", "--pull-always", base).decode().strip()
    buildah("copy", container, tmp_path / "added", "/added")
    buildah("commit", container, "built")
    buildah("push", "--tls-verify=false", "built", f"docker://{server.host}/buildah/built:v1")
    buildah.forget()
    buildah("pull", "--tls-verify=false", f"docker://{server.host}/buildah/built:v1")
    built = json.loads(buildah("inspect", "--type", "image", f"{server.host}/buildah/built:v1"))
    layers = built["OCIv1"]["rootfs"]["diff_ids"]
    assert layers[:-1] == [layer.diff_id for layer in small_image.layers]
