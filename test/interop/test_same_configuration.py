# SPDX-License-Identifier: Apache-2.0
"""One configuration, two programs: both take it or both refuse it, and what counts is the same.

Each case is a file and variables. Ours and upstream's are started with it, side by side in a pool of
threads, and asked what can be seen from outside: addresses, answers, logs, what lies in the storage.
Where we differ on purpose the case says in what and why.
"""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import time
import urllib.parse

import pytest
from support.ports import free_port
from support.registry import SECRET, binary, clean_environment

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
START_TIMEOUT_S = 120
REPOSITORIES = ("a", "b", "c")

pytestmark = pytest.mark.skipif(
    not UPSTREAM.exists(), reason="upstream's registry (docker-registry) is not installed")

VERSION = "version: 0.1\n"
STORAGE = "storage: {filesystem: {rootdirectory: '{root}'}}\n"
HTTP = "http: {addr: '127.0.0.1:{port}', secret: '{secret}'}\n"
BASE = VERSION + STORAGE + HTTP
STOCK = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {root}
http:
  addr: :{port}
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


# Nobody is there.
REDIS = """\
redis:
  addr: 127.0.0.1:1
  password: asecret
  db: 3
  dialtimeout: 10ms
  readtimeout: 10ms
  writetimeout: 10ms
  pool: {maxidle: 16, maxactive: 64, idletimeout: 300s}
"""


def with_storage(text):
    """BASE with more keys in `storage`."""
    return VERSION + "storage: {filesystem: {rootdirectory: '{root}'}, " + text + "}\n" + HTTP


def with_http(text):
    return VERSION + STORAGE + "http: {addr: '127.0.0.1:{port}', secret: '{secret}', " + text + "}\n"


TLS = "certificate: '{tls}/server.crt', key: '{tls}/server.key'"
TOKEN = "realm: 'https://a/', issuer: i, rootcertbundle: '{tls}/server.crt'"


class Case:
    """
    text    the file; {port}, {debug}, {root}, {folder}, {secret} and {tls} are filled in
    env     REGISTRY_* variables, likewise
    ours    what is seen of ours where upstream differs, and why
    """

    def __init__(self, text=BASE, env=None, ours=None, why=None):
        self.text, self.env, self.ours, self.why = text, env or {}, ours or {}, why
        assert bool(ours) == bool(why)


def refused_by_us(text, why, env=None):
    return Case(text, env, {"accepted": False}, why)


def accepted_by_us(text, why, env=None, **seen):
    return Case(text, env, {"accepted": True, **seen}, why)


MISSPELT = "a key that does not exist is an error: it is misspelt"
PANIC = "upstream panics on what a variable of an untyped section means"
KINDER = "upstream panics without age, interval and dryrun; each has its default"

