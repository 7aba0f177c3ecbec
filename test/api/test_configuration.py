# SPDX-License-Identifier: Apache-2.0
"""Every key arrives, from the file and from its variable. What keys do in depth is tested elsewhere.

CASES has a case for each key; `registry config show` tells whether it arrived and from where.
Behind that: some keys whose effect is seen from outside at little cost.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse

import pytest
import yaml
from support.registry import ROOT, SECRET, Registry, binary, is_upstream, wait_until

pytestmark = pytest.mark.skipif(is_upstream(), reason="looks at what only we print")

MASK = "********"


class Case:
    """A value for a key, what `config show` prints of it, and settings it needs beside it."""

    def __init__(self, value, shown=None, beside=None):
        self.value = value
        self.shown = value if shown is None else shown
        self.beside = beside or {}


FILES = {"storage.inmemory": None, "storage.filesystem.rootdirectory": "/srv/registry"}
TLS = {"http.tls.certificate": "/c.pem", "http.tls.key": "/k.pem"}
FILE_CHECK = {"health.file.0.file": "/run/x"}
HTTP_CHECK = {"health.http.0.uri": "http://127.0.0.1:1/"}
S3 = {"storage.inmemory": None, "storage.s3.bucket": "b"}
MIDDLEWARE = {"middleware.storage.0.name": "redirect"}
TCP_CHECK = {"health.tcp.0.addr": "127.0.0.1:1"}

CASES = {
    "version": Case(0.1, "0.1"),
    "log.level": Case("error"),
    "log.formatter": Case("logstash"),
    "log.fields": Case({"service": "registry", "env": "prod"}),
    "log.accesslog.disabled": Case(True),
    "log.reportcaller": Case(True),
    "loglevel": Case("debug"),
    "storage.filesystem.rootdirectory": Case("/srv/x", beside={"storage.inmemory": None}),
    "storage.filesystem.maxthreads": Case(250, beside=FILES),
    "storage.s3.accesskey": Case("AK", MASK, beside=S3),
    "storage.s3.secretkey": Case("s3cret", MASK, beside=S3),
    "storage.s3.sessiontoken": Case("t0ken", MASK, beside=S3),
    "storage.s3.region": Case("eu-west-1", beside=S3),
    "storage.s3.regionendpoint": Case("http://rgw:8080", beside=S3),
    "storage.s3.forcepathstyle": Case(True, beside=S3),
    "storage.s3.accelerate": Case(True, beside=S3),
    "storage.s3.usedualstack": Case(True, beside=S3),
    "storage.s3.usefipsendpoint": Case(True, beside=S3),
    "storage.s3.rootdirectory": Case("/a/b", beside=S3),
    "storage.s3.encrypt": Case(True, beside=S3),
    "storage.s3.keyid": Case("arn:aws:kms:x:1:key/2", beside=S3),
    "storage.s3.secure": Case(False, beside=S3),
    "storage.s3.skipverify": Case(True, beside=S3),
    "storage.s3.v4auth": Case(False, beside=S3),
    "storage.s3.chunksize": Case(5242881, beside=S3),
    "storage.s3.multipartcopychunksize": Case(5242882, beside=S3),
    "storage.s3.multipartcopymaxconcurrency": Case(7, beside=S3),
    "storage.s3.multipartcopythresholdsize": Case(5242883, beside=S3),
    "storage.s3.storageclass": Case("NONE", beside=S3),
    "storage.s3.objectacl": Case("public-read", beside=S3),
    "storage.s3.useragent": Case("x", beside=S3),
    "storage.s3.stalltimeout": Case("7s", beside=S3),
    "storage.s3.loglevel": Case("debug", beside=S3),
    "storage.s3.bucket": Case("images", beside={"storage.inmemory": None}),
    "storage.delete.enabled": Case(True),
    "storage.cache.blobdescriptor": Case("inmemory"),
    "storage.cache.layerinfo": Case("inmemory"),
    "storage.cache.blobdescriptorsize": Case(77),
    "storage.redirect.disable": Case(True),
    "storage.maintenance.uploadpurging.enabled": Case(False),
    "storage.maintenance.uploadpurging.age": Case("72h"),
    "storage.maintenance.uploadpurging.interval": Case("1h30m"),
    "storage.maintenance.uploadpurging.dryrun": Case(True),
    "storage.maintenance.readonly.enabled": Case(True),
    "http.addr": Case("127.0.0.1:5007"),
    "http.net": Case("unix", beside={"http.addr": "/run/registry.sock"}),
    "http.host": Case("https://registry.example.com:8443"),
    "http.prefix": Case("/my", "/my/"),
    "http.secret": Case("hunter2", MASK),
    "http.relativeurls": Case(True),
    "http.draintimeout": Case("7s"),
    "http.headertimeout": Case("7s"),
    "http.idletimeout": Case("7s"),
    "http.bodytimeout": Case("7s"),
    "http.maxconnections": Case(77),
    "http.headers": Case({"X-A": ["b", "c"], "X-D": ["e"]}),
    "http.tls.certificate": Case("/c.pem", beside={"http.tls.key": "/k.pem"}),
    "http.tls.key": Case("/k.pem", beside={"http.tls.certificate": "/c.pem"}),
    "http.tls.clientcas": Case(["/a.pem", "/b.pem"], beside=TLS),
    "http.tls.clientauth": Case("verify-client-cert-if-given", beside=TLS),
    "http.tls.minimumtls": Case("tls1.3", beside=TLS),
    "http.tls.ciphersuites": Case(["TLS_RSA_WITH_AES_128_GCM_SHA256"], beside=TLS),
    "http.http2.disabled": Case(True),
    "http.h2c.enabled": Case(True),
    "http.debug.addr": Case("127.0.0.1:5008"),
    "http.debug.prometheus.enabled": Case(True),
    "http.debug.prometheus.path": Case("numbers", "/numbers"),
    "health.storagedriver.enabled": Case(True),
    "health.storagedriver.interval": Case("3s"),
    "health.storagedriver.threshold": Case(4),
    "health.file.file": Case("/run/y"),
    "health.file.interval": Case("3s", beside=FILE_CHECK),
    "health.file.threshold": Case(4, beside=FILE_CHECK),
    "health.http.uri": Case("https://127.0.0.1:1/ready"),
    "health.http.headers": Case({"X-A": ["b"]}, {"X-A": [MASK]}, beside=HTTP_CHECK),
    "health.http.statuscode": Case(204, beside=HTTP_CHECK),
    "health.http.timeout": Case("3s", beside=HTTP_CHECK),
    "health.http.interval": Case("3s", beside=HTTP_CHECK),
    "health.http.threshold": Case(4, beside=HTTP_CHECK),
    "health.tcp.addr": Case("127.0.0.1:2"),
    "health.tcp.timeout": Case("3s", beside=TCP_CHECK),
    "health.tcp.interval": Case("3s", beside=TCP_CHECK),
    "health.tcp.threshold": Case(4, beside=TCP_CHECK),
    "redis.addr": Case("127.0.0.1:6379"),
    "redis.addrs": Case(["127.0.0.1:6379"]),
    "redis.username": Case("u", beside={"redis.password": "p"}),
    "redis.password": Case("p", MASK),
    "redis.db": Case(3),
    "redis.dialtimeout": Case("7s"),
    "redis.readtimeout": Case("7s"),
    "redis.writetimeout": Case("7s"),
    "redis.pool.maxidle": Case(3),
    "redis.pool.maxactive": Case(3),
    "redis.pool.idletimeout": Case("7s"),
    "redis.tls.certificate": Case("/c.pem"),
    "redis.tls.key": Case("/k.pem"),
    "redis.tls.rootcas": Case(["/a.pem"]),
    "catalog.maxentries": Case(7),
    "validation.enabled": Case(True),
    "validation.disabled": Case(True),
    "validation.manifests.urls.allow": Case(["^https://a/"]),
    "validation.manifests.urls.deny": Case(["^https://b/", "c"]),
    "compatibility.schema1.enabled": Case(False),
    "auth.silly.realm": Case("r"),
    "auth.silly.service": Case("s"),
    "auth.htpasswd.realm": Case("r"),
    "auth.htpasswd.path": Case("/etc/htpasswd"),
    "auth.htpasswd.access": Case("/etc/access"),
    "auth.token.realm": Case("https://auth.example.com/"),
    "auth.token.issuer": Case("i"),
    "auth.token.service": Case("s"),
    "auth.token.rootcertbundle": Case("/b.pem"),
    "auth.token.jwks": Case("/j.json"),
    "auth.token.signingalgorithms": Case(["ES256", "RS256"]),
    "auth.token.autoredirect": Case(True),
    "auth.token.autoredirectpath": Case("/token"),
    "middleware.storage.name": Case("redirect"),
    "middleware.storage.disabled": Case(True, beside=MIDDLEWARE),
    "middleware.storage.options.baseurl": Case("https://cdn.example.com/x", beside=MIDDLEWARE),
    "middleware.storage.options.privatekey": Case("/k.pem", beside=MIDDLEWARE),
    "middleware.storage.options.keypairid": Case("K1", beside=MIDDLEWARE),
    "middleware.storage.options.duration": Case("5m", beside=MIDDLEWARE),
    "middleware.storage.options.ipfilteredby": Case("aws", beside=MIDDLEWARE),
    "middleware.storage.options.awsregion": Case("us-east-1,eu-west-1", beside=MIDDLEWARE),
    "middleware.storage.options.iprangesurl": Case("http://127.0.0.1/r.json", beside=MIDDLEWARE),
    "middleware.storage.options.updatefrequency": Case("1h", beside=MIDDLEWARE),
    "middleware.storage.options.updatefrenquency": Case("2h", beside=MIDDLEWARE),
    "middleware.storage.options.scheme": Case("http", beside=MIDDLEWARE),
    "middleware.storage.options.host": Case("h:80", beside=MIDDLEWARE),
    "middleware.storage.options.trimpathprefix": Case("/b", beside=MIDDLEWARE),
    "reporting.bugsnag.apikey": Case("k", MASK),
    "reporting.bugsnag.releasestage": Case("x"),
    "reporting.bugsnag.endpoint": Case("https://x/"),
    "reporting.newrelic.licensekey": Case("k", MASK),
    "reporting.newrelic.name": Case("x"),
    "reporting.newrelic.verbose": Case(True),
}

ITEM_LISTS = ("health.file", "health.http", "health.tcp", "middleware.storage")
SHOWN_AS = {"loglevel": "log.level"}


# ---- files, variables, and what is printed ----


def run(*arguments, **variables):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REGISTRY_")}
    return subprocess.run(
        [str(binary()), *map(str, arguments)], env={**kept, **variables}, capture_output=True,
        stdin=subprocess.DEVNULL, text=True, timeout=60, check=False,
    )


def keys_of_reference():
    """key -> (state, variable), of the manual that the program prints."""
    rows = re.findall(
        r"^\| `([a-z0-9.]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \| `([^`]+)` \|",
        run("config", "reference").stdout, re.MULTILINE,
    )
    return {key: (kind, state, variable) for key, kind, state, variable in rows}


def keys_of_example():
    """The paths of config.yml.example, commented ones too: what the indentation says."""
    found, stack = [], []
    for line in (ROOT / "config.yml.example").read_text().splitlines():
        match = re.match(r"^( *)(?:# )?([a-z0-9]+):(?: .*)?$", line)
        if match:
            depth = len(match.group(1))
            stack = [(d, key) for d, key in stack if d < depth] + [(depth, match.group(2))]
            found.append(".".join(key for _, key in stack))
    return found


REFERENCE = keys_of_reference()
KEYS = [
    key for key in keys_of_example()
    if key in REFERENCE and "section" not in REFERENCE[key][0]
]


def put(config, dotted, value):
    """Sets a.b.0.c: numbers are positions in lists."""
    parts = [int(part) if part.isdigit() else part for part in dotted.split(".")]
    for part, after in zip(parts, parts[1:]):
        fresh = [] if isinstance(after, int) else {}
        if isinstance(part, int):
            if len(config) == part:
                config.append(fresh)
            config = config[part]
        else:
            if config.get(part) is None:
                config[part] = fresh
            config = config[part]
    config[parts[-1]] = value


def in_list(key):
    """health.http.uri as health.http.0.uri."""
    for prefix in ITEM_LISTS:
        if key.startswith(prefix + ".") and not key[len(prefix) + 1].isdigit():
            return f"{prefix}.0{key[len(prefix):]}"
    return key


def settings(*parts):
    """A configuration of dotted keys; None takes a key away. In memory unless they say more."""
    flat = {"version": 0.1, "storage.inmemory": {}}
    for part in parts:
        flat.update(part)
    if flat["storage.inmemory"] is None:
        del flat["storage.inmemory"]
    config = {}
    for key, value in flat.items():
        put(config, in_list(key), value)
    return config


def write(folder, config):
    path = folder / "config.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def shown(text):
    """key -> (value, origin), of what `config show` printed; lists of sections as health.http.0.x."""
    values, stack, positions = {}, [], {}
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        line = line.strip()
        if line.startswith("- "):
            stack = [entry for entry in stack if entry[0] < indent]
            name = ".".join(key for _, key in stack)
            positions[name] = positions.get(name, -1) + 1
            stack.append((indent, str(positions[name])))
            indent, line = indent + 2, line[2:]
        stack = [entry for entry in stack if entry[0] < indent]
        key, _, rest = line.partition(":")
        stack.append((indent, key))
        value, _, origin = rest.rpartition(" # ")
        if origin and value.strip():
            values[".".join(key for _, key in stack)] = (yaml.safe_load(value), origin)
    return values


def show(path, **variables):
    done = run("config", "show", path, **variables)
    assert done.returncode == 0, done.stderr
    return shown(done.stdout)


# ---- every key ----


def test_every_key_of_the_example_has_a_case():
    assert set(KEYS) - set(CASES) == set()
    assert set(CASES) - set(KEYS) == set()
    assert len(KEYS) > 60


def test_every_key_that_works_is_in_the_example():
    work = {
        key for key, (kind, state, _) in REFERENCE.items()
        if state != "not supported" and "section" not in kind
    }
    assert work == set(KEYS)


@pytest.mark.parametrize("key", CASES)
def test_a_key_arrives_from_the_file(tmp_path, key):
    case = CASES[key]
    path = write(tmp_path, settings(case.beside, {key: case.value}))
    value, origin = show(path)[in_list(SHOWN_AS.get(key, key))]
    assert value == case.shown
    if key not in SHOWN_AS:
        assert re.fullmatch(r"line \d+", origin)


@pytest.mark.parametrize("key", CASES)
def test_a_key_arrives_from_its_variable(tmp_path, key):
    case = CASES[key]
    variable = REFERENCE[key][2]
    path = write(tmp_path, settings(case.beside))
    values = show(path, **{variable: json.dumps(case.value)})
    value, origin = values[in_list(SHOWN_AS.get(key, key))]
    assert value == case.shown
    if key not in SHOWN_AS:
        assert origin == variable


@pytest.mark.parametrize("key", CASES)
def test_a_variable_wins_over_the_file(tmp_path, key):
    case = CASES[key]
    variable = REFERENCE[key][2]
    path = write(tmp_path, settings(case.beside, {key: case.value}))
    checked = run("config", "check", path, **{variable: "[{}]"})
    assert checked.returncode == 1
    assert f"environment variable {variable}: " in checked.stderr


# ---- effects seen from outside: (settings, look) ----


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
    with registry.connect() as connection:
        connection.send_head("GET", "/v2/", [("Host", "x")])
        assert connection.read_response().status == 200
        wait_until(connection.is_closed_by_server, what="the idle connection is closed")


def fails_once_the_file_is_there(registry, client):
    assert client.get("/v2/").status == 200
    (registry.directory / "down").touch()
    wait_until(lambda: client.get("/v2/").status == 503, what="the check has noticed the file")


def is_failing(_, client):
    wait_until(lambda: client.get("/v2/").status == 503, what="the check has failed")


DEAD = "127.0.0.1:1"

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


class Started(Registry):
    """A registry with variables."""

    def __init__(self, folder, config, variables):
        super().__init__(folder, storage="inmemory")
        for key, value in config.items():
            put(self.config, in_list(key), value)
        self.variables = variables

    def _environment(self):
        return {**super()._environment(), **self.variables}


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
    with Started(tmp_path, given, variables) as registry, registry.client() as client:
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
        assert process.wait(30) == 0


# ---- what the environment can do beyond single keys ----


def test_a_secret_from_a_file_is_used_and_never_shown(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hun: [ter2\n")
    variables = {"REGISTRY_HTTP_SECRET_FILE": str(secret)}
    with Started(tmp_path, {"http.secret": ""}, variables) as registry, registry.client() as client:
        signs_with(b"hun: [ter2")(registry, client)
        assert "ter2" not in registry.stderr()
    path = write(tmp_path, settings({"http.secret": SECRET}))
    done = run("config", "show", path, **variables)
    assert "ter2" not in done.stdout + done.stderr
    assert shown(done.stdout)["http.secret"] == (MASK, "REGISTRY_HTTP_SECRET_FILE")


def test_items_of_lists_are_added_and_changed_by_index(tmp_path):
    path = write(tmp_path, settings({"health.http.0.uri": "http://a/", "health.http.0.interval": "5s"}))
    values = show(
        path, REGISTRY_HEALTH_HTTPCHECKERS_0_URI="http://b/",
        REGISTRY_HEALTH_HTTPCHECKERS_1_URI="http://c/", REGISTRY_HTTP_TLS_CLIENTCAS_0="/a.pem",
        REGISTRY_HTTP_TLS_CLIENTCAS_1="/b.pem",
    )
    assert values["health.http.0.uri"] == ("http://b/", "REGISTRY_HEALTH_HTTPCHECKERS_0_URI")
    assert values["health.http.0.interval"][0] == "5s"
    assert values["health.http.1.uri"] == ("http://c/", "REGISTRY_HEALTH_HTTPCHECKERS_1_URI")
    assert values["health.http.1.interval"] == ("10s", "default")
    assert values["http.tls.clientcas"][0] == ["/a.pem", "/b.pem"]


def test_what_is_shown_can_be_read_again(tmp_path):
    flat = {}
    for key, case in CASES.items():
        if not key.startswith(("auth.silly", "auth.token", "storage.filesystem")):
            flat.update({**case.beside, key: case.value})
    flat.update({"http.net": "tcp", "http.addr": ":1"})
    first = show(write(tmp_path, settings(flat)))
    text = run("config", "show", tmp_path / "config.yml").stdout
    (tmp_path / "again.yml").write_text(text)
    again = show(tmp_path / "again.yml")
    assert {k: v for k, (v, _) in again.items()} == {k: v for k, (v, _) in first.items()}


# ---- where the configuration is looked for ----

IMAGE_2 = "/etc/docker/registry/config.yml"
IMAGE_3 = "/etc/distribution/config.yml"


def can_hide_etc():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


def run_with_etc(folder, files, *arguments, **variables):
    """Runs with another /etc, which holds those @files only; nobody else sees it."""
    etc = folder / "etc"
    for path in files:
        target = etc / os.path.relpath(path, "/etc")
        target.parent.mkdir(parents=True)
        target.write_text("version: 0.1\nstorage: inmemory\n")
    etc.mkdir(exist_ok=True)
    shutil.copy(binary(), folder / "registry")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REGISTRY_")}
    script = 'mount --bind "$0" /etc && shift 0 && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(etc), str(folder / "registry"), *arguments],
        env={**kept, **variables}, capture_output=True, text=True, timeout=60, check=False,
    )


needs_mounts = pytest.mark.skipif(not can_hide_etc(), reason="needs the right to mount")


@needs_mounts
@pytest.mark.parametrize(
    "files, found",
    [([IMAGE_2, IMAGE_3], IMAGE_2), ([IMAGE_2], IMAGE_2), ([IMAGE_3], IMAGE_3)],
)
def test_without_a_path_those_of_the_images_are_tried(tmp_path, files, found):
    done = run_with_etc(tmp_path, files, "config", "check")
    assert (done.returncode, done.stdout) == (0, f"{found}: good\n"), done.stderr


@needs_mounts
def test_the_variable_comes_before_the_paths_of_the_images(tmp_path):
    path = write(tmp_path, settings())
    done = run_with_etc(tmp_path, [IMAGE_2], "config", "check",
                        REGISTRY_CONFIGURATION_PATH=str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: good\n", "")
    missing = run_with_etc(tmp_path, [], "config", "check", REGISTRY_CONFIGURATION_PATH="/nowhere")
    assert missing.returncode == 1
    assert missing.stderr == "configuration error: open /nowhere: no such file or directory\n"


@needs_mounts
@pytest.mark.parametrize("command", [["serve"], ["config", "check"], ["config", "show"]])
def test_without_any_configuration_it_says_where_it_looked(tmp_path, command):
    done = run_with_etc(tmp_path, [], *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "configuration error: configuration path unspecified: no argument, no "
        f"REGISTRY_CONFIGURATION_PATH, no {IMAGE_2}, no {IMAGE_3}\n"
        f"Run 'registry help {command[0]}' for usage.\n"
    )
