# SPDX-License-Identifier: Apache-2.0
"""A registry for the real clients, and images to move through it."""
import os
import shutil
import tempfile

import pytest
from support import images
from support.client_tools import DOCKER, DOCKERD
from support.docker_engine import Engine

MIB = images.MIB


@pytest.fixture
def server(start_registry):
    """A registry of the test's own; `host` is its name in image references."""
    registry = start_registry()
    registry.host = f"127.0.0.1:{registry.port}"
    return registry


@pytest.fixture(scope="session")
def layer_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="session")
def big_image(layer_folder):
    """Small, middling and 200 MB: one layer is still under way while the others are done."""
    sizes = [1000, 5 * MIB, 200 * MIB]
    return images.Image([images.make_layer(layer_folder, f"file-{size}", size, size) for size in sizes])


@pytest.fixture(scope="session")
def many_layers_image(layer_folder):
    return images.Image([images.make_layer(layer_folder, f"file-{n}", 4000 + n, 3000 + 700 * n)
                         for n in range(40)])


@pytest.fixture(scope="session")
def small_image(layer_folder):
    return images.Image([images.make_layer(layer_folder, f"file-{n}", 5000 + n, 20000) for n in range(3)])


@pytest.fixture(scope="session")
def two_architectures(layer_folder):
    return [images.Image([images.make_layer(layer_folder, f"file-{name}", seed, 50000)], architecture=name)
            for seed, name in ((6001, "amd64"), (6002, "arm64"))]


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
    shutil.rmtree(folder, ignore_errors=True)