CASES = {
    # the whole
    "stock": Case(STOCK),
    "stock-in-environment": Case(STOCK, {
        "REGISTRY_HTTP_SECRET": "hunter2", "REGISTRY_STORAGE_DELETE_ENABLED": "true",
        "REGISTRY_LOG_LEVEL": "debug", "REGISTRY_HTTP_ADDR": "127.0.0.1:{port}"}),
    "stock-without-file-content": Case(VERSION, {
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "{root}",
        "REGISTRY_HTTP_ADDR": "127.0.0.1:{port}"}),
    "null-sections": Case(BASE + "log:\nauth:\nhealth:\nredis:\nnotifications:\nproxy:\n"),
    "kubernetes-noise": Case(BASE, {
        "REGISTRY_PORT": "tcp://10.0.0.1:5000", "REGISTRY_SERVICE_HOST": "10.0.0.1",
        "REGISTRY_PORT_5000_TCP_ADDR": "10.0.0.1", "REGISTRY_CONFIGURATION_PATH": "/nowhere"}),
    "other-prefixes-of-variables": Case(BASE, {
        "registry_HTTP_PREFIX": "/x/", "Registry_HTTP_PREFIX": "/x/"}),
    "section-twice": Case(
        with_http("headers: {X-A: [b], X-D: [e]}") + "http: {prefix: /my/, headers: {X-A: [c]}}\n"),
    "section-then-null": Case(with_http("prefix: /my/") + "http:\n" + HTTP),
    "untyped-section-twice": Case(
        with_storage("delete: {enabled: true}") + STORAGE.replace("{root}", "{folder}/other")),
    "value-twice": Case(with_http("prefix: /x/, prefix: /my/")),
    "merge-and-alias": Case(BASE.replace("http: {", "http: {headers: {<<: {X-A: &x [b]}, X-B: *x}, ")),
    "yaml-syntax": Case(BASE + "a: [\n"),
    "tab": Case("version: 0.1\nstorage:\n\tinmemory:\n"),
    "version-missing": Case(STORAGE + HTTP),
    "version-other": Case(BASE.replace("0.1", "0.2")),
    "version-in-environment": Case(BASE, {"REGISTRY_VERSION": "5"}),
    "unknown-key": refused_by_us(BASE.replace("secret", "secrets"), MISSPELT),
    "unknown-section": refused_by_us(BASE + "htpt: {}\n", MISSPELT),
    # storage
    "storage-as-text": Case(VERSION + "storage: inmemory\n" + HTTP),
    "storage-replaced": Case(
        with_storage("delete: {enabled: true}"), {"REGISTRY_STORAGE": "inmemory"}),
    "storage-root-replaced": Case(
        with_storage("delete: {enabled: true}"),
        {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "{folder}/other"}),
    "storage-root-a-number": Case(
        VERSION + "storage: {filesystem: {rootdirectory: 0x10}}\n" + HTTP),
    "storage-two": Case(VERSION + "storage: {filesystem: , inmemory: }\n" + HTTP),
    "storage-two-by-environment": Case(BASE, {"REGISTRY_STORAGE_S3_BUCKET": "b"}),
    "storage-none": Case(VERSION + HTTP),
    "storage-only-cache": Case(VERSION + "storage: {cache: {blobdescriptor: inmemory}}\n" + HTTP),
    "storage-unknown": Case(VERSION + "storage: bogus\n" + HTTP),
    "cache-replaced-by-text": Case(BASE, {"REGISTRY_STORAGE_CACHE": "inmemory"}),
    "cache-redis-without-redis": Case(with_storage("cache: {blobdescriptor: redis}")),
    "cache-redis": Case(with_storage("cache: {blobdescriptor: redis}") + REDIS),
    "cache-redis-by-environment": Case(
        with_storage("cache: {blobdescriptor: redis}"), {"REGISTRY_REDIS_ADDR": "127.0.0.1:1"}),
    "cache-old-name": Case(with_storage("cache: {layerinfo: redis}") + REDIS),
    "cache-old-name-without-redis": Case(with_storage("cache: {layerinfo: redis}")),
    "cache-unknown": Case(with_storage("cache: {blobdescriptor: bogus}")),
    "cache-empty": Case(with_storage("cache: {}")),
    "redis-without-cache": Case(BASE + REDIS),
    "redis-pool-by-environment": Case(BASE + REDIS, {"REGISTRY_REDIS_POOL_MAXIDLE": "7"}),
    "delete": Case(with_storage("delete: {enabled: true}")),
    "delete-in-environment": Case(BASE, {"REGISTRY_STORAGE_DELETE_ENABLED": "true"}),
    "delete-off-in-environment": Case(
        with_storage("delete: {enabled: true}"), {"REGISTRY_STORAGE_DELETE_ENABLED": "false"}),
    "delete-as-text": refused_by_us(
        with_storage("delete: {enabled: 'true'}"),
        "upstream ignores a text where it wants a truth value; we say so"),
    "redirect-off": Case(with_storage("redirect: {disable: true}")),
    "readonly": Case(with_storage("maintenance: {readonly: {enabled: true}}")),
    "readonly-in-environment": Case(
        BASE, {"REGISTRY_STORAGE_MAINTENANCE_READONLY": "{enabled: true}"}),
    "readonly-and-more-in-environment": Case(
        BASE, {"REGISTRY_STORAGE_MAINTENANCE": "{readonly: {enabled: true}}"}),
    "readonly-as-text": Case(with_storage("maintenance: {readonly: true}")),
    "readonly-in-one-variable": accepted_by_us(
        BASE, PANIC, {"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"}),
    "readonly-changed-in-one-variable": Case(
        with_storage("maintenance: {readonly: {enabled: false}}"),
        {"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"},
        {"POST upload": (405, None), "signed": None, "in storage": False},
        "upstream ignores a variable below a section that the file has"),
    "purging": Case(with_storage(
        "maintenance: {uploadpurging: {enabled: true, age: 1h, interval: 1h, dryrun: true}}")),
    "purging-off": Case(with_storage("maintenance: {uploadpurging: {enabled: false}}")),
    "purging-in-part": accepted_by_us(
        with_storage("maintenance: {uploadpurging: {enabled: true, age: 1h}}"), KINDER),
    "purging-off-in-one-variable": accepted_by_us(
        BASE, PANIC, {"REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED": "false"}),
    "purging-age-a-number": Case(with_storage(
        "maintenance: {uploadpurging: {enabled: true, age: 5, interval: 1h, dryrun: true}}")),
    # http
    "all-interfaces": Case(BASE.replace("127.0.0.1:", ":")),
    "address-without-port": Case(BASE.replace("127.0.0.1:{port}", "localhost")),
    "network-unknown": Case(with_http("net: udp")),
    "socket": Case(VERSION + STORAGE + "http: {net: unix, addr: '{folder}/socket'}\n"),
    "prefix": Case(with_http("prefix: /my/")),
    "prefix-in-environment": Case(BASE, {"REGISTRY_HTTP_PREFIX": "/my/"}),
    "prefix-without-slash": Case(
        with_http("prefix: my"), None,
        {"GET /v2/": 404, "GET /my/v2/": 200, "DELETE": 405, "in storage": "root", "signed": True,
         "GET /my/v2/: Docker-Distribution-Api-Version": ["registry/2.0"],
         "GET /my/v2/: X-Content-Type-Options": [],
         "POST upload": (202, "http://registry.test:PORT/my/v2/q/blobs/uploads/UUID?_state="),
         "catalog": (200, b'{"repositories":["a","b","c"]}\n', False)},
        "upstream answers 404 to everything below such a prefix"),
    "headers": Case(with_http("headers: {X-A: [b, c], X-D: [e]}")),
    "headers-replaced": Case(
        with_http("headers: {X-A: [b]}"), {"REGISTRY_HTTP_HEADERS": "{X-D: [e, '1']}"}),
    "headers-added": Case(
        with_http("headers: {X-A: [b]}"), {"REGISTRY_HTTP_HEADERS_X-D": "[e]"}),
    "headers-of-other-case-added": Case(
        with_http("headers: {X-A: [b]}"), {"REGISTRY_HTTP_HEADERS_X-A": "[e]"}),
    "headers-as-text": Case(with_http("headers: {X-A: b}")),
    "secret-a-number": Case(BASE.replace("'{secret}'", "0123")),
    "secret-in-environment": Case(BASE, {"REGISTRY_HTTP_SECRET": "0x10"}),
    "secret-none": Case(BASE, {"REGISTRY_HTTP_SECRET": ""}),
    "relative-urls": Case(with_http("relativeurls: true")),
    "host": Case(with_http("host: 'https://registry.example.com:8443'")),
    "host-and-relative-urls": Case(with_http("host: 'https://r.example.com', relativeurls: true")),
    "host-without-scheme": Case(with_http("host: registry.example.com")),
    "drain-timeout": Case(with_http("draintimeout: 3s")),
    "drain-timeout-a-number": Case(with_http("draintimeout: 3000000000")),
    "drain-timeout-broken": Case(with_http("draintimeout: zz")),
    "variable-with-broken-yaml": Case(BASE, {"REGISTRY_HTTP_PREFIX": "[a"}),
    "variable-below-a-text": Case(BASE, {"REGISTRY_HTTP_PREFIX_X": "/my/"}),
    "section-replaced": Case(
        with_http("prefix: /my/"), {"REGISTRY_HTTP": "{addr: '127.0.0.1:{port}'}"}),
    "http2-off": Case(with_http("http2: {disabled: true}")),
    "tls": Case(with_http("tls: {" + TLS + "}")),
    "tls-in-environment": Case(BASE, {
        "REGISTRY_HTTP_TLS_CERTIFICATE": "{tls}/server.crt",
        "REGISTRY_HTTP_TLS_KEY": "{tls}/server.key"}),
    "tls-1.3": Case(with_http("tls: {" + TLS + ", minimumtls: tls1.3}")),
    "tls-client-authority": Case(with_http("tls: {" + TLS + ", clientcas: ['{tls}/server.crt']}")),
    "tls-client-authorities-in-environment": Case(
        with_http("tls: {" + TLS + "}"), {"REGISTRY_HTTP_TLS_CLIENTCAS": '["{tls}/server.crt"]'}),
    "tls-key-alone": Case(with_http("tls: {key: '{tls}/server.key'}")),
    "tls-certificate-alone": Case(with_http("tls: {certificate: '{tls}/server.crt'}")),
    "tls-certificate-missing": Case(with_http("tls: {certificate: /nowhere/c, key: /nowhere/k}")),
    "tls-minimum-in-capitals": Case(with_http("tls: {" + TLS + ", minimumtls: TLS1.2}")),
    "tls-suites": Case(with_http(
        "tls: {" + TLS + ", ciphersuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}")),
    "tls-suite-unknown": Case(with_http("tls: {" + TLS + ", ciphersuites: [NOPE]}")),
    "debug": Case(with_http("debug: {addr: '127.0.0.1:{debug}'}")),
    "debug-metrics": Case(with_http(
        "debug: {addr: '127.0.0.1:{debug}', prometheus: {enabled: true}}")),
    "debug-metrics-elsewhere": Case(
        with_http("debug: {addr: '127.0.0.1:{debug}'}"),
        {"REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED": "true",
         "REGISTRY_HTTP_DEBUG_PROMETHEUS_PATH": "/numbers"}),
    "debug-metrics-alone": Case(with_http("debug: {prometheus: {enabled: true}}")),
    # log
    "level-error": Case(BASE + "log: {level: error}\n"),
    "level-warn": Case(BASE + "log: {level: WARN}\n"),
    "level-debug": Case(BASE + "log: {level: debug}\n"),
    "level-old-name": Case(BASE + "loglevel: debug\n"),
    "level-and-old-name": Case(BASE + "loglevel: debug\nlog: {level: info}\n"),
    "level-in-environment": Case(BASE, {"REGISTRY_LOG_LEVEL": "debug"}),
    "level-old-name-in-environment": Case(BASE, {"REGISTRY_LOGLEVEL": "debug"}),
    "level-taken-away": Case(BASE + "log: {level: error}\n", {"REGISTRY_LOG_LEVEL": ""}),
    "level-unknown": Case(BASE + "log: {level: trace}\n"),
    "formatter-json": Case(BASE + "log: {formatter: json}\n"),
    "formatter-logstash": Case(BASE + "log: {formatter: logstash}\n"),
    "formatter-in-environment": Case(BASE, {"REGISTRY_LOG_FORMATTER": "json"}),
    "formatter-unknown": Case(BASE + "log: {formatter: xml}\n"),
    "fields": Case(BASE + "log: {fields: {service: registry}}\n"),
    "fields-in-environment": Case(BASE, {"REGISTRY_LOG_FIELDS_SERVICE": "registry"}),
    "fields-replaced": Case(
        BASE + "log: {fields: {service: a}}\n", {"REGISTRY_LOG_FIELDS": "{environment: b}"}),
    "access-log-off": Case(BASE + "log: {accesslog: {disabled: true}}\n"),
    "access-log-off-in-environment": Case(BASE, {"REGISTRY_LOG_ACCESSLOG_DISABLED": "true"}),
    "hook-disabled": Case(BASE + "log: {hooks: [{type: mail, disabled: true, levels: [panic], "
                          "options: {smtp: {addr: 'h:25'}, from: a@b, to: [c@d]}}]}\n"),
    # the rest
    "catalog": Case(BASE + "catalog: {maxentries: 2}\n"),
    "catalog-in-environment": Case(BASE, {"REGISTRY_CATALOG_MAXENTRIES": "2"}),
    "catalog-below-one": Case(BASE + "catalog: {maxentries: -1}\n"),
    "catalog-broken": Case(BASE + "catalog: {maxentries: many}\n"),
    "expression-broken": Case(BASE + "validation: {manifests: {urls: {allow: ['((']}}}\n"),
    "schema1": refused_by_us(
        BASE + "compatibility: {schema1: {enabled: true}}\n", "we do not have schema1"),
    "reporting": Case(BASE + "reporting: {bugsnag: {releasestage: x}, newrelic: {name: y}}\n"),
    "health-checks": Case(BASE + "health: {file: [{file: /nowhere}], tcp: [{addr: '127.0.0.1:1'}],"
                          " http: [{uri: 'http://127.0.0.1:1/', headers: {A: [b]}}]}\n"),
    "health-checks-in-environment": Case(BASE, {
        "REGISTRY_HEALTH_FILECHECKERS": "[{file: /nowhere, interval: 1h}]"}),
    "health-checks-by-the-key-in-environment": Case(BASE, {"REGISTRY_HEALTH_FILE": "[{file: /x}]"}),
    "health-interval-broken": Case(BASE + "health: {file: [{file: /x, interval: soon}]}\n"),
    "health-as-section": Case(BASE + "health: {file: {file: /x}}\n"),
    "health-uri-without-scheme": refused_by_us(
        BASE + "health: {http: [{uri: 'a:1', interval: 1h}]}\n",
        "such a check always fails; upstream answers 503 to everything from then on"),
    "auth-none": Case(BASE + "auth: none\n"),
    "auth-none-in-capitals": Case(BASE + "auth: {None: }\n"),
    "auth-silly": Case(BASE + "auth: {silly: {realm: 'r', service: s}}\n"),
    "auth-silly-without-service": Case(BASE + "auth: {silly: {realm: r}}\n"),
    "auth-silly-realm-a-number": Case(BASE + "auth: {silly: {realm: 5, service: s}}\n"),
    "auth-htpasswd": Case(BASE + "auth: {htpasswd: {realm: r, path: '{folder}/users'}}\n"),
    "auth-htpasswd-in-environment": Case(BASE, {
        "REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
        "REGISTRY_AUTH_HTPASSWD_PATH": "{folder}/users"}),
    "auth-htpasswd-implied": Case(BASE, {
        "REGISTRY_AUTH_HTPASSWD_REALM": "r", "REGISTRY_AUTH_HTPASSWD_PATH": "{folder}/users"}),
    "auth-htpasswd-as-yaml": Case(BASE, {
        "REGISTRY_AUTH": "{htpasswd: {realm: r, path: '{folder}/users'}}"}),
    "auth-htpasswd-alone": Case(BASE, {"REGISTRY_AUTH": "htpasswd"}),
    "auth-replaced": Case(
        BASE + "auth: {silly: {realm: r, service: s}}\n",
        {"REGISTRY_AUTH": "{silly: {realm: other, service: s}}"}),
    "auth-two": Case(BASE + "auth: {silly: {realm: r, service: s}, htpasswd: {realm: r}}\n"),
    "auth-unknown": Case(BASE + "auth: bogus\n"),
    "auth-token": Case(BASE + "auth: {token: {" + TOKEN + ", service: s}}\n"),
    "auth-token-redirect": Case(
        BASE + "auth: {token: {" + TOKEN + ", service: s, autoredirect: true}}\n"),
    "auth-token-service-a-number": Case(
        BASE + "auth: {token: {" + TOKEN + "}}\n", {"REGISTRY_AUTH_TOKEN_SERVICE": "5000"}),
    "auth-token-redirect-as-text": Case(
        BASE + "auth: {token: {" + TOKEN + ", service: s, autoredirect: 'true'}}\n"),
    "auth-token-without-bundle": Case(
        BASE + "auth: {token: {realm: 'https://a/', issuer: i, service: s}}\n"),
}

