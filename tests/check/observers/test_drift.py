"""Signs that a source is not what it was: too much at once, another site, other keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pytest

from importer.check.knowledge import Difference, KnownIssue, KnownSample, LedgerStatus, NoLedger
from importer.check.observers.drift import Drift
from importer.library.options import RowLimit
from importer.records import Operation, Outcome
from tests.harness.making import mapping_of, run_of

TEN = RowLimit(10, percent=True, least=20)
NOTHING = KnownSample(0, 1, ())
NO_OTHERS: Mapping[str, KnownSample] = {}


def known_row(**fields: tuple[Any, Any]) -> LedgerStatus:
    """A row whose issue is in Triage, with the fields in which it differs: what was sent, and what it says now."""
    differs = Difference(fields, tuple(fields)) if fields else None
    return LedgerStatus(Outcome.UNCHANGED, issue_id="id", differs=differs)


def new_row(key: str, title: str = "", content: bytes = b"") -> Operation:
    return Operation(key, "POST", "/", orjson.dumps({"title": title}), "", content)


class Ledger(NoLedger):
    """Knows the issues of a source, by a sample, and those of others; `more` are issues that the sample lacks."""

    def __init__(self, sample: KnownSample, others: Mapping[str, KnownSample], more: Sequence[KnownIssue] = ()) -> None:
        self._sample, self._others, self._issues = sample, others, [*sample.issues, *more]

    def sample(self) -> KnownSample:
        return self._sample

    def all_keys(self) -> Iterator[Sequence[str]]:
        return ([issue.key] for issue in self._issues)

    def issues(self, keys: Iterable[str]) -> Iterable[KnownIssue]:
        return [issue for issue in self._issues if issue.key in keys]

    def in_other_sources(self, native_keys: Collection[str]) -> Iterator[tuple[str, Iterable[KnownIssue]]]:
        for name, sample in self._others.items():
            yield name, [issue for issue in sample.issues if issue.key.partition(":")[2] in native_keys]

    def count_issues(self, source_name: str) -> int:
        return self._others[source_name].total


def doubts(
    statuses: Mapping[str, LedgerStatus] | None = None,
    new: Iterable[Operation] = (),
    sample: KnownSample = NOTHING,
    limit: RowLimit = TEN,
    others: Mapping[str, KnownSample] = NO_OTHERS,
    more: Sequence[KnownIssue] = (),
) -> list[str]:
    """Say what a source of these rows comes to."""
    drift, statuses = Drift("jira", Ledger(sample, others, more)), statuses or {}
    every: list[tuple[str, LedgerStatus | None, Operation | None]] = [
        *((key, status, None) for key, status in statuses.items()),
        *((operation.key, None, operation) for operation in new),
    ]
    run = run_of(mapping_of(), [(str(number), "T", "", "P1", "Open") for number in range(len(every))])
    for row, (key, status, operation) in zip(run.rows, every, strict=True):
        row.issue.key = row.issue.key._replace(full=key)
        row.status, row.operation = status, operation
    drift.add(run)
    return drift.doubts(limit)


def of(total: int) -> KnownSample:
    """A ledger that knows so many issues, none of which the source has lost."""
    return KnownSample(total, 1, ())


def changed(count: int, total: int, **fields: tuple[Any, Any]) -> dict[str, LedgerStatus]:
    return {f"jira:{number}": known_row(**(fields if number < count else {})) for number in range(total)}


@pytest.mark.parametrize(
    ("count", "total", "limit", "stops"),
    [
        (20, 30, TEN, False),
        (21, 30, TEN, True),
        (100, 1000, TEN, False),
        (101, 1000, TEN, True),
        (3, 30, RowLimit(10, percent=True), False),
        (4, 30, RowLimit(10, percent=True), True),
        (5, 30, RowLimit(5, percent=False), False),
        (6, 30, RowLimit(5, percent=False), True),
    ],
)
def test_more_changes_than_are_believed(count: int, total: int, limit: RowLimit, stops: bool) -> None:
    """A share of all issues that the ledger knows, or a number; the default lets a few change in any case."""
    found = doubts(changed(count, total, severity=("high", "low")), sample=of(total), limit=limit)
    assert bool(found) is stops
    if stops:
        first, *samples, hint = found[0].splitlines()
        assert first == f"{count:,} of {total:,} issues would change, but --max-changes allows {limit}."
        assert samples == [f'  jira:{number}: severity was "high", would be "low"' for number in range(3)]
        assert hint == "If this is intended: the same command with --max-changes 100%"


@pytest.mark.parametrize(
    ("known", "count", "stops"),
    [
        pytest.param(90, 90, "", id="few of the known keys: an export of what has changed has nothing but changes"),
        pytest.param(499, 101, "101 of 1,000", id="few of them, and too many for a tenth of all"),
        pytest.param(500, 51, "51 of 500", id="half of them: a whole export of which half is gone"),
        pytest.param(1000, 101, "101 of 1,000", id="all of them"),
    ],
)
def test_a_delta_is_measured_by_the_ledger(known: int, count: int, stops: str) -> None:
    """It is known by what it has of the keys in the ledger, and not by what anybody calls it."""
    found = doubts(changed(count, known, severity=("high", "low")), sample=of(1000))
    assert [each.partition(" issues would change")[0] for each in found] == [stops] * bool(stops)


LABELS = {f"jira:{number}": {"Labels": b"carrier"} for number in range(100)}
TEXTS = {f"jira:{number}": {"description": number} for number in range(100)}
UNKNOWN = {f"jira:{number}": {"description": None} for number in range(100)}


@pytest.mark.parametrize(
    ("newer", "emptied", "doubtful"),
    [
        pytest.param(100, {}, 0, id="edited in the source"),
        pytest.param(70, {}, 30, id="some of them"),
        pytest.param(100, LABELS, 0, id="a label is retired: one decision"),
        pytest.param(0, LABELS, 100, id="the same, without a newer date"),
        pytest.param(100, TEXTS, 100, id="blank texts in newer rows: a lost permission"),
        pytest.param(100, UNKNOWN, 100, id="values that nobody knows"),
        pytest.param(100, dict([*TEXTS.items()][:30]), 30, id="a lost permission for some"),
    ],
)
def test_changes_that_the_source_dates(newer: int, emptied: Mapping[str, Mapping[str, object]], doubtful: int) -> None:
    """No damage to an export makes rows newer; but whoever can't read a value any more sees newer rows without it."""
    statuses = {
        key: status._replace(
            emptied=emptied.get(key, {}), differs=status.differs and status.differs._replace(is_newer=place < newer)
        )
        for place, (key, status) in enumerate(changed(100, 100, severity=("high", "low")).items())
    }
    found = doubts(statuses, sample=of(200))
    how = "change without a newer date, or lose a value" if newer else "change"
    assert [each.splitlines()[0] for each in found] == [
        f"{doubtful} of 100 issues would {how}, but --max-changes allows 10%, at least 20."
    ] * bool(doubtful)


