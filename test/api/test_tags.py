# SPDX-License-Identifier: Apache-2.0
"""The tags of a repository and their pages."""
import urllib.parse

import pytest
from support.check import JSON_TYPE, assert_error
from support.content import SCHEMA2, image

# Bytewise: digits, upper case, `_`, lower case; `-` and `.` before them all.
TAGS = ["0", "1.0", "1.0-rc", "10", "2", "A", "Z", "_x", "a", "a-b", "a.b", "aa", "b", "t" * 128]


@pytest.fixture
def tagged(client, repo):
    """A repository with TAGS, pushed in another order."""
    value = image(repo)
    client.push_image(repo, "b", value)
    for tag in reversed(TAGS):
        client.push_manifest(repo, tag, value.manifest, SCHEMA2)
    return repo


def page(client, repo, query=""):
    response = client.get(f"/v2/{repo}/tags/list{query}")
    assert response.status == 200, response
    assert response.header("Content-Type") == JSON_TYPE
    assert response.json()["name"] == repo
    return response.json()["tags"], response.header("Link")


def test_list_is_exactly_this_json(client, repo):
    client.push_image(repo, "latest", image(repo))
    response = client.get(f"/v2/{repo}/tags/list")
    assert response.status == 200
    assert response.body == b'{"name":"%s","tags":["latest"]}\n' % repo.encode()
    assert response.header("Content-Length") == str(len(response.body))
    assert response.header("Link") is None


@pytest.mark.ours("tags are sorted on every driver")
def test_tags_are_sorted_bytewise(client, tagged):
    assert page(client, tagged) == (TAGS, None)


def test_every_tag_is_listed_once(client, tagged):
    tags, _ = page(client, tagged)
    assert sorted(tags) == sorted(TAGS)


@pytest.mark.ours("tags come in pages")
@pytest.mark.parametrize("size", [1, 2, 5, len(TAGS) - 1, len(TAGS), 100])
def test_links_lead_through_all_tags(client, tagged, size):
    seen = []
    query = f"?n={size}"
    while True:
        tags, link = page(client, tagged, query)
        seen += tags
        if link is None:
            break
        assert len(tags) == size
        target = urllib.parse.quote(tags[-1], safe="")
        assert link == f'</v2/{tagged}/tags/list?last={target}&n={size}>; rel="next"'
        query = link[link.index("?") : link.index(">")]
    assert seen == TAGS


@pytest.mark.ours("tags come in pages")
def test_n_0_is_an_empty_page_without_link(client, tagged):
    assert page(client, tagged, "?n=0") == ([], None)


@pytest.mark.ours("tags come in pages")
@pytest.mark.parametrize("last", ["", "1.0", "a", "0zz", "B", "aab", "t" * 128, "zzz", "b&n=1"])
def test_last_need_not_exist(client, tagged, last):
    query = "?" + urllib.parse.urlencode({"last": last})
    assert page(client, tagged, query) == ([tag for tag in TAGS if tag > last], None)


@pytest.mark.ours("tags come in pages")
def test_n_and_last_go_together(client, tagged):
    tags, link = page(client, tagged, "?n=2&last=1.0&ignored=x")
    assert tags == ["1.0-rc", "10"]
    assert link == f'</v2/{tagged}/tags/list?last=10&n=2>; rel="next"'


@pytest.mark.ours("tags come in pages")
@pytest.mark.parametrize("n", ["-1", "x", "1.5", "99999999999999999999", "0x10", "+1x"])
def test_n_that_is_no_number_is_400(client, tagged, n):
    response = client.get(f"/v2/{tagged}/tags/list?n={n}")
    assert_error(response, 400, "PAGINATION_NUMBER_INVALID")


@pytest.mark.parametrize(
    "tag", ["link", "current", "index", "data", "_layers", "a..b", "A-.-", "_", "0", "latest.tmp"]
)
def test_tag_may_be_named_like_anything(client, repo, tag):
    value = image(repo)
    client.push_image(repo, tag, value)
    assert client.get_manifest(repo, tag, SCHEMA2).body == value.manifest
    assert page(client, repo)[0] == [tag]


@pytest.mark.ours("tags come in pages")
def test_thousands_of_tags(fs_registry, fs_client, repo):
    fs_client.push_image(repo, "latest", image(repo))
    tags = fs_registry.repository_path(repo) / "_manifests/tags"
    digest = (tags / "latest/current/link").read_bytes()
    for number in range(5000):
        current = tags / f"v{number}/current"
        current.mkdir(parents=True)
        (current / "link").write_bytes(digest)
    wanted = sorted(["latest"] + [f"v{number}" for number in range(5000)])
    assert page(fs_client, repo) == (wanted, None)
    assert page(fs_client, repo, "?n=1000&last=v2")[0] == wanted[wanted.index("v2") + 1 :][:1000]


def test_unknown_repository_is_404_with_its_name(client, repo):
    response = client.get(f"/v2/{repo}/tags/list")
    assert_error(response, 404, "NAME_UNKNOWN", {"name": repo})
    client.push_blob(repo, b"only a blob")
    assert_error(client.get(f"/v2/{repo}/tags/list"), 404, "NAME_UNKNOWN", {"name": repo})


def test_repository_whose_tags_are_all_gone_has_no_tags(registry, client, repo):
    value = image(repo)
    client.push_image(repo, "latest", value)
    assert client.delete(f"/v2/{repo}/manifests/{value.digest}").status == 202
    response = client.get(f"/v2/{repo}/tags/list")
    if registry.storage == "s3":  # a bucket has no empty directories, and upstream knows no better
        assert_error(response, 404, "NAME_UNKNOWN", {"name": repo})
        return
    assert response.status == 200
    assert response.json() in ({"name": repo, "tags": None}, {"name": repo, "tags": []})


def test_tags_of_a_nested_repository_are_its_own(client, repo):
    for name, tag in [(repo, "outer"), (f"{repo}/nested", "inner")]:
        client.push_image(name, tag, image(name))
    assert page(client, repo)[0] == ["outer"]
    assert page(client, f"{repo}/nested")[0] == ["inner"]
