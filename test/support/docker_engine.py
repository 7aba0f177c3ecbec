# SPDX-License-Identifier: Apache-2.0
"""The Docker engine of Debian's docker.io, started with folders of its own and no network.

It lives in a mount namespace of its own, so that what it reads of the machine's configuration is a
test's: /etc/docker (with the certificates of registries) and /etc/hosts.
"""
import os
import pathlib
import socket

from support.client_tools import DOCKER, DOCKERD, run, start
from support.registry import wait_until

ENGINE_OPTIONS = ["--iptables=false", "--ip6tables=false", "--bridge=none"]

# The engine verifies no certificate of a registry on 127.0.0.0/8. By this name it reaches the same
# listeners, and verifies: 0.0.0.0 is "this machine", but not in that network.
VERIFIED_HOST = "registry.test"
_HOSTS = f"127.0.0.1 localhost\n::1 localhost\n0.0.0.0 {VERIFIED_HOST}\n"
_IN_ITS_OWN_PLACE = """
mkdir -p /etc/docker && mount --bind "$0/etc" /etc/docker && mount --bind "$0/hosts" /etc/hosts && exec "$@"
"""


class Engine:
    """A dockerd; calling it runs the docker client against it."""

    def __init__(self, folder, storage_driver):
        self.folder = folder
        self.socket = f"{folder}/docker.sock"
        self.log = f"{folder}/dockerd-{storage_driver}.log"
        self.certificates = pathlib.Path(folder, "etc", "certs.d")
        self.certificates.mkdir(parents=True, exist_ok=True)
        pathlib.Path(folder, "hosts").write_text(_HOSTS, encoding="ascii")
        self.process = start(
            ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", _IN_ITS_OWN_PLACE, folder,
             DOCKERD, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p",
             f"{folder}/dockerd.pid", "-H", f"unix://{self.socket}", f"--storage-driver={storage_driver}",
             *ENGINE_OPTIONS], self.log)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self.socket)
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(1000)
            except OSError:
                return False

    def has_started(self):
        wait_until(lambda: self.answers() or self.process.poll() is not None, what="dockerd starts")
        return self.process.poll() is None

    def why_not(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def __call__(self, *arguments):
        return run([DOCKER, *arguments], env=self.environment()).decode()

    def environment(self):
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": f"{self.folder}/client"}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(300)


def forget(engine, *names):
    engine("image", "rm", "--force", *names)
    assert engine("images", "--quiet").split() == []
