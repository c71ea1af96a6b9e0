"""Targets that keep less of a text than the reference says: nothing is doubled, no text is lost without a word."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.conftest import Serve
from tests.harness.cutting import (
    HEADER,
    MAPPING,
    Cutting,
    Shows,
    Unit,
    check_texts,
    cutting,
    draw_rows,
    draw_text,
    texts_at,
)
from tests.harness.running import LONG, Ended, Program, read_csv, write_csv


def send(program: Program, door: Cutting, *options: str) -> Ended:
    """Import `issues.csv`."""
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    source = ("issues.csv", "-m", "mapping.yaml", "--api-url", door.url, "--yes", "--rate", "0", "--json")
    return program("run", *source, "--no-canary", "--settle-seconds", "1", "--out", "reports", *options)


def codes() -> dict[str, list[str]]:
    """Native key → the codes of its row."""
    rows = read_csv(Path("reports/results.csv"))
    return {row["key"].partition(":")[2]: row["code"].split("\n") for row in rows if row["code"]}


def long_rows(count: int, characters: int = 7_200) -> list[tuple[str, ...]]:
    """Rows with a long Cyrillic text each."""
    random = Random(1)
    texts = [draw_text(random, "cyrillic", characters) for _ in range(count)]
    return [(f"D-{number}", f"D-{number}", text, "Open", "", "", "") for number, text in enumerate(texts, 1)]


def test_a_target_that_keeps_ten_thousand_bytes(program: Program, serve: Serve) -> None:
    """The marker of a long text is put back at once, later ones are shortened, and all of each text is there."""
    sandbox, rows = serve(), long_rows(20)
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000}) as door:
        ended = send(program, door)
        assert (ended.code, ended.outcomes()) == (1, {"created": 20}), ended.err
        named = codes()
        assert 1 <= len(named) <= 8, "those under way at the same time"
        assert all(its == ["text-cut"] for its in named.values())
        check_texts(sandbox, rows, ())
        assert door.cuts == {"description": len(named)}
        verified = program("verify", "last", "--rate", "0", "--json", "--out", "verified")
        assert (verified.code, verified.summary["same"]) == (0, 20), verified.err
        again = send(program, door)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 20}), again.err
        program.ledger.unlink()
        lost = send(program, door)
        assert not lost.outcomes().get("created"), lost.err
        check_texts(sandbox, rows, ())


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("shows", ["stored", "all", "little"])
def test_a_description_that_is_cut(program: Program, serve: Serve, shows: Shows, method: str) -> None:
    """By a create or by a PATCH, whatever the answers show: each marker is there, and all of each text."""
    sandbox, rows = serve(), long_rows(6)
    short = [(*row[:2], "Text", *row[3:]) for row in rows]
    with cutting(sandbox, {"description": 10_000}) as door:
        door.methods, door.shows = (method,), shows
        write_csv(Path("issues.csv"), short if method == "PATCH" else rows, HEADER)
        made = send(program, door)
        if method == "PATCH":
            assert (made.code, door.cuts) == (0, {}), made.err
            write_csv(Path("issues.csv"), rows, HEADER)
            made = send(program, door, "--on-change", "update", "--max-changes", "6")
        assert (made.code, door.cuts > Counter()) == (1, True), made.err
        assert set(map(tuple, codes().values())) == {("text-cut",)}
        check_texts(sandbox, rows, ())
        again = send(program, door)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 6}), again.err
        program.ledger.unlink()
        assert not send(program, door).outcomes().get("created")


def test_numbers_that_have_no_room(program: Program, serve: Serve) -> None:
    """A description that the numbers of other issues make too long is there without them, and with its marker."""
    sandbox, rows = serve(), long_rows(3, 5_500)
    rows = [(*row[:2], f"{row[2]} D-1 D-2 D-3", *row[3:]) for row in rows]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {}) as door:
        sent = max(len(text[0].encode()) for text in (send(program, door), texts_at(sandbox))[1].values())
    sandbox = serve()
    with cutting(sandbox, {"description": sent - 5}) as door:
        program.ledger.unlink()
        ended = send(program, door)
        assert ended.code == 1, ended.err
        check_texts(sandbox, rows, ())
        program.ledger.unlink()
        assert not send(program, door).outcomes().get("created")


def test_a_marker_that_can_t_be_put_back(program: Program, serve: Serve) -> None:
    """Rows as long as the one whose marker was lost are held, the others go on, and it is said how much is kept."""
    sandbox, rows = serve(), [*long_rows(20), *draw_rows(Random(1), 30, 0)]
    rows = [(f"D-{number}", f"D-{number}", *row[2:4], "", "", "") for number, row in enumerate(rows, 1)]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000}) as door:
        door.refuses = ("PATCH",)
        ended = send(program, door, "--concurrency", "2", "--max-errors", "1")
        assert ended.code == 1, ended.err
        outcomes = ended.outcomes()
        assert (outcomes["created"] <= 32, outcomes["failed"] >= 18) == (True, True)
        named = [row for row in read_csv(Path("reports/results.csv")) if row["code"] == "marker-cut"]
        assert len(named) == 20
        assert all("bytes" in row["message"] for row in named)


def test_requests_of_ordinary_rows(program: Program, serve: Serve) -> None:
    """An import of ordinary texts takes a request for each, and what its end takes."""
    sandbox, rows = serve(), draw_rows(Random(1), 50, 0)
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000, "detail": 2_000}) as door:
        ended = send(program, door)
        assert (ended.code, not door.cuts) == (0, True), ended.err
        assert door.requests["GET"] <= 8
        assert door.requests["POST"] == 50 + len(sandbox.comments())


def test_verify_names_comments_that_lost_their_end(program: Program, serve: Serve) -> None:
    """Those whose answer showed it, and those that were cut later."""
    sandbox = serve()
    said = " ".join(f"word{number}" for number in range(400))
    rows = [(f"D-{number}", f"D-{number}", "Text", "Open", f"Ann|{said}", "", "") for number in range(1, 4)]
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"detail": 1_500}) as door:
        door.shows = "all"
        ended = send(program, door, "--concurrency", "1")
        assert (ended.code, codes()) == (1, {"D-1": ["text-cut"]}), ended.err
        verified = program("verify", "last", "--rate", "0", "--json", "--out", "verified")
        assert (verified.code, verified.summary["different"]) == (1, 1), verified.err
        assert verified.summary["fields"] == {"comment": 1}


LIMITS: list[tuple[Unit, int]] = [
    *(("bytes", limit) for limit in (9_000, 4_500, 1_500, 300)),
    *(("characters", limit) for limit in ((9_000, 4_500, 1_500, 300) if LONG else (1_500,))),
]


@pytest.mark.parametrize(("unit", "limit"), LIMITS)
@pytest.mark.parametrize("fields", [("description",), ("detail",), ("description", "detail")], ids="-".join)
@pytest.mark.parametrize("seed", [1, 2, 3] if LONG else [1])
def test_nothing_is_doubled(
    program: Program, serve: Serve, fields: tuple[str, ...], unit: Unit, limit: int, seed: int
) -> None:
    """Whatever is cut where, with the ledger or without: each cut is named, and other texts are there once."""
    sandbox, rows = serve(), draw_rows(Random(seed), 60, 20)
    write_csv(Path("issues.csv"), rows, HEADER)
    limits = {name: min(limit, 3_600) if name == "detail" else limit for name in fields}
    with cutting(sandbox, limits, unit) as door:
        ended = send(program, door)
        assert ended.code == 1 if door.cuts else ended.code == 0, ended.err
        named = codes()
        check_texts(sandbox, rows, named)
        assert len(named) >= bool(door.cuts)
        again = send(program, door)
        check_texts(sandbox, rows, named)
        assert not again.outcomes().get("created")
        program.ledger.unlink()
        send(program, door)
        check_texts(sandbox, rows, named | codes().keys())


@pytest.mark.skipif(not LONG, reason="The others show the same with fewer rows.")
def test_many_rows(program: Program, serve: Serve) -> None:
    """Of 40,000 rows 300 are long, into a target that keeps 10,000 bytes and comments of 3,000: each word is there."""
    sandbox, rows = serve(), draw_rows(Random(1), 40_000, 300)
    write_csv(Path("issues.csv"), rows, HEADER)
    with cutting(sandbox, {"description": 10_000, "detail": 3_000}) as door:
        send(program, door)
        check_texts(sandbox, rows, codes())
