# SPDX-License-Identifier: Apache-2.0
"""A cluster of two: our server and upstream's, on one storage with one secret."""
import itertools
import pathlib

import pytest
from support import layout, s3
from support.registry import Registry

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
SESSIONS = "docker/registry/v2/repositories/{}/_uploads/"
_buckets = itertools.count(1)


def need_upstream():
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")


class Cluster:
    """On files, or on a bucket."""

    def __init__(self, folder, bucket=None):
        self.bucket = bucket
        options = {}
        if bucket:
            options = {"storage": "s3", "settings": s3.settings(bucket) | {"storage.redirect.disable": True}}
        self.ours = Registry(folder / "ours", **options)
        self.root = self.ours.root
        # Upstream ends over an AWS_CA_BUNDLE, whatever is in it.
        self.theirs = Registry(folder / "theirs", root=self.root, program=UPSTREAM, environment={"AWS_CA_BUNDLE": ""},
                               **options)
        self.servers = {"ours": self.ours, "theirs": self.theirs}

    def unfinished(self, repository):
        """What is left of uploads to @repository."""
        prefix = SESSIONS.format(repository)
        if self.bucket:
            return self.bucket.uploads(prefix) + self.bucket.keys(prefix)
        return list((self.root / prefix).glob("*"))


def serve(folder, service=None):
    """The life of a cluster, for a fixture; on a bucket of @service."""
    need_upstream()
    bucket = s3.Bucket(service, f"cluster-{next(_buckets)}").create() if service else None
    cluster = Cluster(folder, bucket)
    with cluster.ours, cluster.theirs:
        yield cluster
    if not bucket:
        layout.check(cluster.root, temporary=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Shared by the tests of a module: use repositories of your own."""
    yield from serve(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(params=[("ours", "theirs"), ("theirs", "ours")], ids=lambda pair: f"{pair[0]}-then-{pair[1]}")
def pair(request, cluster):
    """Clients of the one server and of the other, in both orders."""
    first, second = (cluster.servers[name] for name in request.param)
    with first.client() as one, second.client() as other:
        yield one, other
