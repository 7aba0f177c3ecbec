# SPDX-License-Identifier: Apache-2.0
"""Every key arrives, from the file and from its variable. What keys do is tested elsewhere.

CASES has a case for each key; `registry config show` tells whether it arrived and from where.
"""
import json
import re

import pytest
from support.configuration import MASK, in_list, keys_of_reference, run, settings, show, write
from support.registry import ROOT, is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="looks at what only we print")


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

SHOWN_AS = {"loglevel": "log.level"}


# ---- which keys there are ----


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


# ---- what the environment can do beyond single keys ----


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
