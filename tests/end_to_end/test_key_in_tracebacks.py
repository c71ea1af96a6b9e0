"""Tools for errors show the variables of each frame: those of the program never have the API key."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import TracebackException
from types import FrameType
from typing import Any

import pytest

import importer
from importer.cli.main import main
from importer.library.caller import Question
from importer.library.declared import Section
from importer.triage.redaction import Secret
from tests.conftest import Serve
from tests.harness.echoing import echoing
from tests.harness.running import SAMPLES, Program, write_issues

CANARY = "org_canary-3f9c1d77"
JIRA = str(SAMPLES / "jira.csv")
OURS = str(Path(importer.__file__).parent)
SANDBOX = str(Path(OURS) / "sandbox")
NOBODY = "http://127.0.0.1:9"
WRITER, SEARCH = "_as_written", "redaction.py"
"""The function that writes the key into a request, and the module of its forms: both call nothing that can fail."""


def is_ours(file: str) -> bool:
    return file.startswith(OURS) and not file.startswith(SANDBOX)


def frames(error: TracebackException | None) -> Iterator[tuple[str, str, str]]:
    """Yield function, name and value of each variable of ours, of an error, its causes and what it came from."""
    if error is not None:
        for frame in error.stack:
            if is_ours(frame.filename):
                yield from ((frame.name, name, value) for name, value in (frame.locals or {}).items())
        yield from frames(error.__cause__)
        yield from frames(error.__context__)


def refuse(_: Question) -> bool:
    raise RuntimeError("whoever is asked has a bug")


def send(**arguments: Any) -> object:
    return importer.run(JIRA, mapping="jira", rate=0, **{"confirm": importer.YES, **arguments})


SLIPS: dict[str, Callable[[str], object]] = {
    "a target that nobody is at": lambda url: send(api_key=CANARY, api_url=NOBODY),
    "a target that refuses it": lambda url: send(api_key=CANARY, api_url=url),
    "a bug of whoever is asked": lambda url: send(api_key=CANARY, api_url=url, confirm=refuse),
    "another argument": lambda url: send(api_key=CANARY, limit=0),
    "two words": lambda url: send(api_key=f"{CANARY} {CANARY}", api_url=url),
    "other letters": lambda url: send(api_key=f"{CANARY}ä", api_url=url),
    "a list": lambda url: send(api_key=[CANARY, 1], api_url=url),
    "no run to verify": lambda url: importer.verify(api_key=CANARY),
    "no run to undo": lambda url: importer.undo(api_key=CANARY, confirm=importer.YES),
    "a file of two words": lambda url: send(api_key_file="two-words", api_url=url),
    "a file that is no text": lambda url: send(api_key_file="no-text", api_url=url),
    "the command line": lambda url: main(["run", JIRA, "-m", "jira", "--api-url", url, "--yes"]),
    "the command line, nobody there": lambda url: main(["run", JIRA, "-m", "jira", "--api-url", NOBODY, "--yes"]),
    "the command line, two words": lambda url: main(
        ["run", JIRA, "-m", "jira", "--api-url", url, "--yes", "--api-key-file", "two-words"]
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_no_traceback_with_variables(
    program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, slip: str
) -> None:
    """Whatever goes wrong with the key, and wherever it came from."""
    monkeypatch.setenv("BLAND_API_KEY", CANARY)
    Path("two-words").write_text(f"{CANARY} {CANARY}", encoding="utf-8")
    Path("no-text").write_bytes(CANARY.encode() + b"\xff\xff")
    with echoing(serve().url, str) as door:
        door.refusal = 0 if "bug" in slip else 401
        with pytest.raises((Exception, SystemExit)) as caught:
            SLIPS[slip](door.url)
    told = TracebackException.from_exception(caught.value, capture_locals=True)
    variables = list(frames(told))
    assert variables
    assert not [(function, name) for function, name, value in variables if CANARY in value]


def shows(value: object) -> bool:
    """Whether the key is to be seen in a value: of what is in its parts, that of a whole import would take minutes."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    return any(CANARY in repr(each) for each in parts if isinstance(each, str | bytes | Section))


@contextmanager
def watching(found: set[tuple[str, str]]) -> Iterator[None]:
    """Look at the variables of each function of ours when it calls another one, once the key is in its wrapper."""
    is_wrapped = False

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal is_wrapped
        caller = frame.f_back
        if event != "call" or caller is None or not is_ours(caller.f_code.co_filename):
            return
        function = caller.f_code.co_name
        if is_wrapped and function != WRITER and not caller.f_code.co_filename.endswith(SEARCH):
            found.update((function, name) for name, value in caller.f_locals.items() if shows(value))
        is_wrapped |= frame.f_code is Secret.__init__.__code__

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert is_wrapped


@pytest.mark.parametrize("way", ["library", "command line"])
def test_no_variable_of_a_whole_import(
    program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Nor would a traceback have it from anywhere else, as of a bug that nobody knows yet."""
    sandbox, found = serve(), set[tuple[str, str]]()
    write_issues(Path("a.csv"), 2)
    if way == "library":
        with watching(found):
            result = importer.run(
                "a.csv", mapping="jira", api_key=CANARY, api_url=sandbox.url, rate=0, confirm=importer.YES
            )
        assert result.summary.created == 2
    else:
        monkeypatch.setenv("BLAND_API_KEY", CANARY)
        with watching(found):
            ended = program("run", "a.csv", "-m", "jira", "--api-url", sandbox.url, "--rate", "0", "--yes")
        assert ended.code == 0, ended.err
    assert found == set()
