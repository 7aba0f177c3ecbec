# SPDX-License-Identifier: Apache-2.0
"""The catalog of repositories and its pages."""
import urllib.parse

import pytest
from support.check import JSON_TYPE, assert_error
from support.registry import Registry

# In order: bytewise, `/` lowest.
NAMES = ["bar", "baz", "foo", "foo/bar/baz", "foo/x", "foo-bar", "foo.bar", "repo-a", "repo-a/x"]
NAMES += ["zz", "zz/a", "zz/a/b", "zza"]


@pytest.fixture(scope="module", params=["filesystem", "inmemory"])
def catalog(request, tmp_path_factory):
    """A client of a registry that holds NAMES and nothing else."""
    directory = tmp_path_factory.mktemp("catalog")
    with Registry(directory, storage=request.param) as registry, registry.client() as client:
        for name in reversed(NAMES):
            client.push_blob(name, b"x")
        client.start_upload("only/an/upload")
        yield client


def page(client, query=""):
    response = client.get(f"/v2/_catalog{query}")
    assert response.status == 200, response
    assert response.header("Content-Type") == JSON_TYPE
    assert list(response.json()) == ["repositories"]
    return response.json()["repositories"], response.header("Link")


def test_catalog_is_exactly_this_json(catalog):
    response = catalog.get("/v2/_catalog?n=2")
    assert response.body == b'{"repositories":["bar","baz"]}\n'
    assert response.header("Content-Length") == str(len(response.body))
    assert response.header("Link") == '</v2/_catalog?last=baz&n=2>; rel="next"'


def test_all_repositories_are_in_order(catalog):
    assert page(catalog) == (NAMES, None)


def test_repositories_with_an_upload_alone_are_not_listed(catalog):
    assert "only/an/upload" not in page(catalog)[0]


@pytest.mark.parametrize("size", [1, 2, 3, len(NAMES) - 1])
def test_links_lead_through_all_repositories(catalog, size):
    seen = []
    query = f"?n={size}"
    while True:
        names, link = page(catalog, query)
        seen += names
        if link is None:
            break
        last = urllib.parse.quote(names[-1], safe="")
        assert link == f'</v2/_catalog?last={last}&n={size}>; rel="next"'
        query = link[link.index("?") : link.index(">")]
    assert seen == NAMES


@pytest.mark.ours("a full page knows that it is the last")
@pytest.mark.parametrize("size", [len(NAMES), 1000])
def test_last_page_has_no_link(catalog, size):
    assert page(catalog, f"?n={size}") == (NAMES, None)


@pytest.mark.parametrize("last", ["foo", "fon", "foo/", "foo/bar", "a", "zzz", "foo/bar/baz/q"])
def test_last_need_not_exist(catalog, last):
    key = last.replace("/", "\0")
    wanted = [name for name in NAMES if name.replace("/", "\0") > key]
    assert page(catalog, "?" + urllib.parse.urlencode({"last": last})) == (wanted, None)


def test_link_keeps_nothing_else_of_the_query(catalog):
    _, link = page(catalog, "?x=y&n=1&last=bar&%zz")
    assert link == '</v2/_catalog?last=baz&n=1>; rel="next"'


def test_n_0_is_an_empty_page(catalog):
    assert page(catalog, "?n=0") == ([], None)


def test_empty_n_is_the_default(catalog):
    assert page(catalog, "?n=") == (NAMES, None)


@pytest.mark.ours("as 3.x: the tags list and the catalog agree")
@pytest.mark.parametrize("n", ["-1", "x", "1.5", "99999999999999999999"])
def test_n_that_is_no_number_is_400(catalog, n):
    response = catalog.get(f"/v2/_catalog?n={n}")
    assert_error(response, 400, "PAGINATION_NUMBER_INVALID", {"n": n})


def test_more_than_the_cap_is_400(catalog):
    assert page(catalog, "?n=1000") == (NAMES, None)
    response = catalog.get("/v2/_catalog?n=1001")
    assert_error(response, 400, "PAGINATION_NUMBER_INVALID", {"n": 1001})


def test_cap_is_configured(start_registry):
    registry = start_registry(storage="inmemory", settings={"catalog.maxentries": 2})
    with registry.client() as client:
        for name in ("a", "b", "c"):
            client.push_blob(name, b"x")
        assert page(client) == (["a", "b"], '</v2/_catalog?last=b&n=2>; rel="next"')
        response = client.get("/v2/_catalog?n=3")
        assert_error(response, 400, "PAGINATION_NUMBER_INVALID", {"n": 3})


@pytest.mark.parametrize("storage", ["filesystem", "inmemory"])
def test_empty_registry_has_an_empty_catalog(start_registry, storage):
    with start_registry(storage=storage).client() as client:
        assert client.get("/v2/_catalog").body == b'{"repositories":[]}\n'


@pytest.mark.ours("pages follow one order")
@pytest.mark.parametrize("storage", ["filesystem", "inmemory"])
def test_nested_names_with_digits_are_not_lost_between_pages(start_registry, storage):
    names = ["zz", "zz/1", "zz/a"]
    with start_registry(storage=storage).client() as client:
        for name in names:
            client.push_blob(name, b"x")
        seen, query = [], "?n=1"
        while query:
            found, link = page(client, query)
            seen += found
            query = link and link[link.index("?") : link.index(">")]
        assert seen == names


def test_deleted_content_leaves_the_repository_listed(start_registry):
    with start_registry().client() as client:
        digest = client.push_blob("emptied", b"x")
        assert client.delete(f"/v2/emptied/blobs/{digest}").status == 202
        assert page(client) == (["emptied"], None)
