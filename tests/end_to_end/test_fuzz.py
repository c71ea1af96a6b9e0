"""Damaged files: a check ends in a sentence or accounts for every row; some of them, and tables of any cells."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.sources.detect import FEW_NULS, NUL_SHARE
from importer.sources.source import HEAD_BYTES
from tests.end_to_end.fuzz import (
    EXPORTS,
    OPTIONS,
    TOO_MUCH,
    Failed,
    Trial,
    draw_trial,
    find_wrong,
    fuzz,
    minimise,
    peak_mb,
    run_trial,
)
from tests.harness.fuzz_inputs import Draw, Stored, damage_mapping, generic_mapping, load_seeds, mutate
from tests.harness.running import SAMPLES, Program, write_issues

pytestmark = pytest.mark.slow(seconds=30)

TRIALS = 200
SEED = 20261124
EXAMPLES = 30
HEADER = ("Key", "Title", "Text", "One", "Two", "When")
SEEDS = load_seeds(EXPORTS)
KINDS = st.sampled_from(["csv", "json", "jsonl", "txt", "gz"])
MAPPINGS = st.integers(0, 20)
CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        '"',
        "a\nb",
        "\r",
        "\0",
        "#REF!",
        "1,2E+11",
        "Ã©",
        "01/02/2023",
        "PROJ-1",
        "High",
        "=1",
        "\u2028",
        "😀" * 120,
    ]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(HEADER) | CELLS, inner, max_size=4),
    max_leaves=12,
)


def mapping_for(kind: str, number: int) -> str:
    """One of the mappings of the columns of `HEADER`."""
    table = kind in ("csv", "txt", "gz")
    data = ",".join(HEADER) if table else json.dumps([dict.fromkeys(HEADER)])
    return generic_mapping(Stored("any", "seed.csv" if table else "seed.json", data.encode()), Draw(number))


def assert_sound(data: bytes, kind: str, *options: str, mapping: int = 0) -> str:
    """The check of these bytes ends well; how it ended."""
    failed, ending = run_trial(Trial((Stored("any", f"any.{kind}", data),), mapping_for(kind, mapping), options))
    assert failed is None, f"{failed.what}\n{failed.shown}"
    return ending


def test_damaged_exports() -> None:
    """Some hundreds of damaged exports, always the same ones; enough of them can be read to the end."""
    endings, failures = fuzz(SEEDS, SEED, range(TRIALS))
    assert not failures, "\n".join(f"{failed.what}\n{failed.shown}" for _, failed in failures)
    assert endings["checked"] >= endings.total() / 5
    assert endings.keys() >= {"checked", "SourceError", "SourceNotReady"}


@settings(max_examples=EXAMPLES)
@given(data=st.binary(min_size=1, max_size=200), kind=KINDS, mapping=MAPPINGS)
@example(data=b"\r", kind="csv", mapping=0)
@example(data=b"a,b\rc,d\n1,2\n", kind="csv", mapping=0)
@example(data=b"\xef\xbb\xbf", kind="json", mapping=0)
@example(data=b"[" * 100_000, kind="json", mapping=0)
@example(data=b"[[" * 100_000, kind="jsonl", mapping=0)
@example(data=gzip.compress(b"a,b\n1,2\n")[:-3], kind="gz", mapping=0)
@example(data=b'{"a":' + b"9" * 5000 + b"}", kind="jsonl", mapping=0)
def test_any_bytes(data: bytes, kind: str, mapping: int) -> None:
    """Bytes of any kind under a name of any kind."""
    assert_sound(data, kind, mapping=mapping)


@settings(max_examples=EXAMPLES)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=8), min_size=1, max_size=8), mapping=MAPPINGS)
@example(rows=[["x" * 32_767] * 6, [""] * 6, ["\r"] * 7], mapping=0)
@example(rows=[["\0"] * 3], mapping=0)
@example(rows=[["\0"] * 4], mapping=0)
def test_any_table(rows: list[list[str]], mapping: int) -> None:
    """A sound header over rows of any cells and of any width: all of them are read, unless they look like no text."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
    data = text.getvalue().encode()
    head = data[:HEAD_BYTES]
    is_binary = head.count(b"\0") > max(FEW_NULS, NUL_SHARE * len(head))
    assert assert_sound(data, "csv", mapping=mapping) == ("SourceError" if is_binary else "checked")


