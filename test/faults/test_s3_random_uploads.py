# SPDX-License-Identifier: Apache-2.0
"""Two processes on one bucket, and clients that do to a few uploads what no honest one does, all at once.

Requests in any order, cut, with tokens of other moments, with any digest. Whatever comes of them: what has the name of
a digest hashes to it, and what was answered with 201 can be read. KIST_RANDOM_SEED and KIST_RANDOM_SECONDS make another
run, or a longer one; with KIST_RANDOM_UPSTREAM an instance of upstream's (the program it names) takes part, which appends only:
what it commits is what it believes.
"""
import contextlib
import hashlib
import os
import random
import threading
import time

import pytest
from support.client import OCTETS, Client, Closed, Connection, with_query
from support.content import digest_of, random_bytes
from support.registry import Registry, is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="upstream believes what is saved")

KIB = 1 << 10
MIB = 1 << 20
SEED = int(os.environ.get("KIST_RANDOM_SEED", "20261121"))
SECONDS = float(os.environ.get("KIST_RANDOM_SECONDS", "10"))
UPSTREAM = os.environ.get("KIST_RANDOM_UPSTREAM")

REPOSITORIES = ["a/one", "a/two"]
THREADS = 6
SESSIONS = 3  # at a time: few, so that threads meet
PIECES = [1, 70_000, 100 * KIB, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 6 * MIB]
WEIGHTS = [2, 6, 6, 1, 2, 1, 1]
STATUSES = {200, 201, 202, 204, 206, 400, 404, 409, 416, 500, 503}


class Session:
    """One upload: the tokens it ever had, and the contents that it may have by now."""

    def __init__(self, repository, location):
        self.repository = repository
        self.locations = [location]
        self.contents = [(b"", location)]


