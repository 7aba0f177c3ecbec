# SPDX-License-Identifier: Apache-2.0
"""Keys whose effect is seen from outside at little cost, from the file and from their variables."""
import base64
import hashlib
import hmac
import json
import socket
import subprocess
import urllib.parse

import pytest
from support.configuration import MASK, in_list, keys_of_reference, run, settings, shown, write
from support.registry import SECRET, Registry, binary, is_upstream, wait_until

pytestmark = pytest.mark.skipif(is_upstream(), reason="looks at what only we print")

REFERENCE = keys_of_reference()

# ---- looks ----


def has_debug_lines(registry, client):
    client.get("/v2/")
    assert "level=debug" in registry.stderr()


def json_lines(registry):
    """Without what a sanitizer says."""
    lines = registry.stderr().splitlines()
    return [json.loads(line) for line in lines if not line.startswith("==")]


def has_json_lines(registry, client):
    client.get("/v2/")
    assert all("msg" in line for line in json_lines(registry))


def has_logstash_lines(registry, client):
    client.get("/v2/")
    assert all(line["@version"] for line in json_lines(registry))


def has_field(registry, _):
    (line,) = [line for line in registry.stderr().splitlines() if "listening on" in line]
    assert "service=registry" in line


def has_no_access_log(registry, client):
    client.get("/v2/")
    assert registry.stdout() == ""


def deletes(_, client):
    assert client.delete("/v2/a/manifests/sha256:" + "0" * 64).status == 404


def deletes_not(_, client):
    assert client.delete("/v2/a/manifests/sha256:" + "0" * 64).status == 405


def is_read_only(_, client):
    assert client.post("/v2/a/blobs/uploads/").status == 405


def is_below_prefix(_, client):
    assert client.get("/v2/").status == 404
    assert client.get("/my/path/v2/").status == 200


def location(client):
    return client.post("/v2/a/blobs/uploads/").header("Location")


def is_at_host(_, client):
    assert location(client).startswith("https://registry.example.com/v2/")


def is_relative(_, client):
    assert location(client).startswith("/v2/a/")


def signs_with(secret):
    def look(_, client):
        query = urllib.parse.urlsplit(location(client)).query
        raw = base64.urlsafe_b64decode(urllib.parse.parse_qs(query)["_state"][0])
        assert hmac.new(secret, raw[32:], hashlib.sha256).digest() == raw[:32]
    return look


def has_headers(_, client):
    response = client.get("/v2/")
    assert response.header_lines("X-A") == ["b", "c"]


def lists_one_repository(_, client):
    for name in ("a", "b"):
        client.put(f"/v2/{name}/manifests/x", [("Content-Type", INDEX)], EMPTY_INDEX)
    assert client.get("/v2/_catalog").json() == {"repositories": ["a"]}
    assert client.get("/v2/_catalog?n=2").status == 400


INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY_INDEX = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()


def challenges_silly(_, client):
    response = client.get("/v2/")
    assert response.status == 401
    assert response.header("WWW-Authenticate") == 'Bearer realm="r",service="s"'


def challenges_basic(_, client):
    response = client.get("/v2/")
    assert response.status == 401
    assert response.header("WWW-Authenticate") == 'Basic realm="r"'


def closes_idle_connections(registry, _):
    with registry.connect() as connection:  # which may be idle too long before it can say a word
        assert connection.is_closed_by_server()


def fails_once_the_file_is_there(registry, client):
    assert client.get("/v2/").status == 200
    (registry.directory / "down").touch()
    wait_until(lambda: client.get("/v2/").status == 503, what="the check has noticed the file")


def is_failing(_, client):
    wait_until(lambda: client.get("/v2/").status == 503, what="the check has failed")


DEAD = "127.0.0.1:1"