def test_a_change_that_is_not_written_is_believed() -> None:
    """With `--on-change report` nothing is at stake."""
    reported = known_row()._replace(differs=Difference({"severity": ("high", "low")}))
    assert doubts({f"jira:{number}": reported for number in range(100)}, sample=of(100)) == []


def test_a_column_in_another_form() -> None:
    """Titles in capitals, or a field that changes in nearly all issues: even where they are few."""
    capitals = changed(4, 30, title=("Login fails", "LOGIN FAILS"))
    assert doubts(capitals, sample=of(30))[0].startswith("The title would change in 4 of 30 issues: a column seems")
    dates = changed(
        11,
        12,
        description=("digest", f"Text\n\n---\nImported from jira:1\nCreated: 31/12/2025\ntis{'0' * 12} tir{'0' * 20}"),
    )
    (found,) = doubts(dates, sample=of(12))
    assert found.startswith("The description would change in 11 of 12 issues")
    assert 'with the footer "--- Imported from jira:1 Created: 31/12/2025 tis00' in found
    assert doubts(changed(9, 9, status=("todo", "done")), sample=of(9)) == [], "a handful may well end together"
    assert doubts(changed(11, 13, status=("todo", "done")), sample=of(13)) == []


OTHER = {"title": ("Login fails on Safari", "Add an export of invoices"), "description": ("digest", "Text")}


