# SPDX-License-Identifier: Apache-2.0
"""Figures beside upstream's, measured in the same run on the same machine. Prints a table.

    bench.py [--quick] [--rounds N] [--only storage|auth|s3]

Absolute numbers belong to the machine; what to look at is the ratio to Debian's docker-registry and
to the machine's own limits (SHA-256 on one core, the disk with fsync). Every round measures both
programs, each from an empty storage; the table shows the best round of each. docker-registry does
not make pushes durable (no fsync), Kist does.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from support import ceph, content, fault_proxy, many, s3  # noqa: E402
from support.access import basic, entry  # noqa: E402
from support.client import Client  # noqa: E402
from support.registry import Registry, binary  # noqa: E402

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
MIB = 1 << 20
SMALL_COUNT, SMALL_SIZE, PUSHER_COUNT = 200, 16384, 8
UPLOADER_COUNT, IDLE_COUNT = 200, 1000
MANY_COUNT = 100_000  # tags, and repositories
GUESSER_COUNT, BCRYPT_COST = 32, 10
BUSY_COUNT, SLOW_STORE_S = 16, 0.2  # pushes, and pulls, against a store that answers late


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)


def is_better_low(name):
    return any(word in name for word in ("latency", "memory", "seconds", "requests to the store"))


# ---- the machine -------------------------------------------------------------------------------


def sha256_speed():
    """MiB/s of one core."""
    output = run("openssl", "speed", "-seconds", "1", "-bytes", "65536", "sha256").stdout
    return float(re.search(r"^sha256\s+([\d.]+)k", output, re.MULTILINE).group(1)) * 1000 / MIB


def disk_speed(folder, size):
    """MiB/s of a file written and made durable."""
    began = time.monotonic()
    run("dd", "if=/dev/zero", f"of={folder}/ceiling", "bs=1M", f"count={size // MIB}", "conv=fsync")
    speed = size / MIB / (time.monotonic() - began)
    os.unlink(folder / "ceiling")
    return speed


# ---- one server --------------------------------------------------------------------------------


def curl(*arguments):
    done = subprocess.run(["curl", "--silent", "--show-error", "--fail", *map(str, arguments)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push_file(server, repository, path, digest):
    """As a client that knows the length: POST, PATCH, PUT. Returns how long the PUT takes."""
    base = f"http://127.0.0.1:{server.port}"
    with server.client() as client:
        location = client.start_upload(repository)
        head = curl("-X", "PATCH", "-T", path, "-H", "Content-Type: application/octet-stream",
                    "--dump-header", "-", "-o", "/dev/null", base + location)
        location = re.findall(r"^location: \S*?(/v2/\S+)", head, re.IGNORECASE | re.MULTILINE)[-1]
        client.timeout = 120
        client.close()
        began = time.monotonic()
        client.commit(location, digest)
        return time.monotonic() - began


def pull_speed(server, digest, size):
    began = time.monotonic()
    curl("-o", "/dev/null", f"http://127.0.0.1:{server.port}/v2/bench/big/blobs/{digest}")
    return size / MIB / (time.monotonic() - began)


def push_small(server):
    blobs = [content.random_bytes(SMALL_SIZE, f"small {n}") for n in range(SMALL_COUNT)]

    def push_share(number):
        with Client(server.address, 60) as client:
            for blob in blobs[number::PUSHER_COUNT]:
                digest = content.digest_of(blob)
                assert client.head(f"/v2/bench/small/blobs/{digest}").status == 404
                client.push_blob("bench/small", blob)

    with concurrent.futures.ThreadPoolExecutor(PUSHER_COUNT) as pool:
        began = time.monotonic()
        list(pool.map(push_share, range(PUSHER_COUNT)))
        return SMALL_COUNT / (time.monotonic() - began)


def wrk(server, connections, seconds, target="/v2/bench/image/manifests/v1", headers=()):
    """Requests a second and the 99th percentile in milliseconds of GETs, of one manifest as a rule."""
    more = [text for name, value in headers for text in ("-H", f"{name}: {value}")]
    output = run("wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency", "--timeout", "30s",
                 "-H", f"Accept: {content.SCHEMA2}", *more, f"http://127.0.0.1:{server.port}{target}").stdout
    assert "Non-2xx" not in output and "Socket errors" not in output, output
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", output).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def latency_in_a_crowd(server, seconds):
    load = subprocess.Popen([sys.executable, ROOT / "test/bench/load.py", str(server.port),
                             str(UPLOADER_COUNT), str(IDLE_COUNT)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert load.stdout.readline() == "ready\n"
    latency = wrk(server, 4, seconds)[1]
    memory = server.vmrss()
    rest = load.communicate()[0].strip()
    wanted = f"{UPLOADER_COUNT} uploads and {IDLE_COUNT} idle connections alive"
    assert rest == wanted, f"of the crowd only: {rest}"
    return latency, memory


def latency_while_pushing(server, path, digest, size, seconds):
    """The latency during four pushes, and their speed together."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        pushes = [pool.submit(push_file, server, f"bench/four/{n}", path, digest) for n in range(4)]
        latency = wrk(server, 4, seconds)[1]
        for push in pushes:
            push.result()
        return latency, 4 * size / MIB / (time.monotonic() - began)