PROBED_HEADERS = ("Docker-Distribution-Api-Version", "X-A", "X-D", "X-Content-Type-Options",
                  "WWW-Authenticate")


# ---- starting ----


class Running:
    """One process with the file and variables of a case."""

    def __init__(self, program, case, folder, tls):
        self.folder = folder
        self.port, self.debug_port = free_port(), free_port()
        self.root = folder / "root"
        self.names = {"port": self.port, "debug": self.debug_port, "root": self.root,
                      "folder": folder, "secret": SECRET, "tls": tls}
        for name in REPOSITORIES:
            for part in ("_layers", "_manifests", "_uploads"):
                (self.root / "docker/registry/v2/repositories" / name / part).mkdir(parents=True)
        text = self.fill(case.text)
        (folder / "config.yml").write_text(text)
        variables = {key: self.fill(value) for key, value in case.env.items()}
        self.secret = variables.get("REGISTRY_HTTP_SECRET", "0123" if "0123" in text else SECRET)
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            self.process = subprocess.Popen(
                [str(program), "serve", "config.yml"], env=clean_environment(**variables), stdout=out,
                stderr=err, stdin=subprocess.DEVNULL, cwd=folder)

    def fill(self, text):
        return re.sub(r"\{(port|debug|root|folder|secret|tls)\}",
                      lambda match: str(self.names[match.group(1)]), text)

    def connect(self, port=None):
        path = self.folder / "socket"
        if port is None and path.exists():
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(START_TIMEOUT_S)
            connection.connect(str(path))
            return connection
        return socket.create_connection(("127.0.0.1", port or self.port), START_TIMEOUT_S)

    def is_accepted(self):
        """Waits until it accepts connections, or has ended."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.err()
            if self._is_serving():
                return True
            time.sleep(0.005)
        return False

    def _is_serving(self):
        """An answer, not just a connection: upstream listens before it reads its certificate."""
        try:
            with self.connect() as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return connection.recv(1) != b"" or "listening on" in self.err()
        except OSError:
            return False

    def err(self):
        return (self.folder / "err").read_text("utf-8", "replace")

    def out(self):
        return (self.folder / "out").read_text("utf-8", "replace")

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- what is seen ----


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def all(self, name):
        return sorted(value for key, value in self.headers if key.lower() == name.lower())


def ask(running, method, target, tls=False, port=None):
    connection = http.client.HTTPConnection("localhost", timeout=START_TIMEOUT_S)
    connection.sock = running.connect(port)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.sock = context.wrap_socket(connection.sock)
    try:
        connection.request(method, target, headers={"Host": f"registry.test:{running.port}"})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def is_signed(running, location):
    """Whether http.secret is what signs the state of an upload."""
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["_state"][0]
    raw = base64.urlsafe_b64decode(state)
    return hmac.new(running.secret.encode(), raw[32:], hashlib.sha256).digest() == raw[:32]


def look_at_tls(running):
    """None without TLS, else its version, or that a client without certificate is not let in."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with context.wrap_socket(running.connect()) as connection:
            return connection.version()
    except ssl.SSLError as error:
        return "plain" if "WRONG_VERSION_NUMBER" in str(error) else "refused"


