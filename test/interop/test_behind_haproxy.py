# SPDX-License-Identifier: Apache-2.0
"""Our server and upstream's behind one haproxy: by source address, and dealt out request by request."""
import pathlib
import socket
import subprocess

import pytest
from support import images
from support.client import head
from support.client_tools import SKOPEO, skopeo
from support.registry import wait_until

HAPROXY = pathlib.Path("/usr/sbin/haproxy")
pytestmark = [
    pytest.mark.skipif(not HAPROXY.exists(), reason="haproxy is not installed"),
    pytest.mark.skipif(not SKOPEO.exists(), reason="skopeo is not installed"),
]

CONFIG = """
global
    stats socket {folder}/stats mode 600 level admin
defaults
    mode {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option redispatch
    retries 3
frontend registry
    bind fd@{listener}
    default_backend registries
backend registries
    balance roundrobin
    {stick}
    option httpchk
    http-check send meth GET uri /v2/ ver HTTP/1.1 hdr Host registry
    http-check expect status 200
    default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
    server ours 127.0.0.1:{ours} check
    server theirs 127.0.0.1:{theirs} check
"""
CHECK = '"GET /v2/ HTTP/1.1" 200'
STICK = "stick-table type ip size 200k expire 30m\n    stick on src"


class Haproxy:
    """haproxy on a port that is bound here and inherited by it, so that nobody else can take it."""

    def __init__(self, folder, cluster, mode, stick):
        self.is_sticky = bool(stick)
        self.stats = folder / "stats"
        listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{listener.getsockname()[1]}"
        config = folder / "haproxy.cfg"
        config.write_text(CONFIG.format(
            folder=folder, mode=mode, stick=stick, listener=listener.fileno(),
            ours=cluster.ours.port, theirs=cluster.theirs.port))
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([HAPROXY, "-f", config, "-db"], stdout=log, stderr=log,
                                            pass_fds=[listener.fileno()])
        listener.close()
        wait_until(lambda: self.servers_up() == {"ours", "theirs"}, what="haproxy sees both servers")

    def servers_up(self):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.stats))
                connection.sendall(b"show stat\n")
                text = connection.makefile().read()
            except OSError:
                assert self.process.poll() is None, "haproxy ended"
                return set()
        rows = [line.split(",") for line in text.splitlines() if line.startswith("registries,")]
        return {row[1] for row in rows if row[17] == "UP"} - {"BACKEND"}

    def stop(self):
        self.process.terminate()
        self.process.wait(300)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    sizes = [1000, 300_000, 5_000_000, 30_000_000]
    return images.Image([images.make_layer(folder, f"file-{size}", size, size) for size in sizes])


@pytest.fixture(params=[("tcp", STICK), ("http", "")], ids=["sticky", "each-request-elsewhere"])
def haproxy(request, cluster, tmp_path):
    proxy = Haproxy(tmp_path, cluster, *request.param)
    yield proxy
    proxy.stop()


def copy(source, target):
    skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)


def test_an_image_goes_through_and_comes_back(cluster, haproxy, image, repo, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{haproxy.host}/{repo}:v1")
    copy(f"docker://{haproxy.host}/{repo}:v1", f"oci:{tmp_path}/out:v1")
    assert images.layout_digest(tmp_path / "out") == digest
    assert images.layout_blobs(tmp_path / "out") == image.blob_digests() | {digest}
    used = [name for name, server in cluster.servers.items() if f"/v2/{repo}/" in server.stdout()]
    assert len(used) == (1 if haproxy.is_sticky else 2)


def test_health_checks_leave_no_trace_but_access_lines(cluster, haproxy):
    """haproxy resets the connection as soon as it has the status line."""
    log_before = len(cluster.ours.stderr())
    lines = cluster.ours.stdout().count(CHECK)
    wait_until(lambda: cluster.ours.stdout().count(CHECK) > lines + 3, what="health checks")
    log = cluster.ours.stderr()[log_before:]
    assert "level=error" not in log
    assert "level=warning" not in log


def test_when_we_die_upstream_serves_on(cluster, haproxy, image, repo, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{haproxy.host}/{repo}:v1")
    cluster.ours.kill()
    try:
        wait_until(lambda: haproxy.servers_up() == {"theirs"}, what="haproxy sees the death")
        copy(f"docker://{haproxy.host}/{repo}:v1", f"oci:{tmp_path}/out:v1")
        assert images.layout_digest(tmp_path / "out") == digest
    finally:
        cluster.ours.start()
    wait_until(lambda: haproxy.servers_up() == {"ours", "theirs"}, what="haproxy sees the return")


def source_of(server, haproxy):
    """An address of this machine whose connections the proxy gives to that server."""
    for last in range(2, 60):
        source = f"127.0.0.{last}"
        target = f"/v2/?from={source}"
        with dial(haproxy, source) as connection:
            connection.sendall(head("GET", target, {"Host": "a", "Connection": "close"}))
            while connection.recv(4096):
                pass
        if target in server.stdout():
            return source
    raise AssertionError("no address leads to that server")


def dial(haproxy, source):
    host, port = haproxy.host.split(":")
    return socket.create_connection((host, int(port)), timeout=300, source_address=(source, 0))


@pytest.mark.parametrize("haproxy", [("tcp", STICK)], ids=["sticky"], indirect=True)
@pytest.mark.parametrize("victim", ["ours", "theirs"])
def test_a_pull_cut_by_the_death_of_its_server_is_repeated(
    cluster, haproxy, image, repo, tmp_path, victim
):
    digest = images.oci_layout(tmp_path / "in", "v1", image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{haproxy.host}/{repo}:v1")
    server = cluster.servers[victim]
    layer = max(image.layers, key=lambda layer: layer.size)
    with dial(haproxy, source_of(server, haproxy)) as connection:
        connection.sendall(head("GET", f"/v2/{repo}/blobs/{layer.digest}", {"Host": "a"}))
        received = len(connection.recv(4096))
        server.kill()
        try:
            received += read_to_end(connection)
            assert 0 < received < layer.size
            survivor = {"ours", "theirs"} - {victim}
            wait_until(lambda: haproxy.servers_up() == survivor, what="haproxy sees the death")
            copy(f"docker://{haproxy.host}/{repo}:v1", f"oci:{tmp_path}/out:v1")
            assert images.layout_digest(tmp_path / "out") == digest
        finally:
            server.start()
    wait_until(lambda: haproxy.servers_up() == {"ours", "theirs"}, what="haproxy sees the return")


def read_to_end(connection):
    total = 0
    try:
        while piece := connection.recv(1 << 16):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total
