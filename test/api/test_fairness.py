# SPDX-License-Identifier: Apache-2.0
"""Very many tags and repositories: right answers, while others are served. Figures: ./dev bench."""
import os
import threading

import pytest
from support import many
from support.content import SCHEMA2, image

COUNT = int(os.environ.get("KIST_TEST_MANY", "20000"))


@pytest.fixture(scope="module")
def crowded(fs_registry):
    """A registry with COUNT tags of one image, in "tags", and COUNT repositories "n/...". """
    value = image("crowded")
    with fs_registry.client() as client:
        client.push_image("tags", "first", value)
        client.push_image("other", "v1", image("other"))
    many.make_tags(fs_registry.root, "tags", value.digest, COUNT)
    many.make_repositories(fs_registry.root, COUNT)
    return fs_registry


class Puller:
    """GETs one manifest again and again in a thread of its own; every answer must be right."""

    def __init__(self, registry):
        self.registry = registry
        self.is_done = threading.Event()
        self.count = 0
        self.problem = None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        wanted = image("other").manifest
        try:
            with self.registry.client() as client:
                while not self.is_done.is_set():
                    response = client.get_manifest("other", "v1", SCHEMA2)
                    assert response.status == 200 and response.body == wanted, response
                    self.count += 1
        except Exception as problem:  # told by the test, whatever it is
            self.problem = problem

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.is_done.set()
        self.thread.join()
        if kind is None:
            assert self.problem is None, self.problem
            assert self.count > 0


TAGS = sorted([*many.tags(COUNT), "first"])


@pytest.mark.ours("tags are sorted; long answers have a length")
def test_all_tags_are_listed_while_others_pull(crowded, fs_client):
    with Puller(crowded):
        response = fs_client.get("/v2/tags/tags/list")
        assert response.status == 200
        assert response.header("Content-Length") == str(len(response.body))
        assert response.json() == {"name": "tags", "tags": TAGS}
        assert fs_client.get("/v2/").status == 200


def test_head_of_a_long_list_has_no_body(crowded, fs_client):
    length = fs_client.get("/v2/tags/tags/list").header("Content-Length")
    response = fs_client.head("/v2/tags/tags/list")
    assert response.status in (200, 405)
    if response.status == 200:
        assert response.header("Content-Length") == length
    assert fs_client.get("/v2/").status == 200


@pytest.mark.ours("tags come in pages")
def test_pages_of_very_many_tags_are_whole(crowded, fs_client):
    with Puller(crowded):
        seen, query = [], f"?n={COUNT // 3}"
        while query:
            response = fs_client.get(f"/v2/tags/tags/list{query}")
            seen += response.json()["tags"]
            link = response.header("Link")
            query = link and link[link.index("?") : link.index(">")]
    assert seen == TAGS


def test_catalog_of_very_many_repositories(crowded, fs_client):
    with Puller(crowded):
        seen, query = [], "?n=1000"
        for _ in range(4):
            response = fs_client.get(f"/v2/_catalog{query}")
            seen += response.json()["repositories"]
            link = response.header("Link")
            query = link and link[link.index("?") : link.index(">")]
            if not query:
                break
    assert [name for name in seen if name.startswith("n/")] == many.repositories(COUNT)[: len(seen)]


def test_catalog_page_as_long_as_configured(start_registry):
    registry = start_registry(settings={"catalog.maxentries": 3000})
    many.make_repositories(registry.root, 3000)
    with registry.client() as client:
        response = client.get("/v2/_catalog?n=3000")
        assert response.json() == {"repositories": many.repositories(3000)}
        assert response.header("Link") is None


def test_foreign_names_beside_the_repositories_are_passed_over(start_registry):
    registry = start_registry()
    base = registry.root / "docker/registry/v2/repositories"
    for number in range(3000):
        (base / f"Foreign{number}").mkdir(parents=True)
    with registry.client() as client:
        client.push_blob("mine", b"x")
        assert client.get("/v2/_catalog").json() == {"repositories": ["mine"]}


def test_who_leaves_a_long_list_leaves_nothing_behind(crowded, fs_client):
    fs_client.get("/v2/")
    before = crowded.fd_count()
    for _ in range(10):
        with crowded.connect(receive_buffer=4096) as connection:
            connection.send_head("GET", "/v2/tags/tags/list")
            connection.read_head()
            connection.reset()
    for _ in range(10):
        with crowded.connect() as connection:
            connection.send_head("GET", "/v2/tags/tags/list")
            connection.reset()
    many.wait_for(lambda: crowded.fd_count() <= before, "descriptors are back")


@pytest.mark.ours("tags are sorted")
def test_manifest_with_very_many_tags_around_is_deleted_while_others_pull(crowded, fs_client):
    """Every tag has to be looked at; the one that points at it goes, all others stay."""
    value = image("short-lived")
    fs_client.push_image("tags", "short-lived", value)
    with Puller(crowded):
        assert fs_client.delete(f"/v2/tags/manifests/{value.digest}").status == 202
    assert fs_client.get_manifest("tags", "short-lived", SCHEMA2).status == 404
    assert fs_client.get("/v2/tags/tags/list").json()["tags"] == TAGS


def test_deletion_that_was_left_can_be_repeated(crowded, fs_client):
    value = image("left")
    fs_client.push_image("tags", "zz-left", value)
    with crowded.connect() as connection:
        connection.send_head("DELETE", f"/v2/tags/manifests/{value.digest}")
        connection.reset()
    assert fs_client.delete(f"/v2/tags/manifests/{value.digest}").status in (202, 404)
    assert fs_client.get_manifest("tags", value.digest, SCHEMA2).status == 404
    assert fs_client.get_manifest("tags", "zz-left", SCHEMA2).status == 404