def look_at_answers(running, tls):
    seen = {}
    for target in ("/", "/v2/", "/my/v2/"):
        answer = ask(running, "GET", target, tls)
        seen[f"GET {target}"] = answer.status
        for name in PROBED_HEADERS:
            seen[f"GET {target}: {name}"] = [
                value.replace(str(running.port), "PORT") for value in answer.all(name)]
    base = "/my/v2" if seen["GET /my/v2/"] == 200 else "/v2"
    upload = ask(running, "POST", f"{base}/q/blobs/uploads/", tls)
    location = (upload.all("Location") or [None])[0]
    uuid = (upload.all("Docker-Upload-UUID") or ["-"])[0]
    shown = location and re.sub("_state=.*", "_state=", location.replace(uuid, "UUID"))
    seen["POST upload"] = (upload.status, shown and shown.replace(str(running.port), "PORT"))
    seen["signed"] = location and is_signed(running, location)
    seen["DELETE"] = ask(running, "DELETE", f"{base}/a/manifests/sha256:{'0' * 64}", tls).status
    catalog = ask(running, "GET", f"{base}/_catalog", tls)
    seen["catalog"] = (catalog.status, catalog.body if catalog.status == 200 else None,
                       bool(catalog.all("Link")))
    return seen


def look_at_logs(running, wait_for_access):
    deadline = time.monotonic() + START_TIMEOUT_S
    while wait_for_access and not running.out() and time.monotonic() < deadline:
        time.sleep(0.005)
    err = running.err()
    lines = [line for line in err.splitlines() if "listening on" in line]
    seen = {"access log": bool(running.out())}
    for level in ("debug", "info"):
        seen[f"level {level}"] = bool(re.search(f'level"?[=:]"?{level}', err))
    for field in ("service", "environment"):
        seen[f"field {field}"] = bool(re.search(rf'\b{field}"?[=:]', "".join(lines)))
    seen["formatter"] = None
    if lines and lines[0].startswith("{"):
        seen["formatter"] = "logstash" if "@timestamp" in json.loads(lines[0]) else "json"
    seen["listens"] = None
    if lines:
        found = re.search(r"listening on (\S*?)(:\d+)?(, tls)?[\\\"]", lines[0])
        seen["listens"] = (found.group(1).replace(str(running.folder), "FOLDER"), found.group(3))
    return seen