# (settings, look)
EFFECTS = {
    "log.level": ({"log.level": "debug"}, has_debug_lines),
    "loglevel": ({"log": None, "loglevel": "debug"}, has_debug_lines),
    "log.formatter-json": ({"log.formatter": "json"}, has_json_lines),
    "log.formatter-logstash": ({"log.formatter": "logstash"}, has_logstash_lines),
    "log.fields": ({"log.fields": {"service": "registry"}}, has_field),
    "log.accesslog.disabled": ({"log.accesslog.disabled": True}, has_no_access_log),
    "storage.delete.enabled": ({"storage.delete.enabled": True}, deletes),
    "storage.delete.disabled": ({"storage.delete.enabled": False}, deletes_not),
    "storage.maintenance.readonly.enabled": (
        {"storage.maintenance.readonly.enabled": True}, is_read_only),
    "http.prefix": ({"http.prefix": "/my/path"}, is_below_prefix),
    "http.host": ({"http.host": "https://registry.example.com"}, is_at_host),
    "http.relativeurls": ({"http.relativeurls": True}, is_relative),
    "http.secret": ({"http.secret": "hunter2"}, signs_with(b"hunter2")),
    "http.headers": ({"http.headers": {"X-A": ["b", "c"]}}, has_headers),
    "http.idletimeout": ({"http.idletimeout": "50ms"}, closes_idle_connections),
    "health.file": (
        {"health.file.file": "{folder}/down", "health.file.interval": "10ms"},
        fails_once_the_file_is_there),
    "health.http": (
        {"health.http.uri": f"http://{DEAD}/", "health.http.interval": "10ms"}, is_failing),
    "health.tcp": ({"health.tcp.addr": DEAD, "health.tcp.interval": "10ms"}, is_failing),
    "catalog.maxentries": ({"catalog.maxentries": 1}, lists_one_repository),
    "auth.silly": ({"auth.silly.realm": "r", "auth.silly.service": "s"}, challenges_silly),
    "auth.htpasswd": (
        {"auth.htpasswd.realm": "r", "auth.htpasswd.path": "{folder}/htpasswd"},
        challenges_basic),
}


def started(folder, config, variables):
    listed = {in_list(key): value for key, value in config.items()}
    return Registry(folder, storage="inmemory", settings=listed, environment=variables)


def in_folder(value, folder):
    return value.format(folder=folder) if isinstance(value, str) else value


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("way", ["file", "variable"])
def test_a_key_has_its_effect(tmp_path, way, name):
    given, look = EFFECTS[name]
    given = {key: in_folder(value, tmp_path) for key, value in given.items()}
    variables = {}
    if way == "variable":
        variables = {
            REFERENCE[key][2]: json.dumps(value) for key, value in given.items() if value is not None
        }
        given = {key: value for key, value in given.items() if value is None}
    with started(tmp_path, given, variables) as registry, registry.client() as client:
        look(registry, client)


def test_content_is_below_the_root_directory(start_registry):
    registry = start_registry()
    with registry.client() as client:
        digest = client.push_blob("a", b"content")
    assert registry.blob_path(digest).read_bytes() == b"content"


def test_a_socket_of_the_file_system(tmp_path):
    path = tmp_path / "socket"
    config = write(tmp_path, settings({"http.addr": str(path), "http.net": "unix"}))
    process = subprocess.Popen([str(binary()), "serve", str(config)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(path.exists, what="the socket is there")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            wait_until(lambda: client.connect_ex(str(path)) == 0, what="the socket is connected")
            client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
    finally:
        process.terminate()
        assert process.wait(300) == 0


def test_a_secret_from_a_file_is_used_and_never_shown(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hun: [ter2\n")
    variables = {"REGISTRY_HTTP_SECRET_FILE": str(secret)}
    with started(tmp_path, {"http.secret": ""}, variables) as registry, registry.client() as client:
        signs_with(b"hun: [ter2")(registry, client)
        assert "ter2" not in registry.stderr()
    path = write(tmp_path, settings({"http.secret": SECRET}))
    done = run("config", "show", path, **variables)
    assert "ter2" not in done.stdout + done.stderr
    assert shown(done.stdout)["http.secret"] == (MASK, "REGISTRY_HTTP_SECRET_FILE")
