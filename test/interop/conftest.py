# SPDX-License-Identifier: Apache-2.0
"""A cluster of two: our server and upstream's, on one storage root with one secret."""
import pathlib

import pytest
from support import layout
from support.registry import Registry

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")


class Cluster:
    def __init__(self, folder):
        self.ours = Registry(folder / "ours")
        self.root = self.ours.root
        self.theirs = Registry(folder / "theirs", root=self.root, program=UPSTREAM)
        self.servers = {"ours": self.ours, "theirs": self.theirs}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Shared by the tests of a module: use repositories of your own."""
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    with cluster.ours, cluster.theirs:
        yield cluster
    layout.check(cluster.root, temporary=True)


@pytest.fixture(params=[("ours", "theirs"), ("theirs", "ours")], ids=lambda pair: f"{pair[0]}-then-{pair[1]}")
def pair(request, cluster):
    """Clients of the one server and of the other, in both orders."""
    first, second = (cluster.servers[name] for name in request.param)
    with first.client() as one, second.client() as other:
        yield one, other