def look_at_debug(running):
    seen = {}
    for target in ("/debug/health", "/metrics", "/numbers"):
        try:
            answer = ask(running, "GET", target, port=running.debug_port)
        except OSError:
            seen[f"debug {target}"] = None
            continue
        seen[f"debug {target}"] = (answer.status, b"registry_http_requests_total" in answer.body)
    return seen


def look_at_storage(running):
    below = "docker/registry/v2/repositories/q"
    for name in ("root", "other", "16"):
        if (running.folder / name / below).exists():
            return name
    return False


def observe(program, case, folder, tls):
    folder.mkdir()
    running = Running(program, case, folder, tls)
    try:
        if not running.is_accepted():
            return {"accepted": False, "said": running.err()[-2000:]}
        seen = {"accepted": True, "TLS": look_at_tls(running)}
        if seen["TLS"] != "refused" or "minimumtls" in case.text:
            seen.update(look_at_answers(running, seen["TLS"] != "plain"))
            seen["in storage"] = look_at_storage(running)
        seen.update(look_at_debug(running))
        seen.update(look_at_logs(running, "accesslog" not in case.text.lower() and
                                 "REGISTRY_LOG_ACCESSLOG_DISABLED" not in case.env))
        assert running.process.poll() is None, running.err()[-2000:]
        return seen
    finally:
        running.stop()


