"""A file that is part of more says so, in the form of each tracker's API: both numbers, refused by `--strict`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.running import Program

MAPPING = """\
input: {name: pages, key: id, format: json, records: PATH}
title: title
severity: {value: low}
status: {value: todo}
category: {value: Bug}
"""
GRAPH = "data.project.issues.nodes"
ALL = None
LINK = "https://api.example/page/2"


def answer(path: str, ids: range, said: dict[str, Any]) -> dict[str, Any]:
    """One page: the records at a path, and what stands beside them; `/` before a key puts it at the top."""
    keys = path.split(".")
    inner: dict[str, Any] = {keys[-1]: [{"id": f"I-{number}", "title": f"t{number}"} for number in ids]}
    inner |= {key: value for key, value in said.items() if not key.startswith("/")}
    for key in reversed(keys[:-1]):
        inner = {key: inner}
    return inner | {key[1:]: value for key, value in said.items() if key.startswith("/")}


def check(program: Program, path: str, pages: list[dict[str, Any]], *options: str, accept: str = "") -> str:
    """What `run` says of pages, each in a file of its own; all their rows are good."""
    names = []
    for number, page in enumerate(pages):
        names.append(f"p{number}.json")
        (program.folder / names[-1]).write_text(json.dumps(page), encoding="utf-8")
    mapping = MAPPING.replace("PATH", f"{path}{accept}")
    (program.folder / "pages.yaml").write_text(mapping, encoding="utf-8")
    ended = program("run", *names, "-m", "pages.yaml", "--sandbox", "--yes", "--json", *options)
    assert ended.code == (2 if "Nothing was sent" in ended.err else 0)
    return ended.err


FORMS: list[tuple[str, str, dict[str, Any], int | str | None]] = [
    ("jira search", "issues", {"startAt": 0, "maxResults": 50, "total": 500}, 500),
    ("jira search by token", "issues", {"isLast": False, "nextPageToken": "Ch0j"}, "isLast"),
    ("jira service management", "values", {"start": 0, "size": 1, "isLastPage": False}, "isLastPage"),
    (
        "github and linear graphql",
        GRAPH,
        {"totalCount": 300, "pageInfo": {"hasNextPage": True, "endCursor": "Y3"}},
        300,
    ),
    ("linear graphql", GRAPH, {"pageInfo": {"hasNextPage": True, "endCursor": "e1"}}, "pageInfo.hasNextPage"),
    ("gitlab graphql", GRAPH, {"count": 77, "pageInfo": {"hasNextPage": True}}, 77),
    ("github search", "items", {"total_count": 40, "incomplete_results": False}, 40),
    ("zendesk", "tickets", {"next_page": LINK, "previous_page": None, "count": 150}, 150),
    ("zendesk by cursor", "tickets", {"meta": {"has_more": True}, "links": {"next": LINK}}, "meta.has_more"),
    ("zendesk incremental", "tickets", {"end_of_stream": False, "after_url": LINK, "count": 1}, "end_of_stream"),
    ("asana", "data", {"next_page": {"offset": "eyJ0", "path": "/tasks", "uri": LINK}}, "next_page.offset"),
    ("youtrack and redmine", "issues", {"total_count": 60, "offset": 0, "limit": 1}, 60),
    ("bugzilla", "bugs", {"total_matches": 12, "limit": 1, "offset": 0}, 12),
    ("azure odata", "value", {"@odata.count": 9, "@odata.nextLink": LINK}, 9),
    ("azure list", "value", {"count": 1, "continuationToken": "abc"}, "continuationToken"),
    ("clickup", "tasks", {"last_page": False}, "last_page"),
    ("notion", "results", {"has_more": True, "next_cursor": "5a6b"}, "has_more"),
    ("monday", "data.boards.items_page.items", {"cursor": "MSw5"}, "cursor"),
    ("hubspot", "results", {"paging": {"next": {"after": "100", "link": LINK}}}, "paging.next.after"),
    ("intercom", "data", {"total_count": 21, "pages": {"next": {"page": 2, "starting_after": "x"}}}, 21),
    ("help scout", "_embedded.conversations", {"/page": {"size": 25, "totalElements": 31, "number": 1}}, 31),
    ("bitbucket", "values", {"pagelen": 1, "page": 1, "next": LINK}, "next"),
    ("phabricator", "result.data", {"cursor": {"limit": 100, "after": "11", "before": None}}, "cursor.after"),
    ("plane", "results", {"next_cursor": "1:1:0", "next_page_results": True, "total_results": 8}, 8),
    ("launchpad", "entries", {"total_size": 76, "start": 0, "next_collection_link": LINK}, 76),
    ("airtable", "records", {"offset": "itrA/recB"}, "offset"),
    ("salesforce", "records", {"totalSize": 2500, "done": False, "nextRecordsUrl": "/q/01g"}, 2500),
    ("rally", "QueryResult.Results", {"TotalResultCount": 5, "StartIndex": 1, "PageSize": 1}, 5),
    ("incident.io", "incidents", {"pagination_meta": {"after": "01F", "total_record_count": 4}}, 4),
    ("elasticsearch", "hits.hits", {"total": {"value": 10000, "relation": "gte"}}, 10000),
    ("pagerduty", "incidents", {"limit": 1, "offset": 0, "total": None, "more": True}, "more"),
    ("triage", "data.items", {"next_cursor": "b1"}, "next_cursor"),
    ("pages of so many", "data", {"page": 1, "per_page": 1, "total_pages": 9}, "total_pages"),
    ("pages in an object", "data", {"pagination": {"page": 1, "pages": 4}}, "pagination.pages"),
    ("pages in capitals", "data", {"currentPage": 1, "totalPages": 5}, "totalPages"),
    ("truncated", "data", {"truncated": True}, "truncated"),
    ("numbers as text", "bugs", {"total_matches": "77"}, 77),
    ("the last of its pages", "data", {"page": 9, "total_pages": "9", "truncated": False}, ALL),
    ("a cursor of digits", "results", {"next_cursor": "100"}, "next_cursor"),
    ("a whole search", "issues", {"startAt": 0, "maxResults": 50, "total": 1, "isLast": True}, ALL),
    ("a last page", GRAPH, {"pageInfo": {"hasNextPage": False, "endCursor": "Y3"}, "totalCount": 1}, ALL),
    ("no next page", "tickets", {"next_page": None, "previous_page": None, "count": 1}, ALL),
    ("plane's last page", "results", {"next_cursor": "1:1:0", "next_page_results": False}, ALL),
    ("a page's own count", "value", {"count": 1}, ALL),
]


@pytest.mark.parametrize(("path", "said", "more"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_each_form(program: Program, path: str, said: dict[str, Any], more: int | str | None) -> None:
    """A page with one record says how many there are, or that others follow; nothing is sent with `--strict`."""
    page = answer(path, range(1), said)
    err = check(program, path, [page], "--strict")
    expected = f"1 record of {more:,} that" if isinstance(more, int) else f"1 record, and others follow: see `{more}`"
    assert (expected in err) is (more is not ALL)
    assert ("Nothing was sent: --strict: the files have 1 record" in err) is (more is not ALL)


def test_a_part_that_is_expected(program: Program) -> None:
    """Where the mapping says that a file is a part, nothing is said of the rest, and `--strict` sends it."""
    for _, path, said, _ in FORMS[:2]:
        page = answer(path, range(1), said)
        assert "the files have" not in check(program, path, [page], "--strict", accept=", partial: expected")


def offsets(*pages: tuple[int, int, int]) -> list[dict[str, Any]]:
    """Pages of Jira's search, by their first and last record and the total that they say."""
    return [answer("issues", range(at, end), {"startAt": at, "total": total}) for at, end, total in pages]


