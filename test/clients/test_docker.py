# SPDX-License-Identifier: Apache-2.0
"""The Docker engine of Debian's docker.io, started here with folders of its own and no network."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest
from support import images
from support.client_tools import DOCKER, DOCKERD, run, skopeo, start, wait_for_upload
from support.registry import wait_until

ENGINE_OPTIONS = ["--iptables=false", "--ip6tables=false", "--bridge=none"]


class Engine:
    """A dockerd; calling it runs the docker client against it."""

    def __init__(self, folder, storage_driver):
        self.folder = folder
        self.socket = f"{folder}/docker.sock"
        self.log = f"{folder}/dockerd-{storage_driver}.log"
        self.process = start(
            [DOCKERD, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p",
             f"{folder}/dockerd.pid", "-H", f"unix://{self.socket}", f"--storage-driver={storage_driver}",
             *ENGINE_OPTIONS], self.log)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self.socket)
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(1000)
            except OSError:
                return False

    def has_started(self):
        wait_until(lambda: self.answers() or self.process.poll() is not None, 60, "dockerd starts")
        return self.process.poll() is None

    def why_not(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def __call__(self, *arguments):
        return run([DOCKER, *arguments], env=self.environment()).decode()

    def environment(self):
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": f"{self.folder}/client"}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture(scope="module")
def engine():
    if not DOCKERD.exists() or not DOCKER.exists():
        pytest.skip("the Docker engine (docker.io) is not installed")
    if os.geteuid() != 0:
        pytest.skip("dockerd needs root")
    # A short path: the name of a unix socket may have 107 bytes.
    folder = tempfile.mkdtemp(prefix="kist-docker-")
    reasons = []
    for driver in ("overlay2", "vfs"):
        dockerd = Engine(folder, driver)
        if dockerd.has_started():
            break
        reasons.append(f"{driver}: {dockerd.why_not()}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip("dockerd does not start here: " + "; ".join(reasons))
    yield dockerd
    dockerd.stop()
    subprocess.run(["umount", "-q", f"{folder}/data/{driver}", f"{folder}/data"], stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


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


def forget(engine, *names):
    engine("image", "rm", "--force", *names)
    assert engine("images", "--quiet").split() == []


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
    output = push.communicate(timeout=120)[0].decode()
    assert push.returncode == 0, output
    forget(engine, name)
    engine("pull", name)
    assert json.loads(engine("image", "inspect", name))[0]["Id"] == big_image.config_digest
    forget(engine, name)