# ---- the pool ----


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")],
        check=True, capture_output=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory, request):
    """(ours, upstream's) of each case that was asked for, as futures: the pool is ahead of us."""
    tls = tmp_path_factory.mktemp("tls")
    make_certificate(tls)
    folder = tmp_path_factory.mktemp("same")
    wanted = {item.callspec.params["name"] for item in request.session.items
              if item.module is request.module and hasattr(item, "callspec")}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        futures = {
            name: tuple(pool.submit(observe, program, case, folder / f"{name}-{who}", tls)
                        for who, program in (("ours", binary().resolve()), ("theirs", UPSTREAM)))
            for name, case in CASES.items() if name in wanted
        }
        yield futures
        for pair in futures.values():
            for future in pair:
                future.cancel()


def test_there_are_enough_cases():
    assert len(CASES) >= 100


@pytest.mark.parametrize("name", CASES)
def test_both_understand_it_alike(results, name):
    case = CASES[name]
    ours, theirs = (future.result() for future in results[name])
    said = (ours.pop("said", None), theirs.pop("said", None))
    if case.ours:
        assert {key: ours.get(key) for key in case.ours} == case.ours, said
        assert any(theirs.get(key) != value for key, value in case.ours.items()), "no difference"
    if ours["accepted"] != theirs["accepted"]:
        assert "accepted" in case.ours, (ours["accepted"], theirs["accepted"], said)
        return
    differences = {
        key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs}
        if ours.get(key) != theirs.get(key) and key not in case.ours
    }
    assert differences == {}
