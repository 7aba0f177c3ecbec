# SPDX-License-Identifier: Apache-2.0
"""Purging of upload sessions in the running server: which go, which stay, and who notices."""
import datetime
import os
import re
import threading
import time
import uuid

import pytest
from support.check import assert_error
from support.client import OCTETS, digest_of
from support.pace import at_pace
from support.registry import Registry, wait_until

pytestmark = pytest.mark.ours("upstream's first round comes after up to an hour", run=False)

AGE_S = 3600
PURGING = {"enabled": True, "age": "1h", "interval": "1s", "dryrun": False}
FINISHED = "Purge uploads finished."


def purging(**changes):
    return {"storage.maintenance.uploadpurging": {**PURGING, **changes}}


def uploads_of(registry, repo):
    return registry.repository_path(repo) / "_uploads"


def make_session(registry, repo, seconds=2 * AGE_S, **files):
    """A session on disk that began @seconds ago; returns its directory."""
    path = uploads_of(registry, repo) / str(uuid.uuid4())
    path.mkdir(parents=True)
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    files.setdefault("startedat", began.strftime("%Y-%m-%dT%H:%M:%SZ"))
    files.setdefault("data", "bytes")
    for name, text in files.items():
        if text is not None:
            (path / name).write_text(text)
    return path


def set_age(path, seconds):
    """Makes @path and all below it as old as that."""
    at = time.time() - seconds
    for directory, names, files in os.walk(path, topdown=False):
        for name in names + files:
            os.utime(os.path.join(directory, name), (at, at))
    os.utime(path, (at, at))


def wait_for_rounds(registry, count):
    """Until @count more rounds have been begun and ended."""
    seen = registry.stderr().count(FINISHED)
    wait_until(
        lambda: registry.stderr().count(FINISHED) > seen + count, what="purging has had its rounds"
    )


def test_old_session_is_removed_and_unknown_after(start_registry):
    registry = start_registry(settings=purging())
    with registry.client() as client:
        location = client.append(client.start_upload("a/b"), b"some")
        (path,) = uploads_of(registry, "a/b").iterdir()
        (path / "startedat").write_text("2001-02-03T04:05:06Z")
        wait_until(lambda: not path.exists(), what="the session is removed")
        response = client.patch(location, {"Content-Type": OCTETS}, b"more")
        assert_error(response, 404, "BLOB_UPLOAD_UNKNOWN")
    assert f"{path.name} have older date (2001-02-03 04:05:06 +0000 UTC)" in registry.stderr()
    wait_until(lambda: "Num deleted=1, num errors=0" in registry.stderr())


def test_young_session_goes_on(start_registry):
    registry = start_registry(settings=purging())
    with registry.client() as client:
        location = client.append(client.start_upload("a"), b"some")
        wait_for_rounds(registry, 1)
        location = client.append(location, b"thing")
        client.commit(location, digest_of(b"something"))


def test_session_that_is_written_is_never_removed(start_registry):
    registry = start_registry(settings=purging())
    with registry.client() as client, registry.connect() as connection:
        location = client.start_upload("a")
        (path,) = uploads_of(registry, "a").iterdir()
        connection.send_head(
            "PATCH", location, [("Content-Type", OCTETS), ("Transfer-Encoding", "chunked")]
        )
        connection.send_chunk(b"first")
        wait_until(lambda: (path / "data").stat().st_size == 5)
        (path / "startedat").write_text("2001-02-03T04:05:06Z")
        wait_until(lambda: f"{path.name} is old, but being written" in registry.stderr())
        connection.send_chunk(b"second")
        connection.send_last_chunk()
        assert connection.read_response("PATCH").status == 202
        wait_until(lambda: not path.exists(), what="it is removed when nobody writes it any more")


def test_dry_run_only_tells(start_registry):
    registry = start_registry(settings=purging(dryrun=True))
    path = make_session(registry, "a")
    wait_for_rounds(registry, 1)
    assert path.exists()
    assert path.name in registry.stderr()
    assert "actuallyDelete=false" in registry.stderr()
    assert "Num deleted=1, num errors=0" in registry.stderr()


def test_disabled_is_never_started(start_registry):
    registry = start_registry(settings=purging(enabled=False))
    with registry.client() as client:
        client.get("/v2/")
    assert "upload purge" not in registry.stderr()


def test_default_begins_within_an_hour(start_registry):
    registry = start_registry()
    line = wait_until(lambda: re.search(r"Starting upload purge in ([^\"]*)\"", registry.stderr()))
    assert re.fullmatch(r"0s|[1-5]?\dm0s", line.group(1))


def test_read_only_registry_purges(start_registry):
    registry = start_registry(
        settings={**purging(), "storage.maintenance.readonly": {"enabled": True}}
    )
    path = make_session(registry, "a")
    wait_until(lambda: not path.exists(), what="the session is removed")