@settings(max_examples=EXAMPLES)
@given(
    records=st.lists(st.dictionaries(st.sampled_from(HEADER) | CELLS, JSON_VALUES, max_size=6), min_size=1, max_size=6),
    mapping=MAPPINGS,
)
def test_any_records(records: list[object], mapping: int) -> None:
    """Records with any values at any depth: as lines and as an array they are read alike."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    ending = assert_sound(lines.encode(), "jsonl", "--format", "jsonl", mapping=mapping)
    assert assert_sound(json.dumps(records).encode(), "json", mapping=mapping) == ending


@pytest.mark.parametrize("options", OPTIONS, ids=lambda option: "-".join(option))
def test_any_option(options: tuple[str, ...]) -> None:
    """A file read in a way that it isn't meant to be."""
    assert_sound(b"Key,Title,Text,One,Two,When\nA-1,One,Text,High,Open,01/02/2023\n", "csv", *options)


def test_the_damage_is_the_same_again() -> None:
    """A seed and a number name a trial, on every machine that has the same files."""
    first, again = (draw_trial(SEEDS, Draw("1-2")) for _ in range(2))
    assert first == again
    assert mutate(b"abc" * 99, Draw(5), SEEDS) == mutate(b"abc" * 99, Draw(5), SEEDS)


def test_the_samples_are_enough(tmp_path: Path) -> None:
    """Without the collection the samples are damaged."""
    seeds = load_seeds(tmp_path / "absent")
    assert {seed.name for seed in seeds} >= {"jira.csv", "call-reviews.jsonl"}
    assert all(seed.tracker == SAMPLES.name for seed in seeds)


def test_what_is_wrong_is_found(program: Program) -> None:
    """A row that is missing in a report is seen, and so is a count that is not what the files have."""
    ended = program("validate", write_issues(Path("export.csv"), 3), "-m", "jira", "--json", "--out", "out")
    assert find_wrong(Path("out"), ended.summary) == ""
    assert "2 lines in results.csv" in find_wrong(_without_last_line(Path("out/results.csv")), ended.summary)
    program("validate", "export.csv", "-m", "jira", "--out", "out")
    assert (
        find_wrong(_without_last_line(Path("out/planned.jsonl")), ended.summary)
        == "results.csv and planned.jsonl differ"
    )


def _without_last_line(path: Path) -> Path:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    return path.parent


def test_what_takes_too_much_memory_is_found() -> None:
    """The trial that raises the peak over what is allowed is named; one that raises it over nothing is not."""
    asked = []

    def run(trial: Trial) -> tuple[Failed | None, str]:
        asked.append(trial)
        return None, "checked"

    _, failures = fuzz(SEEDS, SEED, range(2), 1, run)
    assert [(trial, failed.what) for trial, failed in failures] == [(asked[0], TOO_MUCH)]
    assert fuzz(SEEDS, SEED, range(2), 2 * peak_mb(), run)[1] == []


def test_mappings_are_damaged_too() -> None:
    """Some cannot be read as YAML, some have what would never end: each is a sentence."""
    draw = Draw(SEED)
    seed = Stored("any", "seed.csv", ",".join(HEADER).encode())
    for number in range(40):
        mapping = damage_mapping(generic_mapping(seed, Draw(number)), draw, SEEDS)
        failed, ending = run_trial(Trial((Stored("any", "any.csv", b"Key,Title\nA-1,One\n"),), mapping, ()))
        assert failed is None, f"{failed.what}\n{failed.shown}\n{mapping[:500]}"
        assert ending in ("checked", "MappingError", "SourceError"), mapping[:500]


def test_a_failure_is_made_small() -> None:
    """What isn't needed to fail in the same way is taken away."""

    def run(trial: Trial) -> tuple[Failed | None, str]:
        return (Failed("it", "") if b"!" in trial.files[0].data else None), ""

    small = minimise(Trial((Stored("any", "any.csv", b"abc!" * 9 + b"def"),), "jira", ()), "it", run)
    assert small.files[0].data == b"!"