def make_crowded(folder):
    """A storage with very many tags and repositories, for both programs: it takes longer than all
    that is measured on it."""
    image = content.image("bench", layer_count=5)
    with Registry(folder / "seed", root=folder / "crowded") as server, server.client() as client:
        client.push_image("bench/image", "v1", image)
    many.make_tags(folder / "crowded", "bench/tags", image.digest, MANY_COUNT)
    many.make_repositories(folder / "crowded", MANY_COUNT)


def latency_while_listing(server, seconds):
    """The latency during endless listings of all tags, and of a page of the catalog, from four clients."""
    base = f"http://127.0.0.1:{server.port}/v2"
    targets = [f"{base}/bench/tags/tags/list", f"{base}/_catalog?n=1000"] * 2
    listings = [subprocess.Popen(["curl", "--silent", "--fail", "-o", "/dev/null", f"{target}#[1-10000]"])
                for target in targets]
    try:
        latency = wrk(server, 4, 2 * seconds)[1]
        assert all(listing.poll() is None for listing in listings), "a listing failed"
    finally:
        for listing in listings:
            listing.terminate()
            listing.wait()
    return latency


def measure(program, folder, path, digest, size, seconds):
    os.environ["KIST_REGISTRY"] = str(program)
    shutil.rmtree(folder, ignore_errors=True)
    figures = {}
    with Registry(folder, settings={"log.level": "info"}, fd_limit=8192) as server:
        figures["memory at rest, MiB"] = server.vmrss() / MIB
        began = time.monotonic()
        push_file(server, "bench/big", path, digest)
        figures["push of one large layer, MiB/s"] = size / MIB / (time.monotonic() - began)
        figures["pull of one large layer, MiB/s"] = max(pull_speed(server, digest, size) for _ in range(3))
        figures["memory, peak of a push and a pull, MiB"] = server.vmhwm() / MIB
        figures["pushes of small layers, 1/s"] = push_small(server)
        with server.client() as client:
            client.push_image("bench/image", "v1", content.image("bench", layer_count=5))
        figures["manifest GETs, 32 connections, 1/s"] = wrk(server, 32, seconds)[0]
        figures["manifest GET latency p99, idle, ms"] = wrk(server, 4, seconds)[1]
        latency, memory = latency_in_a_crowd(server, seconds)
        figures["manifest GET latency p99, 200 slow pushes and 1000 idle, ms"] = latency
        figures["memory with 200 slow pushes and 1000 idle, MiB"] = memory / MIB
        latency, speed = latency_while_pushing(server, path, digest, size, seconds)
        figures["manifest GET latency p99, 4 large pushes, ms"] = latency
        figures["4 large pushes together, MiB/s"] = speed
        figures["memory, peak of everything, MiB"] = server.vmhwm() / MIB
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def measure_listings(program, folder, root, seconds):
    os.environ["KIST_REGISTRY"] = str(program)
    shutil.rmtree(folder, ignore_errors=True)
    with Registry(folder, root=root, settings={"log.level": "info"}, fd_limit=8192) as server:
        return {
            f"manifest GET latency p99, 4 listings of {MANY_COUNT}, ms": latency_while_listing(server, seconds),
            f"memory, peak of listings of {MANY_COUNT}, MiB": server.vmhwm() / MIB,
        }


# ---- users of a password file ------------------------------------------------------------------