def test_another_site() -> None:
    """Most rows with known keys have nothing in common with what was sent for them, though they are only two."""
    (found,) = doubts(changed(2, 2, **OTHER), sample=of(1000))
    what, *samples, project, name, override = found.splitlines()
    assert what.startswith("Of 2 rows whose keys are in Triage, 2 have very different titles: this looks like another")
    assert "under the same source name" in project
    assert samples[0] == '  jira:0: title was "Login fails on Safari", would be "Add an export of invoices"'
    assert name.endswith("the same command with --source-name jira-2")
    assert override.endswith("--max-changes 100%")


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        (changed(1, 1, **OTHER), "one may be rewritten"),
        (changed(2, 4, **OTHER), "half of them are as they were"),
        (changed(5, 5, title=OTHER["title"]), "they were given other titles, and nothing else"),
        (changed(9, 9, title=("Login fails", "Login fails on Safari 17"), status=("todo", "done")), "edited"),
        (changed(9, 9, title=("", "Login fails"), status=("todo", "done")), "what was sent isn't known"),
    ],
)
def test_the_same_site(statuses: Mapping[str, LedgerStatus], why: str) -> None:
    """Rows that were rewritten here and there, or whose titles were edited, are believed."""
    assert doubts(statuses, sample=of(1000)) == [], why


def test_another_site_of_which_nothing_would_be_written() -> None:
    """Its new rows would be created under the wrong name, and its comments added to the wrong issues."""
    reported = known_row()._replace(differs=Difference(OTHER))
    assert doubts({"jira:1": reported, "jira:2": reported}, sample=of(2))


def sample_of(*issues: tuple[str, bytes, str], step: int = 1) -> KnownSample:
    return KnownSample(len(issues) * step, step, [KnownIssue(*issue) for issue in issues])


KNOWN = sample_of(*((f"jira:{number}", f"row-{number}".encode(), f"Title {number}") for number in range(10)))


def test_rows_that_come_again_under_new_keys() -> None:
    """The content of rows whose keys are gone: the key's column has changed, and all would be created again."""
    new = [new_row(f"jira:P-{number}", content=f"row-{number}".encode()) for number in range(3)]
    (found,) = doubts(new=new, sample=KNOWN)
    what, first, *_ = found.splitlines()
    assert what.startswith("3 rows would be created, with the content of rows that are in Triage under other keys")
    assert first == "  jira:P-0 was jira:0"
    assert found.endswith("--max-changes 100%")
    beside = {f"jira:{number}": known_row() for number in range(3)}
    assert doubts(beside, new, KNOWN) == [], "the old keys are there as well: these are copies"
    assert doubts(new=[*new, *(new_row(f"jira:Q-{number}") for number in range(4))], sample=KNOWN) == []


def test_titles_that_come_again_under_new_keys() -> None:
    """Where the cells are others too: most titles that only one issue has."""
    new = [new_row(f"jira:P-{number}", f"TITLE {number}") for number in range(6)]
    assert "with the titles of rows that are in Triage under other keys" in doubts(new=new, sample=KNOWN)[0]
    assert doubts(new=new[:5], sample=KNOWN) == [], "not most of them"
    alerts = sample_of(*((f"jira:{number}", b"", "CPU is high") for number in range(10)))
    assert doubts(new=[new_row(f"jira:P-{number}", "CPU is high") for number in range(10)], sample=alerts) == []