BROKEN = {
    "without a time": {"startedat": None},
    "with an empty time": {"startedat": ""},
    "with no time": {"startedat": "yesterday"},
    "of the future": {"startedat": "2999-01-01T00:00:00Z"},
    "with nothing": {"startedat": None, "data": None},
}


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN.keys())
def test_broken_session_is_as_old_as_its_files(tmp_path, files):
    registry = Registry(tmp_path / "broken", settings=purging())
    old = make_session(registry, "a", **files)
    young = make_session(registry, "a", **files)
    set_age(old, 2 * AGE_S)
    set_age(young, AGE_S / 2)
    with registry:
        wait_until(lambda: FINISHED in registry.stderr(), what="purging has had a round")
        assert (old.exists(), young.exists()) == (False, True)
        assert "Num deleted=1, num errors=0" in registry.stderr()


def test_newest_file_counts_for_a_broken_session(tmp_path):
    registry = Registry(tmp_path / "broken", settings=purging())
    path = make_session(registry, "a", startedat=None)
    (path / "hashstates/sha256").mkdir(parents=True)
    (path / "hashstates/sha256/0").write_text("x")
    set_age(path, 2 * AGE_S)
    os.utime(path / "hashstates/sha256/0")
    with registry:
        wait_for_rounds(registry, 1)
        assert path.exists()
        set_age(path, 2 * AGE_S)
        wait_until(lambda: not path.exists(), what="now it is removed")


def test_garbage_among_the_sessions(tmp_path):
    registry = Registry(tmp_path / "garbage", settings=purging())
    uploads = uploads_of(registry, "a")
    make_session(registry, "a")
    file = uploads / str(uuid.uuid4())
    file.write_text("no directory")
    nested = make_session(registry, "a", data=None)
    (nested / "data/x/y/z").mkdir(parents=True)
    (nested / "with blanks in it").write_text("")
    stranger = uploads / "README"
    stranger.write_text("not ours")
    set_age(uploads, 2 * AGE_S)
    with registry:
        wait_until(lambda: FINISHED in registry.stderr(), what="purging has had a round")
        assert list(uploads.iterdir()) == [stranger]
        assert "Num deleted=3, num errors=0" in registry.stderr()


def test_leftovers_of_killed_processes_go(start_registry):
    registry = start_registry(settings={})
    with registry.client() as client:
        digest = client.push_blob("a", b"content")
    registry.stop()
    name = ".0123456789abcdef.tmp"
    directories = [
        registry.blob_path(digest).parent,
        registry.repository_path("a") / "_layers/sha256" / digest.partition(":")[2],
        uploads_of(registry, "a"),
    ]
    for directory in directories:
        for age, kind in ((2 * AGE_S, name), (60, name.replace("f", "e"))):
            (directory / kind).write_text("x")
            os.utime(directory / kind, (time.time() - age, time.time() - age))
    again = start_registry(settings=purging(), root=registry.root)
    for directory in directories:
        wait_until(lambda: not (directory / name).exists(), what="the old leftover is gone")
        assert (directory / name.replace("f", "e")).exists()
    with again.client() as client:
        assert client.pull_blob("a", digest) == b"content"


def test_two_instances_do_not_mind_each_other(start_registry):
    first = start_registry(settings=purging())
    second = start_registry(settings=purging(), root=first.root)
    for i in range(200):
        make_session(first, f"a{i % 20}")
    wait_until(
        lambda: not any(os.listdir(uploads_of(first, f"a{i}")) for i in range(20)), what="all are gone"
    )
    for registry in (first, second):
        wait_for_rounds(registry, 1)
        errors = set(re.findall(r"num errors=(\d+)", registry.stderr()))
        assert errors == {"0"}


def test_others_are_served_meanwhile(tmp_path):
    registry = Registry(tmp_path / "busy", settings={**purging(), "log.level": "info"})
    for i in range(1200):
        make_session(registry, f"r{i % 100}/x", seconds=(i % 4) * AGE_S)
    served = 0
    with registry, registry.client() as client:
        done = threading.Event()
        watcher = threading.Thread(
            target=lambda: (wait_until(lambda: FINISHED in registry.stderr()), done.set())
        )
        watcher.start()
        while watcher.is_alive():
            assert client.get("/v2/").status == 200
            served += 1
        watcher.join()
        assert done.is_set()
    assert "Num deleted=900, num errors=0" in registry.stderr()
    assert served > 10


def test_stop_does_not_wait_for_the_end_of_a_round(tmp_path):
    def attempt(number):
        registry = Registry(tmp_path / f"stopped{number}", settings={**purging(), "log.level": "info"})
        for i in range(1200):
            make_session(registry, f"r{i % 100}/x")
        registry.start()
        wait_until(lambda: "Removing upload directory" in registry.stderr())
        registry.stop()
        assert any(os.listdir(uploads_of(registry, f"r{i}/x")) for i in range(100))

    at_pace(attempt, 1)
