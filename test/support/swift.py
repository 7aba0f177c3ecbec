# SPDX-License-Identifier: Apache-2.0
"""OpenStack Swift in one directory, with its middleware that speaks S3, on loopback: an S3 service that is not Amazon's.

    with Swift(tmp_path) as swift:
        swift.url, swift.access_key, swift.secret_key

The directory must be on a file system with extended attributes of users (ext4, xfs). As a program it runs a command
beside one, see run_beside.

    /usr/bin/python3 test/support/swift.py ctest -R driver
"""
import contextlib
import getpass
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.ports import free_port
from support.s3 import Bucket, S3Error
from support.service import Service, are_installed, run_beside

STORES = ("account", "container", "object")
PROGRAMS = ("swift-proxy-server", *(f"swift-{store}-server" for store in STORES), "memcached", "unshare")

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


# Says where each store is; the arguments are pairs of a file and a port. swift-ring-builder takes seconds for it.
RINGS = """import sys
from swift.common.ring import RingBuilder
for path, port in zip(sys.argv[1::2], sys.argv[2::2]):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev(dict(id=0, region=1, zone=1, ip="127.0.0.1", port=int(port), device="d1", weight=1))
    builder.rebalance()
    builder.get_ring().save(path)
"""


def is_there():
    """Whether the programs are installed, and may have a mount of their own."""
    return (are_installed(PROGRAMS) and os.path.isdir(FIXED_DIRECTORY)
            and subprocess.run([*APART, FIXED_DIRECTORY, "true"], capture_output=True).returncode == 0)


class Swift(Service):
    access_key = "test:registry"

    def _start(self):
        self._make("dev/d1", "fixed")
        (self.directory / "fixed" / "swift.conf").write_text(SALT)
        self._start_cache()
        self._start_stores()
        self._start_proxy()
        self._until(self._answers, "the proxy answers")

    def _start_cache(self):
        self.memcached_port = free_port()
        self._spawn("memcached", "-u", getpass.getuser(), "-l", "127.0.0.1", "-p", str(self.memcached_port), "-U", "0")

    def _start_stores(self):
        ports = {store: free_port() for store in STORES}
        rings = ((self.directory / f"{store}.ring.gz", port) for store, port in ports.items())
        # Isolated: a swift beside this file is this file.
        self._run("/usr/bin/python3", "-I", "-c", RINGS, *(word for ring in rings for word in ring))
        for store, port in ports.items():
            self._serve(store, STORE, port=port, store=store)

    def _start_proxy(self):
        self._serve("proxy", PROXY, port=self.port, memcached_port=self.memcached_port, region=self.region,
                    account=self.access_key.replace(":", "_"), secret=self.secret_key)

    # ---- pieces ---------------------------------------------------------------------------------

    @property
    def _apart(self):
        return *APART, self.directory / "fixed"

    def _serve(self, name, text, **values):
        path = self.directory / f"{name}.conf"
        # Within a user namespace of ours we are root.
        user = getpass.getuser() if os.geteuid() == 0 else "root"
        path.write_text(text.format(d=self.directory, user=user, **values))
        self._spawn(*self._apart, f"swift-{name}-server", path, "verbose", log=name)

    def _answers(self):
        """Whether a bucket can be made: all servers but that of the objects have a part in it."""
        with contextlib.suppress(OSError, S3Error):
            Bucket(self, "is-there").create()
            return True
        return False


if __name__ == "__main__":
    sys.exit(run_beside(Swift))