def latencies_while_guessing(server, alice, seconds):
    """Of who needs no user and of a user who is known, while many try wrong passwords."""
    guessing = subprocess.Popen([sys.executable, ROOT / "test/bench/guess.py", str(server.port), str(GUESSER_COUNT)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert guessing.stdout.readline() == "ready\n"
    anonymous = wrk(server, 4, seconds, "/")[1]
    known = wrk(server, 4, seconds, headers=alice)[1]
    print(f"  guesses by status: {guessing.communicate()[0].strip()}", flush=True)
    assert guessing.returncode == 0
    return anonymous, known


def auth(program, folder, seconds):
    """Figures of a registry with users; every server is given the same file."""
    os.environ["KIST_REGISTRY"] = str(program)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    passwords = folder / "htpasswd"
    passwords.write_text(entry("alice", "wonder", BCRYPT_COST) + "\n")
    alice = list(basic("alice", "wonder").items())
    settings = {"log.level": "info", "auth.htpasswd.realm": "bench", "auth.htpasswd.path": str(passwords)}
    figures = {}
    with Registry(folder / "server", settings=settings, fd_limit=8192) as server:
        with server.client(headers=alice) as client:
            client.push_image("bench/image", "v1", content.image("bench", layer_count=5))
        figures["manifest GETs of a user, 32 connections, 1/s"] = wrk(server, 32, seconds, headers=alice)[0]
        figures["manifest GET latency p99, a user, ms"] = wrk(server, 4, seconds, headers=alice)[1]
        figures["GET / latency p99, no user, ms"] = wrk(server, 4, seconds, "/")[1]
        anonymous, known = latencies_while_guessing(server, alice, seconds)
        figures[f"GET / latency p99, no user, {GUESSER_COUNT} clients guessing, ms"] = anonymous
        figures[f"manifest GET latency p99, a user, {GUESSER_COUNT} clients guessing, ms"] = known
    shutil.rmtree(folder, ignore_errors=True)
    return figures


# ---- a bucket ----------------------------------------------------------------------------------


def latencies_while_the_store_is_slow(server, idle, seconds):
    """Of GET /v2/ while others push and pull as fast as the store lets them; and what the machine, as
    busy as that, does to the same of a server that is @idle."""
    blob = content.random_bytes(MIB, "slow store")
    digest = content.digest_of(blob)
    with Client(server.address, 60) as client:
        client.push_blob("bench/slow", blob)
    until = time.monotonic() + 2 * seconds + 5

    def push(number):
        with Client(server.address, 60) as client:
            count = 0
            while time.monotonic() < until:
                client.push_blob(f"bench/slow{number}", content.random_bytes(SMALL_SIZE, f"{number} {count}"))
                count += 1

    def pull(_):
        with Client(server.address, 60) as client:
            while time.monotonic() < until:
                client.pull_blob("bench/slow", digest)

    with concurrent.futures.ThreadPoolExecutor(2 * BUSY_COUNT) as pool:
        busy = [pool.submit(work, n) for n in range(BUSY_COUNT) for work in (push, pull)]
        time.sleep(1)  # they are to be under way
        latencies = [wrk(one, 4, seconds, "/v2/")[1] for one in (server, idle)]
        for one in busy:
            one.result()
    return latencies


def bucket(program, folder, service, path, digest, size, seconds, number):
    """Figures of a registry whose content is in a bucket; both programs use one service."""
    os.environ["KIST_REGISTRY"] = str(program)
    shutil.rmtree(folder, ignore_errors=True)
    place = s3.Bucket(service, f"bench-{number}").create()
    common = {"log.level": "info", "storage.redirect.disable": True, "storage.s3.chunksize": 10 * MIB}
    figures = {}
    with fault_proxy.FaultProxy(("127.0.0.1", service.port)) as proxy:
        direct = s3.settings(place) | common
        with Registry(folder / "direct", storage="s3", settings=direct, fd_limit=8192) as server:
            began = time.monotonic()
            figures["last byte to 201 of a large layer, seconds"] = push_file(server, "bench/big", path, digest)
            figures["push of one large layer, MiB/s"] = size / MIB / (time.monotonic() - began)
            figures["pull of one large layer, MiB/s"] = max(pull_speed(server, digest, size) for _ in range(3))
            figures["memory, peak of a push and a pull, MiB"] = server.vmhwm() / MIB
            figures["pushes of small layers, 1/s"] = push_small(server)
            figures["GET /v2/ latency p99, idle, ms"] = wrk(server, 4, seconds, "/v2/")[1]
        through = s3.settings(place, proxy.url) | common
        with Registry(folder / "proxied", storage="s3", settings=through, fd_limit=8192) as server:
            with server.client() as client:
                client.push_blob("bench/warm", b"connections and buckets are known")
                before = len(proxy.requests)
                client.push_blob("bench/counted", content.random_bytes(MIB, "counted"))
            figures["requests to the store for a layer of 1 MiB"] = len(proxy.requests) - before
            proxy.delay = SLOW_STORE_S
            with Registry(folder / "idle", storage="inmemory", settings={"log.level": "info"}) as idle:
                busy, machine = latencies_while_the_store_is_slow(server, idle, seconds)
            figures[f"GET /v2/ latency p99, {BUSY_COUNT} pushes and pulls, a store of 200 ms, ms"] = busy
            figures["GET /v2/ latency p99 of an idle server meanwhile, ms"] = machine
    place.empty()
    shutil.rmtree(folder, ignore_errors=True)
    return figures


# ---- the table ---------------------------------------------------------------------------------


def best(rounds):
    return {name: (min if is_better_low(name) else max)(figures[name] for figures in rounds)
            for name in rounds[0]}


def ceilings(sha256, disk):
    return {
        "push of one large layer, MiB/s": min(sha256, disk),
        "4 large pushes together, MiB/s": min(2 * sha256, disk),
    }


def print_table(ours, theirs, limits):
    print("\n| measure | Kist | docker-registry | times better | of the machine's limit |")
    print("|---|---:|---:|---:|---:|")
    for name, value in ours.items():
        better = theirs[name] / value if is_better_low(name) else value / theirs[name]
        limit = f"{100 * value / limits[name]:.0f} %" if name in limits else ""
        print(f"| {name} | {value:.4g} | {theirs[name]:.4g} | {better:.2f} | {limit} |")


def make_payload(path, size):
    with open(path, "wb") as file:
        for n in range(size // MIB):
            file.write(content.random_bytes(MIB, n))
    return "sha256:" + run("sha256sum", path).stdout.split()[0]


def measure_storage(programs, folder, rounds, size, seconds):
    digest = make_payload(folder / "payload", size)
    results, sha256, disk = [[], []], 0, 0
    make_crowded(folder)
    for number in range(rounds):
        sha256, disk = max(sha256, sha256_speed()), max(disk, disk_speed(folder, size))
        for program, figures in zip(programs, results):
            print(f"round {number + 1}: {program.name}", flush=True)
            figures.append(measure(program, folder / "server", folder / "payload", digest, size, seconds)
                           | measure_listings(program, folder / "server", folder / "crowded", seconds))
    print(f"machine: {os.cpu_count()} cores, SHA-256 {sha256:.0f} MiB/s a core, disk with fsync"
          f" {disk:.0f} MiB/s; layers of {size // MIB} MiB")
    print_table(*map(best, results), ceilings(sha256, disk))


def measure_auth(programs, folder, rounds, seconds):
    results = [[], []]
    for number in range(rounds):
        for program, figures in zip(programs, results):
            print(f"round {number + 1}, users: {program.name}", flush=True)
            figures.append(auth(program, folder / "server", seconds))
    print(f"users: bcrypt of cost {BCRYPT_COST}, {os.cpu_count()} cores")
    print_table(*map(best, results), {})


def measure_s3(programs, folder, rounds, size, seconds):
    digest = make_payload(folder / "payload", size)
    results, number = [[], []], 0
    os.environ.pop("AWS_CA_BUNDLE", None)  # docker-registry ends over it
    for turn in range(rounds):
        for program, figures in zip(programs, results):
            print(f"round {turn + 1}, a bucket: {program.name}", flush=True)
            with ceph.Ceph(folder / f"ceph{number}", memory=16 << 30) as service:
                figures.append(bucket(program, folder / "server", service, folder / "payload", digest, size, seconds,
                                      number))
            shutil.rmtree(folder / f"ceph{number}", ignore_errors=True)
            number += 1
    print(f"a bucket of radosgw in memory, {os.cpu_count()} cores; layers of {size // MIB} MiB, parts of 10 MiB")
    print_table(*map(best, results), {})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one round with 128 MiB layers")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["storage", "auth", "s3"], help="one part; without it, all")
    options = parser.parse_args()
    rounds, size, seconds = (1, 128 * MIB, 1) if options.quick else (options.rounds, 1024 * MIB, 3)
    programs = (binary().resolve(), UPSTREAM)
    folder = ROOT / "build/bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    if options.only in (None, "storage"):
        measure_storage(programs, folder, rounds, size, seconds)
    if options.only in (None, "auth"):
        measure_auth(programs, folder, rounds, seconds)
    if options.only in (None, "s3"):
        measure_s3(programs, folder, rounds, size, seconds)
    print(f"\n{time.monotonic() - began:.0f} s; the best of {rounds} rounds each")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
