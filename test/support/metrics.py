# SPDX-License-Identifier: Apache-2.0
"""What the debug server says: its address, and metrics as values.

    metrics = scrape(registry)
    metrics.value("registry_http_requests_total", code="200", handler="base", method="get")
"""
import glob
import os
import re
import subprocess

from support.client import Client
from support.registry import wait_until

DEBUG = {
    "http.debug.addr": "127.0.0.1:0",
    "http.debug.prometheus.enabled": True,
    "http.debug.prometheus.path": "/metrics",
}

_DEBUG_ADDRESS = re.compile(r"debug server listening 127\.0\.0\.1:(\d+)")
_LINE = re.compile(r'([a-z_:]+)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def listening_ports(pid):
    """The ports a process listens on, as the kernel knows them."""
    sockets = {os.readlink(path) for path in glob.glob(f"/proc/{pid}/fd/*") if os.path.islink(path)}
    lines = open(f"/proc/{pid}/net/tcp").readlines()[1:] + open(f"/proc/{pid}/net/tcp6").readlines()[1:]
    rows = [line.split() for line in lines]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def debug_client(registry):
    """A client of the debug server, which listens on a free port: upstream does not tell which."""
    found = wait_until(lambda: _DEBUG_ADDRESS.search(registry.stderr()), what="the debug server")
    port = int(found.group(1))
    if port == 0:
        (port,) = wait_until(lambda: listening_ports(registry.process.pid) - {registry.port}, what="its port")
    return Client(("127.0.0.1", port))


class Metrics:
    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.help = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
        self.samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = _LINE.fullmatch(line).groups()
                key = (name, frozenset(_LABEL.findall(labels or "")))
                assert key not in self.samples, f"twice: {line}"
                self.samples[key] = float(value)

    def value(self, name, **labels):
        """0 for a series that is not there."""
        return self.samples.get((name, frozenset(labels.items())), 0)

    def series(self, name):
        """{labels as a sorted tuple of pairs: value}"""
        return {tuple(sorted(labels)): value for (n, labels), value in self.samples.items() if n == name}


def scrape(registry):
    with debug_client(registry) as client:
        response = client.get("/metrics")
    assert response.status == 200, response
    return Metrics(response.body.decode())


def check(text):
    """What promtool has to say about @text; nothing is good."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()
