# SPDX-License-Identifier: Apache-2.0
"""A Ceph cluster in one directory: a monitor, an OSD in memory and radosgw, on loopback.

    with Ceph(tmp_path) as ceph:
        ceph.url, ceph.access_key, ceph.secret_key
        ceph.secure_url, ceph.authority.path     # the same over TLS, and who has signed its certificate

As a program it runs a command beside one, see run_beside.

    /usr/bin/python3 test/support/ceph.py ctest -R driver
"""
import contextlib
import json
import pathlib
import subprocess
import sys
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.certificates import Certificate
from support.ports import free_port
from support.service import Service, are_installed, run_beside

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph-authtool")
CONFIG = """[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:127.0.0.1:{mon_port}]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {d}/$type.$id.keyring
run dir = {d}/sock
admin socket = {d}/sock/$name.$pid.asok
log file = {d}/log/$name.log
crash dir = {d}/crash
ms bind ipv6 = false
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon warn on insecure global id reclaim allowed = false
auth allow insecure global id reclaim = false
mon max pg per osd = 2000
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = {d}/mon
[osd]
osd data = {d}/osd
osd objectstore = memstore
memstore device bytes = {memory}
osd memory target = 939524096
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{port} ssl_endpoint=127.0.0.1:{secure_port}\
    ssl_certificate={certificate} ssl_private_key={key} tcp_nodelay=1
rgw dns name = localhost
rgw thread pool size = 64
rgw run sync thread = false
rgw gc obj min wait = 30
rgw gc processor period = 10
rgw gc processor max time = 10
"""


def is_there():
    """Whether the programs are installed."""
    return are_installed(PROGRAMS)


class Ceph(Service):
    access_key = "TESTACCESS"

    def __init__(self, directory, memory=8 << 30):
        """@memory: bytes of content that fit; what is removed counts for a minute."""
        super().__init__(directory)
        self.memory = memory
        self.secure_port = free_port()

    @property
    def secure_url(self):
        return f"https://127.0.0.1:{self.secure_port}"

    def _start(self):
        self._make("mon", "osd", "sock", "crash")
        self.authority = Certificate(self.directory, "authority", is_authority=True)
        self.certificate = Certificate(self.directory, "radosgw", issuer=self.authority)
        self._write_config()
        self._start_monitor()
        self._start_osd()
        self._start_gateway()

    def _write_config(self):
        self.fsid, self.mon_port = str(uuid.uuid4()), free_port()
        text = CONFIG.format(d=self.directory, fsid=self.fsid, mon_port=self.mon_port, port=self.port,
                             memory=self.memory, secure_port=self.secure_port,
                             certificate=self.certificate.path, key=self.certificate.key_path)
        (self.directory / "ceph.conf").write_text(text)

    def _start_monitor(self):
        d = self.directory
        everything = ["--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"]
        self._run("ceph-authtool", "-C", d / "mon.a.keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self._run("ceph-authtool", "-C", d / "client.admin.keyring", "--gen-key", "-n", "client.admin", *everything)
        self._run("ceph-authtool", d / "mon.a.keyring", "--import-keyring", d / "client.admin.keyring")
        self._run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a",
                  f"[v2:127.0.0.1:{self.mon_port}]", d / "monmap")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", d / "monmap", "--keyring", d / "mon.a.keyring")
        self._spawn("ceph-mon", "-f", "-i", "a")
        self._until(lambda: self._works("ceph", "--connect-timeout", "20", "mon", "stat"), "the monitor answers")

    def _start_osd(self):
        d = self.directory
        number = str(uuid.uuid4())
        osd = self._run("ceph", "osd", "new", number).strip()
        self._run("ceph", "auth", "get-or-create", f"osd.{osd}", "mon", "allow profile osd", "mgr",
                  "allow profile osd", "osd", "allow *", "-o", d / f"osd.{osd}.keyring")
        self._run("ceph-osd", "-i", osd, "--mkfs", "--osd-uuid", number)
        self._run("ceph", "osd", "crush", "add", f"osd.{osd}", "1.0", "root=default", "host=one")
        self._spawn("ceph-osd", "-f", "-i", osd)
        self._until(lambda: json.loads(self._run("ceph", "osd", "stat", "-f", "json"))["num_up_osds"] == 1,
                    "the OSD is up")

    def _start_gateway(self):
        self._run("ceph", "auth", "get-or-create", "client.rgw.a", "mon", "allow rwx", "osd", "allow rwx",
                  "-o", self.directory / "client.rgw.a.keyring")
        self._spawn("radosgw", "-f", "-n", "client.rgw.a")
        self._until(self._answers, "radosgw answers")
        self._run("radosgw-admin", "user", "create", "--uid=registry", "--display-name=registry",
                  f"--access-key={self.access_key}", f"--secret-key={self.secret_key}")

    # ---- pieces ---------------------------------------------------------------------------------

    def _environment(self):
        return super()._environment() | {"CEPH_CONF": str(self.directory / "ceph.conf")}

    def _works(self, *command):
        return subprocess.run(command, env=self._environment(), capture_output=True).returncode == 0

    def _answers(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(self.url, timeout=300).status == 200
        return False


if __name__ == "__main__":
    sys.exit(run_beside(Ceph))