@pytest.mark.parametrize("key", ["jira:p-1", "jira:P-1\u200b", "jira:P\u20111", "jira:Ｐ-1"])
def test_a_key_in_another_spelling(key: str) -> None:
    """One row is enough: an export that writes keys otherwise would have it created again, and nobody would see it."""
    known = sample_of(("jira:P-1", b"row-1", "Title 1"), ("jira:P-2", b"row-2", "Title 2"))
    (found,) = doubts(new=[new_row(key, "Title 1")], sample=known)
    assert found.startswith("1 row would be created whose key is that of a row in Triage in another spelling")
    assert f"\n  {key} was jira:P-1\n" in found
    assert doubts(new=[new_row(key, "Something else")], sample=known) == []
    assert doubts({"jira:P-1": known_row()}, [new_row(key, "Title 1")], known) == [], "both are there"


def test_a_spelling_that_no_sample_has() -> None:
    """All keys are compared, as a single row of a large ledger would hardly be in a sample."""
    (found,) = doubts(
        new=[new_row("jira:p-1", "Title 1")], sample=of(100_000), more=[KnownIssue("jira:P-1", b"", "Title 1")]
    )
    assert "\n  jira:p-1 was jira:P-1\n" in found


def test_a_large_ledger_is_known_by_a_sample() -> None:
    """Every hundredth issue tells as well: two of them stand for two hundred."""
    large = KNOWN._replace(total=1000, step=100)
    new = [new_row(f"jira:P-{number}", content=f"row-{number}".encode()) for number in range(2)]
    others = [new_row(f"jira:Q-{number}") for number in range(300)]
    assert doubts(new=[*new, *others], sample=large)
    assert doubts(new=[*new, *others, *others], sample=large) == []


def test_rows_of_another_source() -> None:
    """Rows that are in Triage already, under another name of their source, would be there twice."""
    new = [new_row(f"mine:{number}", content=f"row-{number}".encode()) for number in range(3)]
    (found,) = doubts(new=new, others={"jira": KNOWN, "crm": sample_of(("crm:0", b"", "Title 0"))})
    what, first, *_, hint, override = found.splitlines()
    assert what == (
        "3 rows would be created, with the content of rows that are in Triage from the source 'jira': "
        "each issue would be there twice."
    )
    assert first == "  mine:0 is jira:0"
    assert hint == "To go on with that source: the same command with --source-name jira"
    assert override.endswith("--max-changes 100%")


def test_a_name_of_the_source_in_other_capitals() -> None:
    """Its keys are in another spelling, too: what helps is the name, not another key."""
    new = [new_row(f"JIRA:{number}", content=f"row-{number}".encode()) for number in range(3)]
    (found,) = doubts(new=new, others={"jira": KNOWN})
    assert "To go on with that source: the same command with --source-name jira" in found


def test_titles_of_another_source() -> None:
    """Titles say so only with the numbers of their issues: two sites may have the same alerts."""
    named = [new_row(f"mine:{number}", f"Title {number}") for number in range(8)]
    assert doubts(new=named, others={"jira": KNOWN})
    others = [new_row(f"mine:{number + 100}", f"Title {number}") for number in range(8)]
    assert doubts(new=others, others={"jira": KNOWN}) == []


def test_a_few_new_rows_of_another_source() -> None:
    """A part of what another source has, or what a small one has beside others, is noticed, however large the rest."""
    large = KNOWN._replace(total=1_000_000)
    assert doubts(
        new=[new_row(f"mine:{number}", content=f"row-{number}".encode()) for number in (3, 4)], others={"jira": large}
    )
    beside = [new_row(f"mine:{number}", f"Title {number}") for number in range(100)]
    assert doubts(new=beside, others={"jira": KNOWN}), "all of its issues would be there twice"
    assert doubts(new=beside, others={"jira": large}) == []
