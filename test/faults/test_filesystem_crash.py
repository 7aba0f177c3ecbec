# SPDX-License-Identifier: Apache-2.0
"""The server is killed, or its disk fails, at every single step on the storage that a push takes.

Whatever happens: nothing half-written is readable, what was acknowledged is there, the push can be
repeated. And when an answer of success is sent, all it stands for has been synced.
"""
import errno
import signal

import pytest
from support import layout
from support.client import Closed, with_query
from support.content import digest_of, image
from support.registry import Registry, is_upstream
from support.steps import PowerLoss, Steps, build

NAME = "crash/test"
FIRST = image("old")
SECOND = image("new")

pytestmark = pytest.mark.skipif(
    is_upstream(), reason="upstream's server is linked statically: nothing can be preloaded"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("steps"))


def start(directory, library):
    directory.mkdir()
    steps = Steps(directory, library)
    registry = Registry(directory)
    with steps.preloaded():
        registry.start()
    return registry, steps


class Push:
    """Pushes an image piece by piece and remembers what was acknowledged."""

    def __init__(self, registry, content, tag):
        self.registry = registry
        self.content = content
        self.tag = tag
        self.blobs = []
        self.has_manifest = False
        self.statuses = []

    def _status(self, response):
        self.statuses.append(response.status)
        return response.status

    def _push_blob(self, client, data):
        response = client.post(f"/v2/{NAME}/blobs/uploads/")
        if self._status(response) != 202:
            return
        response = client.patch(response.location, {}, data)
        if self._status(response) != 202:
            return
        response = client.put(with_query(response.location, digest=digest_of(data)), {}, b"")
        if self._status(response) == 201:
            self.blobs.append(data)

    def run(self):
        """True when all was acknowledged; stops at a closed connection."""
        try:
            with self.registry.client() as client:
                for data in self.content.blobs:
                    self._push_blob(client, data)
                response = client.put_manifest(
                    NAME, self.tag, self.content.manifest, self.content.media_type
                )
                self.has_manifest = self._status(response) == 201
        except (Closed, ConnectionError):
            return False
        return self.has_manifest and len(self.blobs) == len(self.content.blobs)

    def check_acknowledged(self):
        with self.registry.client() as client:
            for data in self.blobs:
                assert client.pull_blob(NAME, digest_of(data)) == data
            if self.has_manifest:
                response = client.get_manifest(NAME, self.tag, self.content.media_type)
                assert response.body == self.content.manifest


def check_tag(registry):
    """Whoever pulls sees the old image or the new one, whole."""
    with registry.client() as client:
        response = client.get_manifest(NAME, "latest", FIRST.media_type)
        assert response.status == 200, response
        assert response.body in (FIRST.manifest, SECOND.manifest)
        pulled = FIRST if response.body == FIRST.manifest else SECOND
        for data in pulled.blobs:
            assert client.pull_blob(NAME, digest_of(data)) == data


def push_old(registry):
    assert Push(registry, FIRST, "latest").run()


def test_killed_at_any_step_a_push_leaves_nothing_half_done(tmp_path, library):
    nth = 0
    fired = True
    while fired:
        nth += 1
        registry, steps = start(tmp_path / f"{nth}", library)
        push_old(registry)
        steps.arm(nth)
        push = Push(registry, SECOND, "latest")
        is_done = push.run()
        fired = steps.has_fired
        assert is_done != fired, push.statuses
        if fired:
            assert registry.wait() == -signal.SIGKILL
        else:
            registry.stop()
        layout.check(registry.root, temporary=True)
        registry.start()
        push.check_acknowledged()
        check_tag(registry)
        again = Push(registry, SECOND, "latest")
        assert again.run(), again.statuses
        again.check_acknowledged()
        registry.stop()
        seen = layout.check(registry.root, temporary=True)
        assert len(seen.strays) <= 1, seen.strays
    assert nth > 50


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_failing_at_any_step_a_push_is_answered_and_can_be_repeated(tmp_path, library, error):
    registry, steps = start(tmp_path / "registry", library)
    push_old(registry)
    descriptors = registry.fd_count()
    nth = 0
    fired = True
    while fired:
        nth += 1
        content = image(f"{error} {nth}")
        steps.arm(nth, error)
        push = Push(registry, content, "tag")
        is_done = push.run()
        fired = steps.has_fired
        steps.arm(0)
        assert registry.is_running(), registry.stderr()[-4000:]
        assert is_done or 500 in push.statuses or 507 in push.statuses, push.statuses
        push.check_acknowledged()
        check_tag(registry)
        again = Push(registry, content, "tag")
        assert again.run(), again.statuses
        again.check_acknowledged()
        layout.check(registry.root, temporary=True)
    assert nth > 50
    assert registry.fd_count() <= descriptors
    registry.stop()
    seen = layout.check(registry.root, temporary=True)
    # A temporary stays only where its own removal was what failed.
    assert len(seen.strays) <= 1, seen.strays


def test_a_full_disk_is_answered_and_leaves_no_temporary(tmp_path, library):
    """From the Nth step on everything that needs space fails, until somebody makes room."""
    registry, steps = start(tmp_path / "registry", library)
    push_old(registry)
    for nth in range(1, 60, 3):
        content = image(f"full {nth}")
        steps.arm(nth, errno.ENOSPC, sticky=True)
        push = Push(registry, content, "tag")
        assert not push.run()
        steps.arm(0)
        push.check_acknowledged()
        check_tag(registry)
        again = Push(registry, content, "tag")
        assert again.run(), again.statuses
        again.check_acknowledged()
    registry.stop()
    layout.check(registry.root, temporary=True)


def _is_session(path):
    """Sessions may come back after a power loss, whole or in part: purging finds them."""
    return "/_uploads/" in path


def test_what_is_acknowledged_would_survive_a_power_loss(tmp_path, library):
    registry, steps = start(tmp_path / "registry", library)
    with registry.client() as client:
        for content, tag in ((FIRST, "latest"), (SECOND, "latest"), (SECOND, "other")):
            for data in content.blobs:
                location = client.start_upload(NAME)
                # A session is one without `data`, too.
                undone = PowerLoss().apply(steps.log()).undone()
                assert [path for path in undone if not path.endswith("/data")] == []
                location = client.append(location, data)
                assert PowerLoss().apply(steps.log()).undone() == []
                client.commit(location, digest_of(data))
                undone = PowerLoss().apply(steps.log()).undone()
                assert [path for path in undone if not _is_session(path)] == []
            client.push_manifest(NAME, tag, content.manifest, content.media_type)
            undone = PowerLoss().apply(steps.log()).undone()
            assert [path for path in undone if not _is_session(path)] == []
        response = client.post(f"/v2/{NAME}/blobs/uploads/?mount={digest_of(b'x')}&from=no/where")
        assert response.status == 202, response
        client.delete(response.location)
        response = client.post(
            f"/v2/other/blobs/uploads/?mount={digest_of(FIRST.blobs[0])}&from={NAME}"
        )
        assert response.status == 201, response
        response = client.delete(f"/v2/{NAME}/manifests/{FIRST.digest}")
        assert response.status == 202, response
    undone = PowerLoss().apply(steps.log()).undone()
    assert [path for path in undone if not _is_session(path)] == []
    assert len(steps.log()) > 100
    registry.stop()
