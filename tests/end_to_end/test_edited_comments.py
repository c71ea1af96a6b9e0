"""Comments that were edited in the source since they came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.running import Ended, Program, read_csv
from tests.harness.unmarked import unmarked

MAPPING = """
input: {name: demo, key: {path: key}}
title: {path: title}
severity: {value: low}
status: {value: todo}
category: {value: General}
comments: {open: OPEN, from: [{path: comments, each: {text: text, author: author, id: id}}]}
"""


@pytest.mark.parametrize("bundling", ["separate", "fold"])
def test_what_was_edited_is_reported_and_not_added_again(program: Program, serve: Serve, bundling: str) -> None:
    """Its row says so in each run; a new comment beside it is added, and a lost ledger takes in what is there."""
    sandbox = serve()
    Path("demo.yaml").write_text(MAPPING.replace("OPEN", bundling), encoding="utf-8")

    def run(*comments: dict[str, Any]) -> tuple[Ended, dict[str, str]]:
        records = [{"key": "D-1", "title": "One", "comments": comments}, {"key": "D-2", "title": "Two"}]
        Path("demo.json").write_text(json.dumps(records), encoding="utf-8")
        ended = program("run", "demo.json", "-m", "demo.yaml", "--api-url", sandbox.url, "--yes", "--json", "--rate",
                        "0", "--no-canary", "--out", "reports")  # fmt: skip
        assert ended.code == ExitCode.DONE, ended.err
        return ended, read_csv(Path("reports/results.csv"))[0]

    def there() -> list[str]:
        return [text for each in sandbox.comments() for text in unmarked(each["detail"]).split("\n\n---\n\n")]

    one, two = {"id": 1, "author": "Ann", "text": "one"}, {"id": 2, "author": "Bob", "text": "two"}
    run(one, two)
    assert there() == ["Ann\n\none", "Bob\n\ntwo"]
    edited = one | {"text": "one, I mean"}
    ended, row = run(edited, two)
    assert (row["outcome"], row["code"]) == ("unchanged", "comment-edited")
    assert ended.summary["findings"] == {"comment-edited": 1}
    _, row = run(edited, two, {"id": 3, "author": "Ann", "text": "three"})
    assert (row["outcome"], row["code"]) == ("updated", "comment-edited")
    assert there() == ["Ann\n\none", "Bob\n\ntwo", "Ann\n\nthree"]
    program.ledger.unlink()
    run(edited, two, {"id": 3, "author": "Ann", "text": "three"})
    assert len(there()) == 3
