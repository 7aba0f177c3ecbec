# SPDX-License-Identifier: Apache-2.0
"""The life of an S3 service: some processes with one directory, on loopback.

    with Ceph(tmp_path) as service:
        service.url, service.access_key, service.secret_key
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from support.ports import free_port
from support.s3 import environment

START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120


def are_installed(programs):
    return all(shutil.which(program) for program in programs)


class Service:
    """What a service adds: access_key, and _start(), which returns once it answers."""

    secret_key = "TESTSECRET"
    region = "us-east-1"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.processes = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # ---- life -----------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.log_path.mkdir(parents=True)
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Each of the processes, the last one first, and none by its name."""
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    # ---- for those who start one ----------------------------------------------------------------

    @property
    def log_path(self):
        return self.directory / "log"

    def _environment(self):
        """Of its processes."""
        return dict(os.environ)

    def _make(self, *names):
        for name in names:
            (self.directory / name).mkdir(parents=True)

    def _run(self, *command):
        """To the end; what it printed."""
        done = subprocess.run(list(map(str, command)), env=self._environment(), capture_output=True,
                              text=True, timeout=START_TIMEOUT_S)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def _spawn(self, *command, log=None):
        """One more process; what it prints is in log/NAME.out."""
        with open(self.log_path / f"{log or command[0]}.out", "wb") as out:
            self.processes.append(subprocess.Popen(list(map(str, command)), env=self._environment(), stdout=out,
                                                   stderr=out, stdin=subprocess.DEVNULL))

    def _until(self, condition, what):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            ended = [process.args for process in self.processes if process.poll() is not None]
            assert not ended, f"ended: {ended}; see {self.log_path}"
            assert time.monotonic() < deadline, f"not within {START_TIMEOUT_S} s: {what}"
            time.sleep(0.05)


def run_beside(kind):
    """The program of a service's file: runs the command of the command line beside one, and ends as it does.
    KIST_S3_URL tells the command where it is, KIST_S3_{ACCESS_KEY,SECRET_KEY,REGION} what opens it."""
    name = kind.__name__.lower()
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as directory, kind(directory) as service:
        return subprocess.run(sys.argv[1:], env=os.environ | environment(service)).returncode
