# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what may change while requests run changes, and a bad file changes nothing."""
import os
import signal

import pytest
from support.client import OCTETS, with_query
from support.content import digest_of, random_bytes
from support.registry import wait_until
from support.reload import reload

pytestmark = pytest.mark.ours("upstream ends at SIGHUP")

REFUSED = "the configuration stays as it was"


def test_headers_change(start_registry):
    registry = start_registry(settings={"http.headers": {"X-First": ["a"]}})
    with registry.connect() as connection:
        assert connection.request("GET", "/v2/").header("X-First") == "a"
        reload(registry, http__headers={"X-Second": ["b", "c"]})
        answer = connection.request("GET", "/v2/")
    assert answer.header("X-First") is None
    assert answer.header_lines("X-Second") == ["b", "c"]
    assert "http.headers has changed" in registry.stderr()


def test_level_of_the_log_changes(start_registry, repo):
    registry = start_registry(settings={"log.level": "info"})
    with registry.client() as client:
        client.push_blob(repo, b"one")
        assert "level=debug" not in registry.stderr()
        reload(registry, log__level="debug")
        client.push_blob(repo, b"two")
    assert "level=debug" in registry.stderr()
    assert "log.level has changed" in registry.stderr()


def test_access_log_is_turned_off_and_on(start_registry):
    registry = start_registry()
    with registry.client() as client:
        client.get("/v2/?1")
        reload(registry, log__accesslog={"disabled": True})
        client.get("/v2/?2")
        reload(registry, log__accesslog={"disabled": False})
        client.get("/v2/?3")
    wait_until(lambda: "/v2/?3" in registry.stdout(), what="the line is written")
    assert "/v2/?1" in registry.stdout() and "/v2/?2" not in registry.stdout()


def test_read_only_begins_and_ends_while_a_push_goes_on(start_registry, repo):
    registry = start_registry()
    data = random_bytes(1 << 20, repo)
    with registry.client() as client, registry.connect() as pushing:
        target = client.start_upload(repo)
        pushing.send_head("PATCH", target, {"Content-Type": OCTETS, "Content-Length": len(data)})
        pushing.send(data[:1000])
        reload(registry, storage__maintenance={"readonly": {"enabled": True}})
        assert client.post(f"/v2/{repo}/blobs/uploads/").status == 405
        pushing.send(data[1000:])
        answer = pushing.read_response()
        assert answer.status == 202, "what began before is finished"
        assert client.put(with_query(answer.location, digest=digest_of(data))).status == 405
        reload(registry, storage__maintenance={"readonly": {"enabled": False}})
        assert client.put(with_query(answer.location, digest=digest_of(data))).status == 201


def test_what_cannot_change_is_named(start_registry):
    registry = start_registry()
    reload(registry, http__prefix="/elsewhere/")
    assert "http.prefix has changed: that takes effect at the next start" in registry.stderr()
    with registry.client() as client:
        assert client.get("/v2/").status == 200


@pytest.mark.parametrize(
    "text, says",
    [
        ("version: 0.1\nhttp: [\n", "yaml: line"),
        ("version: 0.1\nstorage: {inmemory: {}}\nhttp: {adress: x}\n", "unknown key http.adress"),
        ("version: 0.1\nstorage: {inmemory: {}}\nlog: {level: loud}\n", "invalid loglevel loud"),
        ("", "unsupported version"),
    ],
)
def test_bad_configuration_is_refused_and_named(start_registry, text, says):
    registry = start_registry(settings={"http.headers": {"X-First": ["a"]}})
    reload(registry, text=text, says=REFUSED)
    line = next(line for line in registry.stderr().splitlines() if REFUSED in line)
    assert says in line and str(registry.config_path) in line and "level=error" in line
    with registry.client() as client:
        assert client.get("/v2/").header("X-First") == "a"
    reload(registry, http__headers={"X-First": ["b"]})
    with registry.client() as client:
        assert client.get("/v2/").header("X-First") == "b"


def test_missing_file_is_refused(start_registry):
    registry = start_registry()
    registry.config_path.unlink()
    registry.signal(signal.SIGHUP)
    wait_until(lambda: REFUSED in registry.stderr(), what=REFUSED)
    assert "no such file or directory" in registry.stderr()


def test_a_pipe_is_not_waited_for(start_registry):
    """Such as `registry serve /dev/stdin`: what came through it at the start does not come again."""
    registry = start_registry()
    registry.config_path.unlink()
    os.mkfifo(registry.config_path)
    registry.signal(signal.SIGHUP)
    wait_until(lambda: REFUSED in registry.stderr(), what="it is refused")
    assert "is not a regular file" in registry.stderr()
    registry.stop()


def test_many_signals_at_once(start_registry):
    registry = start_registry()
    for _ in range(200):
        registry.signal(signal.SIGHUP)
    with registry.client() as client:
        for _ in range(50):
            registry.signal(signal.SIGHUP)
            assert client.get("/v2/").status == 200
    registry.signal(signal.SIGHUP)
    registry.stop()


def test_environment_still_counts(start_registry):
    registry = start_registry(
        environment={"REGISTRY_HTTP_HEADERS": "{X-First: [environment]}"},
        settings={"http.headers": {"X-First": ["file"]}},
    )
    reload(registry, log__level="info")
    with registry.client() as client:
        assert client.get("/v2/").header("X-First") == "environment"