def links(*pages: tuple[int, int, bool]) -> list[dict[str, Any]]:
    """Pages that only say whether others follow."""
    return [answer("issues", range(at, end), {"has_more": more}) for at, end, more in pages]


@pytest.mark.parametrize(
    ("make", "missing"),
    [
        (lambda: offsets((0, 2, 5), (4, 5, 5), (2, 4, 5)), ""),
        (lambda: offsets((0, 2, 3), (2, 4, 4)), ""),  # one was created meanwhile
        (lambda: offsets((0, 2, 6), (4, 6, 6)), "4 records of 6"),
        (
            lambda: offsets((0, 3, 3), (0, 2, 9), (0, 2, 8)),
            "7 records of 20",
        ),  # three projects, the first pages of each
        (lambda: offsets((2, 4, 9)), "2 records of 9"),
        (lambda: links((0, 2, True), (2, 3, False)), ""),
        (lambda: links((0, 2, True), (2, 3, True)), "3 records, and others follow: see `has_more`"),
    ],
)
def test_pages_of_several_files(program: Program, make: Callable[[], list[dict[str, Any]]], missing: str) -> None:
    """They are one source, in any order and of several searches."""
    pages = make()
    for number, page in enumerate(pages):
        for record in page["issues"]:
            record["id"] = f"{number}-{record['id']}"
    err = check(program, "issues", pages)
    assert missing in err
    assert ("the files have" in err) is bool(missing)


def test_a_part_of_a_source_is_in_the_reports(program: Program) -> None:
    """The summary and the page have both numbers; with `--limit` nothing is said, for the rest wasn't read."""
    check(program, "issues", offsets((0, 2, 500)))
    ended = program("validate", "p0.json", "-m", "pages.yaml", "--json", "--out", "whole")
    assert ended.summary["counted"]["issues"] == {"source_says": 500, "file_has": 2, "planned": 0, "sent": 0}
    page = Path(program.folder / "whole" / "report.html").read_text(encoding="utf-8")
    assert '<td class="n">500</td><td class="n">2</td>' in page
    assert "the files have" not in program("validate", "p0.json", "-m", "pages.yaml", "--limit", "1").err
