# SPDX-License-Identifier: Apache-2.0
"""The Docker engine: pushes, pulls, mounts, several architectures, and a server that dies."""
import json
import re
import subprocess

import pytest
from support import images
from support.client_tools import DOCKER, skopeo, wait_for_upload
from support.docker_engine import forget


@pytest.fixture
def load(engine, tmp_path):
    """Brings a made image into the engine under a name."""

    def load_image(image, name):
        images.docker_archive(tmp_path / "load.tar", image, name)
        engine("load", "--quiet", "--input", tmp_path / "load.tar")
        (tmp_path / "load.tar").unlink()

    return load_image


def pushed_digest(output):
    return re.search(r"digest: (sha256:[0-9a-f]{64})", output).group(1)


@pytest.mark.parametrize("which", ["big_image", "many_layers_image"])
def test_an_image_is_pushed_and_pulled_back(server, engine, load, request, which):
    image = request.getfixturevalue(which)
    name = f"{server.host}/docker/{which.replace('_', '-')}:v1"
    load(image, name)
    digest = pushed_digest(engine("push", name))
    forget(engine, name)
    assert digest in engine("pull", name)
    pulled = json.loads(engine("image", "inspect", name))[0]
    assert pulled["RootFS"]["Layers"] == [layer.diff_id for layer in image.layers]
    assert pulled["Id"] == image.config_digest
    forget(engine, name)
    engine("pull", f"{name.rsplit(':', 1)[0]}@{digest}")
    forget(engine, image.config_digest)


def test_layers_are_mounted_from_another_repository(server, engine, load, small_image):
    first, second = f"{server.host}/mounts/from:v1", f"{server.host}/mounts/to:v1"
    load(small_image, first)
    digest = pushed_digest(engine("push", first))
    engine("tag", first, second)
    output = engine("push", second)
    assert pushed_digest(output) == digest
    assert "Mounted from mounts/from" in output
    mounts = [line for line in server.stdout().splitlines()
              if "POST /v2/mounts/to/blobs/uploads/?" in line and "mount=sha256" in line]
    assert len(mounts) == len(small_image.layers)
    assert all('" 201 ' in line for line in mounts), mounts
    forget(engine, first, second)
    engine("pull", second)
    forget(engine, second)


def test_an_image_of_two_architectures_is_pulled(server, engine, two_architectures, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", *two_architectures)
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{tmp_path}/in:v1",
           f"docker://{server.host}/two/arch:v1")
    name = f"{server.host}/two/arch:v1"
    engine("pull", name)
    pulled = json.loads(engine("image", "inspect", name))[0]
    assert pulled["Id"] in {image.config_digest for image in two_architectures}
    forget(engine, name)


def test_a_push_outlives_the_death_of_the_server(server, engine, load, big_image, tmp_path):
    """The engine tries each layer again: with the server back, the same push ends well."""
    name = f"{server.host}/docker/outlived:v1"
    load(big_image, name)
    push = subprocess.Popen([DOCKER, "push", name], env=engine.environment(), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    wait_for_upload(server, "docker/outlived", 5 * images.MIB)
    server.kill()
    server.start()
    output = push.communicate(timeout=600)[0].decode()
    assert push.returncode == 0, output
    forget(engine, name)
    engine("pull", name)
    assert json.loads(engine("image", "inspect", name))[0]["Id"] == big_image.config_digest
    forget(engine, name)
