# SPDX-License-Identifier: Apache-2.0
"""A registry for the real clients, and images to move through it."""
import pytest
from support import images

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