class Attack:
    def __init__(self, addresses, appenders):
        self.addresses = addresses  # of all
        self.appenders = appenders  # of those that do not commit
        self.lock = threading.Lock()
        self.sessions = []
        self.created = set()  # (repository, digest)
        self.counts = {}
        self.problems = []
        self.until = time.monotonic() + SECONDS

    def run(self):
        threads = [threading.Thread(target=self._work, args=(random.Random(f"{SEED} {n}"),)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, dice):
        actions = [self._append, self._commit, self._cancel, self._status, self._whole, self._cut, self._mount, self._race]
        while time.monotonic() < self.until and not self.problems:
            (action,) = dice.choices(actions, [6, 4, 0.3, 1, 1, 1, 0.5, 4])
            try:
                with contextlib.suppress(Closed, ConnectionError):
                    action(dice)
            except Exception as problem:  # pylint: disable=broad-except; the test tells of it
                self.problems.append(repr(problem))

    def _client(self, dice, commits=False):
        return Client(dice.choice([a for a in self.addresses if not commits or a not in self.appenders]), timeout=60)

    def _note(self, name, response):
        with self.lock:
            self.counts[name, response.status] = self.counts.get((name, response.status), 0) + 1
        assert response.status in STATUSES, (name, response)
        return response

    def _session(self, dice):
        with self.lock:
            if len(self.sessions) == SESSIONS:
                return dice.choice(self.sessions)
        repository = dice.choice(REPOSITORIES)
        with self._client(dice) as client:
            response = self._note("begin", client.post(f"/v2/{repository}/blobs/uploads/"))
        session = Session(repository, response.location)
        with self.lock:
            self.sessions = [*self.sessions, session][-SESSIONS:]
        return session

    def _forget(self, session):
        with self.lock:
            self.sessions = [other for other in self.sessions if other is not session]

    def _piece(self, dice):
        (size,) = dice.choices(PIECES, WEIGHTS)
        return random_bytes(size, f"{dice.randrange(2)}")  # few contents, of the same lengths

    def _append(self, dice):
        session = self._session(dice)
        content, location = dice.choice(session.contents[-3:])
        if dice.random() < 0.2:
            location = dice.choice(session.locations)
        piece = self._piece(dice) if dice.random() < 0.95 else b""
        with self._client(dice) as client:
            if dice.random() < 0.2:
                headers = {"Content-Type": OCTETS, "Content-Range": f"{len(content)}-{len(content) + len(piece) - 1}"}
                response = self._note("range", client.patch(location, headers, piece))
            elif dice.random() < 0.3:
                response = self._note("chunks", client.patch(location, {"Content-Type": OCTETS},
                                                             chunks=[piece[:40_000] or b"x", piece[40_000:] or b"x"]))
            else:
                response = self._note("append", client.patch(location, {"Content-Type": OCTETS}, piece))
        if response.status == 202:
            self._learn(session, response.location, content + piece)
        elif response.status == 404:
            self._forget(session)

    def _learn(self, session, location, content):
        with self.lock:
            session.locations = [*session.locations, location][-8:]
            session.contents = [*session.contents, (content, location)][-8:]
        if len(content) > 24 * MIB:
            self._forget(session)

    def _commit(self, dice):
        session = self._session(dice)
        content, location = dice.choice(session.contents[-4:])
        if dice.random() < 0.3:
            _, location = dice.choice(session.contents)
        piece = self._piece(dice) if dice.random() < 0.3 else b""
        claimed = digest_of(content + piece)
        if dice.random() < 0.2:
            claimed = "sha512:" + hashlib.sha512(content + piece).hexdigest()
        with self._client(dice, commits=True) as client:
            response = self._note("commit", client.put(with_query(location, digest=claimed), {"Content-Type": OCTETS}, piece))
        if response.status == 201:
            self.created.add((session.repository, claimed))
            self.created.add((session.repository, response.header("Docker-Content-Digest")))
        if response.status in (201, 400, 404):
            self._forget(session)

    def _cancel(self, dice):
        session = self._session(dice)
        with self._client(dice) as client:
            self._note("cancel", client.delete(dice.choice(session.locations)))

    def _status(self, dice):
        session = self._session(dice)
        with self._client(dice) as client:
            response = self._note("status", client.get(dice.choice(session.locations)))
        if response.status == 204:
            with self.lock:
                session.locations = [*session.locations, response.location][-8:]
                session.contents.append((dice.choice(session.contents)[0], response.location))

    def _race(self, dice):
        """Two contents of one length for a fresh upload, through two processes; then either is claimed."""
        repository = dice.choice(REPOSITORIES)
        with self._client(dice) as client:
            first = self._note("begin", client.post(f"/v2/{repository}/blobs/uploads/")).location
        (size,) = dice.choices(PIECES, WEIGHTS)
        pieces = [random_bytes(size, f"{dice.random()}") for _ in range(2)]
        session = Session(repository, first)

        def write(index):
            with contextlib.suppress(Closed, ConnectionError), Client(self.addresses[index], timeout=60) as client:
                response = self._note("race", client.patch(first, {"Content-Type": OCTETS}, pieces[index]))
                if response.status == 202:
                    self._learn(session, response.location, pieces[index])

        threads = [threading.Thread(target=write, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._commit_of(dice, session, dice.choice(pieces))

    def _commit_of(self, dice, session, content):
        claimed = digest_of(content)
        with self._client(dice, commits=True) as client:
            location = with_query(dice.choice(session.locations[-2:]), digest=claimed)
            response = self._note("claim", client.put(location, {"Content-Type": OCTETS}))
        if response.status == 201:
            self.created.add((session.repository, claimed))

    def _whole(self, dice):
        piece = self._piece(dice)
        repository = dice.choice(REPOSITORIES)
        with self._client(dice, commits=True) as client:
            response = self._note("whole", client.post(f"/v2/{repository}/blobs/uploads/?digest={digest_of(piece)}",
                                                       {"Content-Type": OCTETS}, piece))
        assert response.status in (201, 500, 503), response
        if response.status == 201:
            self.created.add((repository, digest_of(piece)))

    def _cut(self, dice):
        session = self._session(dice)
        content, location = dice.choice(session.contents[-3:])
        piece = self._piece(dice)
        with Connection(dice.choice(self.addresses)) as broken:
            broken.send_head("PATCH", location, {"Content-Type": OCTETS, "Content-Length": len(piece) + 1})
            broken.send(piece[: dice.randrange(len(piece) + 1)])
            if dice.random() < 0.5:
                broken.reset()

    def _mount(self, dice):
        if not self.created:
            return
        repository, digest = dice.choice(sorted(self.created))
        other = dice.choice(REPOSITORIES)
        with self._client(dice, commits=True) as client:
            response = self._note("mount", client.post(f"/v2/{other}/blobs/uploads/?mount={digest}&from={repository}"))
        assert response.status == 201, response
        self.created.add((other, digest))


def test_whatever_clients_do_a_name_is_of_its_bytes(start_s3_registry, bucket, tmp_path):
    print(f"KIST_RANDOM_SEED={SEED} KIST_RANDOM_SECONDS={SECONDS}")
    settings = {"storage.redirect.disable": True}
    pair = [start_s3_registry(settings) for _ in range(2)]
    addresses = [registry.address for registry in pair]
    with contextlib.ExitStack() as stack:
        appenders = []
        if UPSTREAM:
            config = pair[0].config
            peer = Registry(tmp_path / "peer", storage="s3", program=UPSTREAM, environment={"AWS_CA_BUNDLE": ""})
            peer.config = {**config, "http": dict(config["http"])}
            stack.enter_context(peer)
            appenders.append(peer.address)
        attack = Attack(addresses + appenders, appenders)
        attack.run()
    print(sorted((f"{name} {status}", count) for (name, status), count in attack.counts.items()))
    for registry in pair:
        print(*(line[:400] for line in registry.stderr().splitlines() if "err.code=unknown" in line), sep="\n")
    assert attack.problems == []
    wrong = []
    for key in bucket.keys():
        parts = key.split("/")
        if "blobs" in parts and parts[-1] == "data" and hashlib.sha256(bucket.get(key)).hexdigest() != parts[-2]:
            wrong.append(key)
    assert wrong == []
    with pair[0].client() as client:
        for repository, digest in sorted(attack.created):
            algorithm, _, text = digest.partition(":")
            assert hashlib.new(algorithm, client.pull_blob(repository, digest)).hexdigest() == text
    uploads = [key for key, _ in bucket.uploads()]
    assert [key for key in uploads if "/blobs/" in key] == []
    assert len(attack.created) > 0
    for registry in pair:
        assert registry.is_running()
