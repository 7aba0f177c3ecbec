# SPDX-License-Identifier: Apache-2.0
"""The Docker engine of Debian's docker.io, started with folders of its own and no network."""
import os
import socket

from support.client_tools import DOCKER, DOCKERD, run, start
from support.registry import wait_until

ENGINE_OPTIONS = ["--iptables=false", "--ip6tables=false", "--bridge=none"]


class Engine:
    """A dockerd; calling it runs the docker client against it."""

    def __init__(self, folder, storage_driver):
        self.folder = folder
        self.socket = f"{folder}/docker.sock"
        self.log = f"{folder}/dockerd-{storage_driver}.log"
        self.process = start(
            [DOCKERD, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p",
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
        wait_until(lambda: self.answers() or self.process.poll() is not None, 60, "dockerd starts")
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
            self.process.wait(30)


def forget(engine, *names):
    engine("image", "rm", "--force", *names)
    assert engine("images", "--quiet").split() == []
