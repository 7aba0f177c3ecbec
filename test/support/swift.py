# SPDX-License-Identifier: Apache-2.0
"""OpenStack Swift in one directory, with its middleware that speaks S3, on loopback: an S3 service that is not Amazon's.

    with Swift(tmp_path) as swift:
        swift.url, swift.access_key, swift.secret_key

The directory must be on a file system with extended attributes of users (ext4, xfs). As a program it runs a command
beside one: KIST_S3_URL tells the command where it is, KIST_S3_{ACCESS_KEY,SECRET_KEY,REGION} what opens it.

    /usr/bin/python3 test/support/swift.py ctest -R driver
"""
import contextlib
import getpass
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.ports import free_port
from support.s3 import Bucket, S3Error, environment

STORES = ("account", "container", "object")
PROGRAMS = ("swift-proxy-server", *(f"swift-{store}-server" for store in STORES), "swift-ring-builder", "memcached",
            "unshare")
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 20

# The servers read their salt from here and nowhere else; each gets a mount of its own over it.
FIXED_DIRECTORY = "/etc/swift"
APART = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--", "sh", "-c",
         f'mount --bind "$1" {FIXED_DIRECTORY} && shift && exec "$@"', "sh")

SALT = """[swift-hash]
swift_hash_path_suffix = suffix
swift_hash_path_prefix = prefix
[storage-policy:0]
name = default
default = yes
"""

COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {d}
workers = 0
"""

STORE = COMMON + """devices = {d}/dev
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = {store}-server
[app:{store}-server]
use = egg:swift#{store}
"""

PROXY = COMMON + """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached_port}
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = {region}
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_{account} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 1000
[filter:dlo]
use = egg:swift#dlo
rate_limit_after_segment = 1000
"""


def is_there():
    """Whether the programs are installed, and may have a mount of their own."""
    return (all(shutil.which(program) for program in PROGRAMS) and os.path.isdir(FIXED_DIRECTORY)
            and subprocess.run([*APART, FIXED_DIRECTORY, "true"], capture_output=True).returncode == 0)


class Swift:
    access_key = "test:registry"
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
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        for name in ("dev/d1", "log", "fixed"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "fixed" / "swift.conf").write_text(SALT)
        self._start_cache()
        for store in STORES:
            self._start_store(store)
        self._start_proxy()
        self._until(self._answers, "the proxy answers")

    def _start_cache(self):
        self.memcached_port = free_port()
        self._spawn("memcached", "-u", getpass.getuser(), "-l", "127.0.0.1", "-p", str(self.memcached_port), "-U", "0")

    def _start_store(self, store):
        port, builder = free_port(), str(self.directory / f"{store}.builder")
        self._run("swift-ring-builder", builder, "create", "4", "1", "0")
        self._run("swift-ring-builder", builder, "add", "--region", "1", "--zone", "1", "--ip", "127.0.0.1",
                  "--port", str(port), "--device", "d1", "--weight", "1")
        self._run("swift-ring-builder", builder, "rebalance")
        self._serve(store, STORE, port=port, store=store)

    def _start_proxy(self):
        self._serve("proxy", PROXY, port=self.port, memcached_port=self.memcached_port, region=self.region,
                    account=self.access_key.replace(":", "_"), secret=self.secret_key)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    # ---- pieces ---------------------------------------------------------------------------------

    def _run(self, *command):
        done = subprocess.run([*APART, self.directory / "fixed", *command], capture_output=True, text=True,
                              timeout=START_TIMEOUT_S)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    def _serve(self, name, text, **values):
        path = self.directory / f"{name}.conf"
        # Within a user namespace of ours we are root.
        user = getpass.getuser() if os.geteuid() == 0 else "root"
        path.write_text(text.format(d=self.directory, user=user, **values))
        self._spawn(*APART, str(self.directory / "fixed"), f"swift-{name}-server", str(path), "verbose", log=name)

    def _spawn(self, *command, log=None):
        with open(self.directory / "log" / f"{log or command[0]}.out", "wb") as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL))

    def _answers(self):
        """Whether a bucket can be made: all servers but that of the objects have a part in it."""
        with contextlib.suppress(OSError, S3Error):
            Bucket(self, "is-there").create()
            return True
        return False

    def _until(self, condition, what):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            ended = [process.args for process in self.processes if process.poll() is not None]
            assert not ended, f"ended: {ended}; see {self.directory}/log"
            assert time.monotonic() < deadline, f"not within {START_TIMEOUT_S} s: {what}"
            time.sleep(0.05)


def main():
    with tempfile.TemporaryDirectory(prefix="swift-") as directory, Swift(directory) as swift:
        return subprocess.run(sys.argv[1:], env=os.environ | environment(swift)).returncode


if __name__ == "__main__":
    sys.exit(main())
