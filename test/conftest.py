# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: see README.md in this folder."""
import itertools
import os
import re

import pytest
from support import ceph as ceph_cluster
from support import s3
from support import swift as swift_service
from support.certificates import Certificate
from support.fault_proxy import FaultProxy
from support.registry import Registry, binary, is_upstream
from support.tls import tls_settings

_counter = itertools.count(1)

# What `registry` is on. With KIST_STORAGE (of filesystem, inmemory, ceph, swift; several with commas
# in between) a run is of the tests that have it, and of no others.
_STORAGE = os.environ.get("KIST_STORAGE")


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "ours(why, run=True): not how upstream 2.8 behaves; against upstream the test is expected"
        " to fail (run=False: is not run, because it would hang or take long)",
    )
    config.addinivalue_line("markers", "not_on(service, why): what this service of buckets cannot do")


# They share no code.
_SERVICES = ("ceph", "swift")


def pytest_generate_tests(metafunc):
    """A test with a bucket is run on each service that has what it needs, or on the one it asks for by name."""
    if "s3_service" not in metafunc.fixturenames:
        return
    lacking = dict(mark.args for mark in metafunc.definition.iter_markers("not_on"))
    wanted = [name for name in _SERVICES if name in metafunc.fixturenames] or _SERVICES
    metafunc.parametrize("s3_service", indirect=True, argvalues=[
        pytest.param(name, marks=[pytest.mark.skip(f"{name}: {lacking[name]}")] if name in lacking else [])
        for name in wanted])


def pytest_collection_modifyitems(config, items):
    if _STORAGE:
        kept = [item for item in items if hasattr(item, "callspec") and "registry" in item.callspec.params]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
    if not is_upstream():
        return
    for item in items:
        for mark in item.iter_markers("ours"):
            why = f"ours: {mark.args[0]}"
            run = mark.kwargs.get("run", True)
            item.add_marker(pytest.mark.xfail(reason=why, run=run, strict=False))


@pytest.fixture(scope="session", autouse=True)
def _binary():
    assert binary().exists(), f"{binary()} is not there: build it, or set KIST_REGISTRY"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a module's certificates are."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder):
    """Who signs them."""
    return Certificate(folder, "authority", is_authority=True)


@pytest.fixture
def start_registry(tmp_path):
    """A function that starts a registry for this test alone; keywords as those of Registry."""
    started = []

    def start(**options):
        registry = Registry(tmp_path / f"registry{len(started)}", **options)
        started.append(registry)
        return registry.start()

    yield start
    problems = []
    for registry in started:
        try:
            registry.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def certificate(folder, authority):
    return Certificate(folder, "localhost", issuer=authority)


@pytest.fixture
def start_tls(start_registry, certificate):
    """Starts a registry with the module's certificate, or another; keywords go to http.tls."""

    def start(certificate=certificate, settings=None, **more):
        return start_registry(settings=tls_settings(certificate, **more) | (settings or {}))

    return start


def _shared(tmp_path_factory, **options):
    registry = Registry(tmp_path_factory.mktemp("shared"), **options)
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture(scope="module", params=(_STORAGE or "filesystem,inmemory").split(","))
def registry(request, tmp_path_factory):
    """One registry for the tests of a module, on each storage. Use repositories of your own."""
    if request.param in ("ceph", "swift"):
        bucket = s3.Bucket(request.getfixturevalue(request.param), f"shared-{next(_counter)}").create()
        settings = s3.settings(bucket) | {"storage.redirect.disable": True}
        yield from _shared(tmp_path_factory, storage="s3", settings=settings)
    else:
        yield from _shared(tmp_path_factory, storage=request.param)


@pytest.fixture(scope="module")
def fs_registry(tmp_path_factory):
    """One registry for the tests of a module, on files."""
    yield from _shared(tmp_path_factory)


@pytest.fixture(scope="module")
def memory_registry(tmp_path_factory):
    """One registry for the tests of a module, in memory: for tests that push very often."""
    yield from _shared(tmp_path_factory, storage="inmemory")


@pytest.fixture(scope="module")
def tls_registry(tmp_path_factory, certificate):
    """One registry for the tests of a module, through TLS."""
    yield from _shared(tmp_path_factory, settings=tls_settings(certificate))


@pytest.fixture(scope="session")
def ceph(tmp_path_factory):
    """A Ceph cluster with radosgw, for the whole run; the test is left out where it is not installed."""
    if not ceph_cluster.is_there():
        pytest.skip("Ceph is not installed (ceph-mon, ceph-osd, radosgw)")
    with ceph_cluster.Ceph(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def swift(tmp_path_factory):
    """OpenStack Swift with its S3 API, for the whole run; the test is left out where it cannot run."""
    if not swift_service.is_there():
        pytest.skip("Swift (swift-proxy and the three stores, memcached) is not installed, or may not mount")
    with swift_service.Swift(tmp_path_factory.mktemp("swift")) as service:
        yield service


@pytest.fixture
def s3_service(request):
    """The service that buckets are made on: see pytest_generate_tests."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def bucket(s3_service):
    """A fresh bucket."""
    return s3.Bucket(s3_service, f"bucket-{next(_counter)}").create()


@pytest.fixture
def start_s3_registry(start_registry, bucket):
    """A function that starts a registry on the bucket of the test; keywords as those of Registry."""

    def start(settings=None, url=None, **options):
        values = s3.settings(bucket, url) | (settings or {})
        return start_registry(storage="s3", settings=values, **options)

    return start


@pytest.fixture
def proxy(s3_service):
    """Before the service of the test; a registry that goes through it has its url."""
    with FaultProxy(("127.0.0.1", s3_service.port)) as proxy:
        yield proxy


@pytest.fixture
def s3_registry(start_s3_registry):
    """A registry on a bucket of its own."""
    return start_s3_registry()


@pytest.fixture
def client(registry):
    with registry.surviving_client() as client:
        yield client


@pytest.fixture
def fs_client(fs_registry):
    with fs_registry.surviving_client() as client:
        yield client


@pytest.fixture
def memory_client(memory_registry):
    with memory_registry.surviving_client() as client:
        yield client


@pytest.fixture
def repo(request):
    """A repository name that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.lower()).strip("-")
    return f"t{next(_counter)}/{name[:60].strip('-')}"
