# SPDX-License-Identifier: Apache-2.0
"""Requests that race: for one session, for one blob, for one tag; in one process and in two."""
import random
import threading

import pytest
from support import layout
from support.client import OCTETS, with_query
from support.content import SCHEMA2, digest_of, image, random_bytes
from support.registry import wait_until

ROUNDS = 15


@pytest.fixture(params=["one process", "two processes"])
def pair(request, start_registry):
    """Two registries that share their storage, or one twice."""
    one = start_registry()
    two = one if request.param == "one process" else start_registry(root=one.root)
    yield one, two
    layout.check(one.root)


def race(*functions):
    """Runs all at once; returns their results in order, and raises what one of them raised."""
    results, barrier = {}, threading.Barrier(len(functions))

    def run(index, function):
        barrier.wait()
        try:
            results[index] = function()
        except BaseException as problem:
            results[index] = problem

    threads = [threading.Thread(target=run, args=item) for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return [results[index] for index in range(len(functions))]


def requester(registry, *arguments, **options):
    def run():
        with registry.client() as client:
            return client.request(*arguments, **options)

    return run


@pytest.mark.ours("one session has one writer")
@pytest.mark.parametrize("round", range(ROUNDS))
def test_of_two_patches_with_one_token_one_wins(pair, repo, round):
    sizes = [(100_000, 60_000), (60_000, 100_000), (1, 2), (1 << 20, 1 << 20), (5, 3 << 20)]
    bodies = [bytes([65 + i]) * size for i, size in enumerate(sizes[round % len(sizes)])]
    with pair[0].client() as client:
        target = client.start_upload(repo)
        headers = {"Content-Type": OCTETS}
        answers = race(
            *[requester(pair[i], "PATCH", target, headers, bodies[i]) for i in range(2)]
        )
        statuses = [answer.status for answer in answers]
        assert statuses.count(202) == 1, answers
        winner = statuses.index(202)
        loser = answers[1 - winner]
        assert loser.status in (409, 416, 429, 503), loser
        assert loser.codes
        assert answers[winner].header("Range") == f"0-{len(bodies[winner]) - 1}"
        digest = digest_of(bodies[winner])
        client.commit(answers[winner].location, digest)
        assert client.pull_blob(repo, digest) == bodies[winner]


@pytest.mark.ours("one session has one writer")
def test_of_two_interleaved_patches_one_wins(pair, repo):
    """Both bodies are on their way at the same time, whatever the scheduling."""
    data = random_bytes(200_000, repo)
    with pair[0].client() as client, pair[0].connect() as a, pair[1].connect() as b:
        target = client.start_upload(repo)
        headers = [("Content-Type", OCTETS), ("Content-Length", len(data))]
        a.send_head("PATCH", target, headers).send(data[:100_000])
        b.send_head("PATCH", target, headers).send(data[::-1])
        a.send(data[100_000:])
        first, second = a.read_response(), b.read_response()
        assert sorted([first.status, second.status])[0] == 202
        assert [first.status, second.status].count(202) == 1
        wanted = data if first.status == 202 else data[::-1]
        won = first if first.status == 202 else second
        client.commit(won.location, digest_of(wanted))
        assert client.pull_blob(repo, digest_of(wanted)) == wanted


@pytest.mark.ours("one session has one writer")
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_session_whose_writer_stands_still_is_409_and_then_free(pair, repo, method):
    data = b"the first half, the second half"
    with pair[0].client() as client, pair[1].client() as other:
        target = client.start_upload(repo)
        writer = pair[0].connect()
        writer.send_head("PATCH", target, {"Content-Length": 1000}).send(data[:15])
        uploads = pair[0].repository_path(repo) / "_uploads"
        wait_until(lambda: any(p.stat().st_size for p in uploads.glob("*/data")))
        request = with_query(target, digest=digest_of(data)) if method == "PUT" else target
        response = other.request(method, request)
        assert response.status in (409, 416), response
        assert other.get(target).status == 204
        writer.close()
        response = wait_until(lambda: free(other, target), what="the session is free")
        assert response.header("Range") == "0-14"
        other.commit(other.append(response.location, data[15:]), digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data


def free(client, target):
    """The status of a session that nobody writes any more."""
    response = client.patch(client.get(target).location, {"Content-Type": OCTETS}, b"")
    return response if response.status == 202 else None


@pytest.mark.ours("one session has one writer")
@pytest.mark.parametrize("round", range(4))
def test_patch_and_commit_at_once_store_no_wrong_content(pair, repo, round):
    data, more = b"a" * 100_000, b"b" * 50_000
    with pair[0].client() as client:
        target = client.append(client.start_upload(repo), data)
        digest = digest_of(data)
        commit = requester(pair[0], "PUT", with_query(target, digest=digest), {}, b"")
        patch = requester(pair[1], "PATCH", target, {"Content-Type": OCTETS}, more)
        committed, patched = race(commit, patch)
        assert [committed.status, patched.status].count(500) == 0, (committed, patched)
        assert (committed.status == 201) != (patched.status == 202), (committed, patched)
        if committed.status == 201:
            assert client.pull_blob(repo, digest) == data
        else:
            client.commit(patched.location, digest_of(data + more))


@pytest.mark.ours("one session has one writer")
@pytest.mark.parametrize("round", range(4))
def test_of_two_commits_of_one_session_one_wins(pair, repo, round):
    data = random_bytes(70_000, round)
    with pair[0].client() as client:
        target = with_query(client.append(client.start_upload(repo), data), digest=digest_of(data))
        answers = race(*[requester(pair[i], "PUT", target, {}, b"") for i in range(2)])
        assert sorted(answer.status for answer in answers)[0] == 201
        assert all(answer.status in (201, 404, 409, 416, 503) for answer in answers), answers
        assert client.pull_blob(repo, digest_of(data)) == data


@pytest.mark.ours("a link is replaced in one step")
@pytest.mark.parametrize("round", range(3))
def test_many_clients_push_the_same_blob_at_once(pair, repo, round):
    data = random_bytes(300_000, round)

    def push(index):
        def run():
            with pair[index % 2].client() as client:
                digest = client.push_blob(f"{repo}/{index % 3}", data)
                return client.pull_blob(f"{repo}/{index % 3}", digest) == data

        return run

    assert all(race(*[push(index) for index in range(8)]))


@pytest.mark.ours("a link is replaced in one step")
def test_readers_of_a_moving_tag_see_one_manifest_or_the_other(pair, repo):
    values = [image(f"{repo} {index}") for index in range(2)]
    with pair[0].client() as client:
        for value in values:
            client.push_image(repo, "moving", value)
    over = threading.Event()

    def move():
        with pair[0].client() as client:
            for count in range(60):
                client.push_manifest(repo, "moving", values[count % 2].manifest, SCHEMA2)
        over.set()

    def read():
        with pair[1].client() as client:
            while not over.is_set():
                response = client.get_manifest(repo, "moving", SCHEMA2)
                assert response.status == 200, response
                assert response.body in [value.manifest for value in values]

    race(move, read, read)


@pytest.mark.ours("writes never show half")
def test_manifests_pushed_and_deleted_at_once_do_no_harm(pair, repo):
    value = image(repo)
    with pair[0].client() as client:
        client.push_image(repo, "latest", value)

    def push():
        with pair[0].client() as client:
            for _ in range(30):
                client.push_manifest(repo, "latest", value.manifest, SCHEMA2)

    def delete():
        with pair[1].client() as client:
            for _ in range(30):
                response = client.delete(f"/v2/{repo}/manifests/{value.digest}")
                assert response.status in (202, 404), response

    race(push, delete)
    with pair[0].client() as client:
        client.push_manifest(repo, "latest", value.manifest, SCHEMA2)
        assert client.get_manifest(repo, "latest", SCHEMA2).body == value.manifest


class Visitor:
    """A client that does anything. Few names and few blobs, so that visitors meet."""

    BLOBS = [random_bytes(size, size) for size in (0, 1, 5000, 70_000, 400_000)]

    def __init__(self, repo, seed):
        self.rng = random.Random(seed)
        self.repo = repo
        self.images = [image(f"{repo} {number}") for number in range(3)]

    def step(self, client):
        """One thing; no answer is a fault, and all content is right."""
        kind, allowed = self.rng.choice(list(self.STEPS.items()))
        self.client, self.name = client, self.any_name()
        self.blob, self.image = self.rng.choice(self.BLOBS), self.rng.choice(self.images)
        answer = kind(self)
        assert answer.status in allowed, (kind.__name__, answer)

    def any_name(self):
        return f"{self.repo}/{self.rng.randrange(3)}"

    def push(self):
        target = self.client.start_upload(self.name)
        if self.rng.randrange(2):
            target = self.client.append(target, self.blob)
            return self.client.put(with_query(target, digest=digest_of(self.blob)))
        return self.client.put(with_query(target, digest=digest_of(self.blob)), {}, self.blob)

    def pull(self):
        answer = self.client.get(f"/v2/{self.name}/blobs/{digest_of(self.blob)}")
        assert answer.status != 200 or answer.body == self.blob
        return answer

    def push_image(self):
        for part in self.image.blobs:
            self.client.push_blob(self.name, part)
        return self.client.put_manifest(self.name, "tag", self.image.manifest, SCHEMA2)

    def get_manifest(self):
        reference = self.rng.choice(["tag", self.image.digest])
        answer = self.client.get_manifest(self.name, reference, SCHEMA2)
        assert answer.status != 200 or answer.body in [one.manifest for one in self.images]
        return answer

    def mount(self):
        source = {"mount": digest_of(self.blob), "from": self.any_name()}
        answer = self.client.post(with_query(f"/v2/{self.name}/blobs/uploads/", **source))
        if answer.status == 202:
            assert self.client.delete(answer.location).status == 204
        return answer

    def delete_blob(self):
        return self.client.delete(f"/v2/{self.name}/blobs/{digest_of(self.blob)}")

    def delete_manifest(self):
        return self.client.delete(f"/v2/{self.name}/manifests/{self.image.digest}")

    def delete_tag(self):
        return self.client.delete(f"/v2/{self.name}/manifests/tag")

    def list_tags(self):
        return self.client.get(f"/v2/{self.name}/tags/list")

    def list_catalog(self):
        return self.client.get("/v2/_catalog")

    STEPS = {
        push: (201,),
        pull: (200, 404),
        push_image: (201, 400),
        get_manifest: (200, 404),
        mount: (201, 202),
        delete_blob: (202, 404),
        delete_manifest: (202, 404),
        delete_tag: (202, 404),
        list_tags: (200, 404),
        list_catalog: (200,),
    }


@pytest.mark.ours("writes never show half")
@pytest.mark.parametrize("seed", range(2))
def test_many_clients_do_everything_at_once(pair, repo, seed):
    def work(number):
        visitor = Visitor(repo, f"{seed} {number}")

        def run():
            with pair[number % 2].client() as client:
                for _ in range(40):
                    visitor.step(client)

        return run

    race(*[work(number) for number in range(12)])


def test_slow_push_and_pull_do_not_delay_others(fs_registry, fs_client, repo):
    """Transfers that stand still, and a client that asks for small things meanwhile."""
    digest = fs_client.push_blob(repo, random_bytes(8 << 20, repo))
    fs_client.push_image(repo, "latest", image(repo))
    stalled = []
    for _ in range(10):
        pull = fs_registry.connect(receive_buffer=4096)
        pull.send_head("GET", f"/v2/{repo}/blobs/{digest}")
        push = fs_registry.connect()
        target = fs_client.start_upload(repo)
        push.send_head("PATCH", target, [("Content-Length", 1 << 30)]).send(b"x" * 100_000)
        stalled += [pull, push]
    for _ in range(50):
        assert fs_client.get_manifest(repo, "latest", SCHEMA2).status == 200
    for connection in stalled:
        connection.close()
