"""A secret is found in every form, and nothing else is taken for it."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.triage import redaction
from importer.triage.redaction import MASK, Secret, note_echo, redact
from tests.conftest import Serve
from tests.harness.running import KEY, Program, issue_row, read_csv, write_csv

SECRET = 'org_canary/3f9c+1d"77'
FORMS = {
    "as it is": SECRET,
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON, each sign": "".join(f"\\u{ord(sign):04X}" for sign in SECRET),
    "JSON with \\/": SECRET.replace("/", "\\/"),
    "Python": "".join(f"\\x{ord(sign):02x}" for sign in SECRET),
    "URL": quote(SECRET, safe=""),
    "URL, each sign": "".join(f"%{ord(sign):02x}" for sign in SECRET),
    "HTML": html.escape(SECRET),
    "HTML, each sign": "".join(f"&#{ord(sign)};" for sign in SECRET),
    "HTML in hex": "".join(f"&#x00{ord(sign):X};" for sign in SECRET),
    "mixed": "".join(sign if place % 2 else f"%{ord(sign):02X}" for place, sign in enumerate(SECRET)),
    "UTF-16 in JSON": "\\u0000".join(SECRET).replace('"', '\\"'),
    "hex": SECRET.encode().hex(),
    "hex in capitals": SECRET.encode().hex().upper(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str) -> None:
    """It is noticed in an answer, and nothing of it is left in a text or in bytes."""
    secret, text = Secret(SECRET), f'{{"ä": "{FORMS[form]}"}}'
    assert secret.is_in(text.encode())
    assert secret.mask(text) == f'{{"ä": "{MASK}"}}'
    assert secret.mask(text.encode()) == f'{{"ä": "{MASK}"}}'.encode()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16(encoding: str) -> None:
    """As bytes, and as what they become where they are read as UTF-8."""
    secret, raw = Secret(SECRET), f"ä {SECRET} ö".encode(encoding)
    assert secret.is_in(raw)
    for shown in (secret.mask(raw).decode("utf-8", "replace"), secret.mask(raw.decode("utf-8", "replace"))):
        assert "canary" not in shown.replace("\0", "")
        assert MASK in shown


@pytest.mark.parametrize("before", ["", "B", "Be", "Bearer "])
def test_base64(before: str) -> None:
    """Wherever it begins; what is beside it may stay."""
    secret, whole = Secret(SECRET), f"{before}{SECRET} and more".encode()
    for raw in (b64encode(whole), urlsafe_b64encode(whole)):
        assert secret.is_in(raw)
        masked = secret.mask(raw)
        assert not secret.is_in(masked)
        assert MASK.encode() in masked


@given(st.text(max_size=200), st.text(max_size=200))
def test_other_texts(before: str, after: str) -> None:
    """Nothing else is taken for it, and whatever stands beside it stays."""
    secret = Secret(SECRET)
    text = before + after
    assert SECRET in text or (not secret.is_in(text.encode()) and secret.mask(text) == text)
    assert secret.mask(f"{before} {SECRET} {after}") == f"{before} {MASK} {after}"


def test_only_what_was_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are left alone until then: a source's own words are none of a target's."""
    monkeypatch.setattr(redaction, "_echoed", {})
    assert redact(SECRET) == SECRET
    note_echo(Secret(SECRET))
    assert (redact(SECRET), redact(SECRET.encode())) == (MASK, MASK.encode())


def test_an_issue_that_has_the_key_in_its_text(program: Program, serve: Serve) -> None:
    """Somebody has pasted it: what is in Triage is what was sent, and nobody has changed it, in any command."""
    sandbox = serve()
    rows = [issue_row(1, title=f"Why is {KEY} refused?"), (*issue_row(2)[:-1], f"Is {KEY} for PROJ-1?")]
    send = ("run", write_csv(Path("a.csv"), rows), "-m", "jira", "--api-url", sandbox.url, "--yes", "--json")
    ended = program(*send, "--rate", "0")
    assert (ended.code, ended.outcomes()) == (0, {"created": 2}), ended.err
    assert "is stored otherwise" not in ended.err
    verified = program("verify", "last", "--json", "--rate", "0")
    assert (verified.code, verified.summary["same"]) == (0, 2), verified.err
    first, second = sorted(sandbox.issues(), key=lambda issue: issue["title"] == "Title 2")
    assert f"Is {KEY} for PROJ-1 ({first['triage_id']})?" in second["description"], "numbers are put beside keys"
    rows[0] = issue_row(1, title=f"Why was {KEY} refused?")
    write_csv(Path("a.csv"), rows)
    ended = program(*send, "--rate", "0", "--on-change", "update")
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1, "unchanged": 1}), ended.err
    assert {issue["title"] for issue in sandbox.issues()} == {f"Why was {KEY} refused?", "Title 2"}
    undone = program("undo", ended.summary["run_id"].rpartition("-")[0] + "-1", "--close", "--json", "--rate", "0")
    assert undone.summary["findings"] == {"untouched": 2}, undone.err


def test_a_rehearsal_has_no_key_to_be_found(program: Program) -> None:
    """The word `sandbox` in an issue is no echo of the sandbox's own key."""
    rows = [issue_row(1, title="The sandbox is open"), (*issue_row(2)[:-1], "Which sandbox?")]
    assert program("run", write_csv(Path("a.csv"), rows), "-m", "jira", "--sandbox").code == 0
    verified = program("verify", "last", "--json")
    assert verified.summary["same"] == 2, verified.err
    assert [line["verdict"] for line in read_csv(Path(verified.summary["out"]) / "verify.csv")] == ["same", "same"]


def test_a_key_that_is_too_short(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is sent, although the sandbox itself takes any."""
    sandbox = serve()
    monkeypatch.setenv("BLAND_API_KEY", "any")
    write_csv(Path("a.csv"), [issue_row(1)])
    ended = program("run", "a.csv", "-m", "jira", "--api-url", sandbox.url, "--yes")
    assert ended.code == 2
    assert "The API key has fewer than 8 characters" in ended.err
    assert sandbox.issues() == []
