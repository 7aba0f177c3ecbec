# SPDX-License-Identifier: Apache-2.0
"""Registries on one bucket, each behind a fault proxy of its own, for cases that run side by side.

    with Shards(ceph, start_s3_registry, {"storage.s3.stalltimeout": "1s"}) as shards:
        shards.each_of(range(1, 9), lambda registry, proxy, number: ...)
"""
import concurrent.futures
import contextlib
import queue

from support.client import OCTETS
from support.content import digest_of
from support.fault_proxy import FaultProxy

COUNT = 16  # they wait more than they work


class Shards:
    def __init__(self, service, start_s3_registry, settings=None):
        self.service = service
        self.start = start_s3_registry
        self.settings = {"storage.redirect.disable": True} | (settings or {})
        self.all = []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for _ in range(COUNT):
                proxy = stack.enter_context(FaultProxy(("127.0.0.1", self.service.port)))
                self.all.append((self.start(self.settings, url=proxy.url), proxy))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def each_of(self, cases, run):
        """run(registry, proxy, case) for each case, as many at once as there are shards."""
        free = queue.SimpleQueue()
        for shard in self.all:
            free.put(shard)

        def run_one(case):
            registry, proxy = free.get()
            try:
                run(registry, proxy, case)
            finally:
                proxy.plan = lambda request: None
                free.put((registry, proxy))

        with concurrent.futures.ThreadPoolExecutor(len(self.all)) as pool:
            for done in [pool.submit(run_one, case) for case in cases]:
                done.result()


def push_and_pull(client, repository, data):
    """Chunked, so that there are parts, a short end, and a copy; 200 at the end, or what failed."""
    digest = digest_of(data)
    cut = len(data) - 7
    answer = client.post(f"/v2/{repository}/blobs/uploads/")
    for begin, end in ((0, cut), (cut, len(data))):
        if answer.status != 202:
            return answer.status
        headers = {"Content-Type": OCTETS, "Content-Range": f"{begin}-{end - 1}"}
        answer = client.patch(answer.location, headers, data[begin:end])
    if answer.status != 202:
        return answer.status
    answer = client.put(f"{answer.location}&digest={digest}", {"Content-Type": OCTETS})
    if answer.status != 201:
        return answer.status
    answer = client.get(f"/v2/{repository}/blobs/{digest}")
    assert answer.status != 200 or answer.body == data
    return answer.status


def push_and_pull_image(client, repository, image):
    """An image by its tag, and what clients ask before and after; 200 at the end, or what failed."""
    for blob in image.blobs:
        status = client.head(f"/v2/{repository}/blobs/{digest_of(blob)}").status
        if status == 404:
            status = push_and_pull(client, repository, blob)
        if status != 200:
            return status
    answer = client.put_manifest(repository, "v1", image.manifest, image.media_type)
    if answer.status != 201:
        return answer.status
    answer = client.get_manifest(repository, "v1", image.media_type)
    assert answer.status != 200 or answer.body == image.manifest
    return answer.status if answer.status != 200 else client.get(f"/v2/{repository}/tags/list").status


def fault_at(proxy, number, fault):
    """The @number-th request from now on meets @fault. Returns a list of the requests that did."""
    first = len(proxy.requests)
    met = []

    def plan(request):
        if request.number != first + number:
            return None
        met.append(request)
        return fault

    proxy.plan = plan
    return met
