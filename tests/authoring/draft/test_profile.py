"""What is seen in columns: of tables and of JSON records, in flat memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from importer.authoring.draft.profile import BITS, DISTINCT_KEPT, Bits, Column, make_place
from tests.harness.drafts import profile, write_json, write_table


def column_of(*texts: str) -> Column:
    column = Column(make_place(("a",)), 0)
    column.add(texts)
    return column


def test_a_table_s_columns(tmp_path: Path) -> None:
    """Fill, distinct texts and length of each; a repeated header is one column, its first filled cell counts."""
    path = tmp_path / "a.csv"
    path.write_text("Key,Label,Label,Empty\nK1,x,,\nK2,,y,\nK3,x,z,\n,,,\n", encoding="utf-8")
    seen = profile(path)
    assert seen.rows == 3
    assert [(each.place.name, each.filled, each.distinct, each.is_list) for each in seen.columns] == [
        ("Key", 3, 3, False),
        ("Label", 3, 2, True),
        ("Empty", 0, 0, False),
    ]


def test_records_have_dotted_columns(tmp_path: Path) -> None:
    """Objects are entered, a list of objects is a column for each of their keys, numbers stay as written."""
    path = tmp_path / "a.json"
    text = '{"id": 1, "status": {"name": "Open"}, "labels": [{"name": "a"}, {"name": "b"}], "x y": {"z": true}'
    path.write_text(f'[{text}, "n": 1.50, "tags": ["p", "q"]}}]', encoding="utf-8")
    seen = {each.place.name: each for each in profile(path).columns}
    assert {name: (each.place.ref.kind, each.place.ref.name) for name, each in seen.items()} == {
        "id": ("column", "id"),
        "status.name": ("path", "status.name"),
        "labels[].name": ("path", "labels[].name"),
        "x y.z": ("path", '"x y".z'),
        "n": ("column", "n"),
        "tags[]": ("path", "tags[]"),
    }
    assert list(seen["n"].samples) == ["1.50"]
    assert list(seen["x y.z"].samples) == ["true"]
    assert seen["labels[].name"].is_list
    assert not seen["status.name"].is_list


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (("2024-01-31", "2024-02-01T10:00:00Z"), ""),
        (("31.01.2024", "01.02.2024"), "%d.%m.%Y"),
        (("12/Jan/24 9:05 AM",), "%d/%b/%y %I:%M %p"),
        (("01/02/2024", "25/12/2024"), "%d/%m/%Y"),
        (("Tue Aug 23 2022 13:54:01 GMT+0000 (GMT)",), "%a %b %d %Y %H:%M:%S GMT%z (%Z)"),
        (("Open", "Done"), None),
        (("12", "13"), None),
        (("1.2.3", "Release 4"), None),
    ],
)
def test_forms_of_dates(texts: tuple[str, ...], form: str | None) -> None:
    """The form that reads them all; the day before the month where only that fits."""
    assert column_of(*texts).date_format() == form


@pytest.mark.parametrize(
    ("texts", "other"),
    [(("01/02/2024", "03/02/2024"), "%d/%m/%Y"), (("01/13/2024",), ""), (("25/12/2024",), ""), (("2024/01/02",), "")],
)
def test_days_that_may_be_months(texts: tuple[str, ...], other: str) -> None:
    """Where no date shows which comes first, there is another format."""
    assert column_of(*texts).other_date_format() == other


def test_kinds() -> None:
    """Links, numbers and yes/no are known by their texts."""
    assert column_of("https://a.example/1", "https://a.example/2").is_link
    assert column_of("1", "-2", "3.5").is_number
    assert column_of("true", "false").is_boolean
    assert not column_of("true", "maybe").is_boolean


def test_a_key_is_unique_beyond_what_is_kept() -> None:
    """More distinct texts than are counted one by one are still known to differ; one that repeats late is not."""
    assert column_of(*(f"K-{number}" for number in range(5 * DISTINCT_KEPT))).is_unique
    late = column_of(*(f"K-{number}" for number in range(2 * DISTINCT_KEPT)), *["K-1"] * DISTINCT_KEPT)
    assert not late.is_unique
    assert late.is_free
    assert not column_of("a", "b", "a").is_unique


def test_the_estimate_is_within_a_percent() -> None:
    """Half a million distinct texts in a megabyte of bits."""
    bits = Bits()
    for number in range(500_000):
        bits.add((number * 2_654_435_761 % (1 << 64)).to_bytes(8, "big"))
    assert bits.estimate == pytest.approx(500_000, rel=0.05)
    assert BITS == 8 * (1 << 20)


def test_long_and_many_texts_stay_small() -> None:
    """Two thousand texts of 200,000 characters take less than two of them."""
    column = Column(make_place(("a",)), 0)
    tracemalloc.start()
    for number in range(2_000):
        column.add([f"{number} " + "x" * 200_000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (column.filled, column.longest) == (2_000, 200_005)
    assert peak < 2_000_000


def test_a_row_that_cannot_be_used_is_none(tmp_path: Path) -> None:
    """Ragged rows, empty records and what is no object don't count."""
    path = write_json(tmp_path / "a.json", [{"a": "1"}, {"a": None}, {}])
    assert profile(path).rows == 1
    table = write_table(tmp_path / "b.csv", [{"a": "1", "b": "2"}])
    table.write_text(table.read_text(encoding="utf-8") + "1,2,3\n", encoding="utf-8")
    assert profile(table).rows == 1
