"""Files that only texts link to are listed, and their addresses work outside the old tracker: made-up records."""

from __future__ import annotations

import pytest

from tests.harness.brought import Bring

HASH = "0123456789abcdef" * 2
DAY = "2026-03-01T08:00:00Z"


def test_gitlab(bring: Bring) -> None:
    """A picture in a description or a note is the project's; code and other paths stay as they are."""
    text = f"![a](/uploads/{HASH}/a.png) and [doc](/doc/b.md)\n\n```\nGET /uploads/1\n```"
    note = {"body": f'<img src="/uploads/{HASH}/b.png" width="600">', "author": {"name": "Ann"}, "created_at": DAY}
    issue = {"id": 1, "iid": 7, "title": "T", "state": "opened", "description": text, "notes": [note]}
    found = bring("gitlab", [issue | {"web_url": "https://git.acme.test/a/b/-/issues/7"}])["a/b#7"]
    site = f"https://git.acme.test/a/b/uploads/{HASH}"
    assert found.description == text.replace(f"/uploads/{HASH}", site)
    assert found.comments[0][2] == f'<img src="{site}/b.png" width="600">'
    assert found.files == [("a.png", f"{site}/a.png"), ("b.png", f"{site}/b.png")]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://user-images.githubusercontent.com/7/1-a.png", "1-a.png"),
        ("https://private-user-images.githubusercontent.com/7/1-a.png?jwt=abc", "1-a.png"),
        ("https://cloud.githubusercontent.com/assets/7/1/a.png", "a.png"),
        ("https://github.com/user-attachments/files/7/log.txt", "log.txt"),
        ("https://github.com/acme/shop/assets/7/0f0f-1", "0f0f-1"),
    ],
)
def test_github(bring: Bring, address: str, name: str) -> None:
    """As GitHub has stored them over the years."""
    issue = {"number": 7, "title": "T", "state": "open", "body": f"See ![a]({address})."}
    found = bring("github", [issue | {"html_url": "https://github.com/acme/shop/issues/7"}])["acme/shop#7"]
    assert found.files == [(name, address)]
    assert found.description == issue["body"]


def test_linear(bring: Bring) -> None:
    """Linear's own store."""
    address = "https://uploads.linear.app/1f/2f/3f"
    issue = {"identifier": "ENG-1", "title": "T", "description": f"![a.png]({address})", "url": "https://linear.app/x"}
    assert bring("linear", [issue | {"state": {"name": "Todo"}, "priority": 2}])["ENG-1"].files == [("3f", address)]


def test_azuredevops(bring: Bring) -> None:
    """A picture in HTML."""
    address = "https://dev.azure.com/acme/p/_apis/wit/attachments/0f0f?fileName=a.png"
    fields = {"System.Title": "T", "System.WorkItemType": "Bug", "System.State": "New"}
    fields["System.Description"] = f'<div>See <img src="{address}" alt="a"></div>'
    found = bring("azuredevops", [{"id": 5, "rev": 1, "fields": fields}])["5"]
    assert found.files == [("0f0f", address)]


def test_bitbucket(bring: Bring) -> None:
    """A picture in Markdown."""
    address = "https://bitbucket.org/repo/aBc1/images/7-a.png"
    issue = {"id": 7, "title": "T", "state": "new", "kind": "bug", "priority": "major", "content": {"raw": address}}
    issue |= {"links": {"html": {"href": "https://bitbucket.org/acme/shop/issues/7/t"}}}
    issue |= {"repository": {"full_name": "acme/shop"}, "type": "issue"}
    (found,) = bring("bitbucket", [issue], source_name="bitbucket-shop").values()
    assert found.files == [("7-a.png", address)]
