# SPDX-License-Identifier: Apache-2.0
"""Ten thousand repositories, ten thousand tags: every page, in one order on every driver."""
import random

import pytest
from support.check import assert_error
from support.client import head
from support.content import SCHEMA2, digest_of, image
from support.registry import Registry

COUNT = 10_000
BLOB = b"in all of them"


def _names():
    """Flat, nested, and with all characters that sort around `/`; made anew the same each time."""
    rng = random.Random("ten thousand repositories")
    names = set()
    while len(names) < COUNT:
        parts = []
        for _ in range(rng.randint(1, 3)):
            word = "".join(rng.choices("ab1z", k=rng.randint(1, 3)))
            parts.append(word + rng.choice(["", "", "-x", ".x", "_x", "__9", "--a", "0"]))
        names.add("/".join(parts))
    return names


NAMES = sorted(_names(), key=lambda name: name.replace("/", "\0"))
TAGS = sorted({f"v{n // 100}.{n % 100}{'-rc' * (n % 3 == 0)}" for n in range(COUNT)} | {"A", "_"})


def _send_all(registry, requests):
    """Many (method, target, headers, body) over one connection, a hundred ahead of the replies."""
    with registry.connect() as connection:
        for start in range(0, len(requests), 100):
            batch = requests[start : start + 100]
            data = b""
            for method, target, headers, body in batch:
                headers = {**headers, "Content-Length": len(body)}
                data += head(method, target, headers, address=registry.address) + body
            connection.send(data)
            for method, *_ in batch:
                assert connection.read_response(method).status == 201


def _fill_files(registry, client):
    """What a push leaves, written by hand: ten thousand pushes would sync every file."""
    client.push_blob(NAMES[0], BLOB)
    link = digest_of(BLOB).encode()
    for name in NAMES[1:]:
        path = registry.repository_path(name) / "_layers" / digest_of(BLOB).replace(":", "/")
        path.mkdir(parents=True)
        (path / "link").write_bytes(link)
    client.push_image("tagged", TAGS[0], image("many"))
    tags = registry.repository_path("tagged") / "_manifests/tags"
    for tag in TAGS[1:]:
        (tags / tag / "current").mkdir(parents=True)
        (tags / tag / "current/link").write_text(image("many").digest)


def _fill_memory(registry, client):
    client.push_blob(NAMES[0], BLOB)
    query = f"?mount={digest_of(BLOB)}&from={NAMES[0]}"
    mounts = [("POST", f"/v2/{name}/blobs/uploads/{query}", {}, b"") for name in NAMES[1:]]
    _send_all(registry, mounts)
    value = image("many")
    client.push_image("tagged", TAGS[0], value)
    kind = {"Content-Type": SCHEMA2}
    puts = [("PUT", f"/v2/tagged/manifests/{tag}", kind, value.manifest) for tag in TAGS[1:]]
    _send_all(registry, puts)


@pytest.fixture(scope="module", params=["filesystem", "inmemory"])
def many(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("many")
    settings = {"log.level": "info"}
    with Registry(directory, storage=request.param, settings=settings) as registry:
        with registry.client(timeout=600) as client:
            (_fill_files if request.param == "filesystem" else _fill_memory)(registry, client)
            yield client


def walk(client, target, key):
    """All entries, page by page; the sizes of the pages."""
    seen, sizes = [], []
    while target:
        response = client.get(target)
        assert response.status == 200, response
        seen += response.json()[key]
        sizes.append(len(response.json()[key]))
        link = response.header("Link")
        target = link and link[link.index("<") + 1 : link.index(">")]
    return seen, sizes


EXPECTED_NAMES = sorted([*NAMES, "tagged"], key=lambda name: name.replace("/", "\0"))


@pytest.mark.ours("pages follow one order")
@pytest.mark.parametrize("size", [1000, 997])
def test_pages_of_the_catalog_are_all_repositories_in_order(many, size):
    seen, sizes = walk(many, f"/v2/_catalog?n={size}", "repositories")
    assert seen == EXPECTED_NAMES
    full, rest = divmod(len(EXPECTED_NAMES), size)
    assert sizes == [size] * full + ([rest] if rest else [])


def test_catalog_without_n_is_a_hundred_and_a_link(many):
    response = many.get("/v2/_catalog")
    assert len(response.json()["repositories"]) == 100
    assert "n=100>" in response.header("Link")
    assert_error(many.get("/v2/_catalog?n=10000"), 400, "PAGINATION_NUMBER_INVALID", {"n": 10000})


@pytest.mark.ours("pages follow one order")
@pytest.mark.parametrize("last", ["a", "b/", "z-x/1", "m", NAMES[5000], NAMES[-1], "\u00e9"])
def test_page_of_the_catalog_begins_after_last(many, last):
    after = [n for n in EXPECTED_NAMES if n.replace("/", "\0") > last.replace("/", "\0")]
    response = many.request("GET", "/v2/_catalog?n=50&last=" + last.replace("\u00e9", "%C3%A9"))
    assert response.json()["repositories"] == after[:50]


@pytest.mark.ours("tags come in pages")
@pytest.mark.parametrize("size", [1000, 3333, len(TAGS)])
def test_pages_of_tags_are_all_tags_in_order(many, size):
    seen, sizes = walk(many, f"/v2/tagged/tags/list?n={size}", "tags")
    assert seen == TAGS
    assert max(sizes) == size


@pytest.mark.ours("tags are sorted on every driver")
def test_tags_without_n_are_all_of_them(many):
    response = many.get("/v2/tagged/tags/list")
    assert response.json() == {"name": "tagged", "tags": TAGS}
    assert response.header("Link") is None
    assert response.header("Content-Length") == str(len(response.body))
