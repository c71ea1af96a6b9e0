"""The suggested mapping: complete, and usable whatever the values are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.authoring.suggest import suggest
from importer.codes import DESCRIPTION_TOO_LONG, PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED, TITLE_TOO_LONG
from importer.mapping.model import fold
from importer.mapping.patterns import is_pattern
from importer.mapping.reader import LoadedMapping, load_mapping, open_targets
from importer.records import Evidence, Unknown

WriteMapping = Callable[..., str]

unknowns = st.lists(
    st.builds(
        Unknown,
        st.sampled_from(["severity", "status", "category"]),
        st.text(max_size=40)
        | st.text("\"\\'/:#{}[]!&*|>%@`-? \n\t\r\x00\x1f\x85\u2028\ufeff😀aP1\ud800", max_size=12)
        | st.from_regex(r"/[^\n]*/", fullmatch=True)
        | st.sampled_from(["x" * 2000, "😀" * 600, "null", "~", "NO", "1", "---", "...", "? a", "/(/", "//"]),
        st.integers(1, 10**7),
        evidence=st.builds(
            Evidence,
            st.dictionaries(st.text(max_size=8), st.integers(1, 9), max_size=2).map(Counter),
            st.dictionaries(st.text(max_size=8), st.integers(1, 9), max_size=2).map(Counter),
            st.dictionaries(st.booleans(), st.integers(1, 9)).map(Counter),
        ),
    ),
    max_size=12,
)


load_preset = cache(load_mapping)


def load_text(text: str) -> LoadedMapping:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "suggested-mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(str(path))


def target_of(mapping: LoadedMapping, field: str, value: str) -> str | None:
    """What a mapping makes of a value: exact values, then patterns; `missing` for an empty one."""
    spec = getattr(mapping.model, field)
    if not fold(value):
        return str(spec.missing)
    exact = {fold(name): target for name, target in spec.values.items() if not is_pattern(name)}
    patterns = (
        target
        for name, target in spec.values.items()
        if is_pattern(name) and re.search(name[1:-1], value.strip(), re.IGNORECASE)
    )
    return exact.get(fold(value)) or next(patterns, None)


def is_text(value: str) -> bool:
    """Whether there is no half of a surrogate pair in a value."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


@pytest.mark.parametrize("preset", ["jira", "linear"])
@settings(deadline=None, max_examples=20)
@given(unknowns)
def test_a_suggestion_is_usable_whatever_the_values(preset: str, found: list[Unknown]) -> None:
    """It loads, and every value has a target or is undecided, counted by its folded spelling."""
    mapping = load_text(suggest(load_preset(preset), found))
    for unknown in found:
        if is_text(unknown.value):
            assert target_of(mapping, unknown.field, unknown.value) is not None


def test_a_suggestion_reads_like_this() -> None:
    """Counts and reasons stand beside each proposal; what nobody decided is listed."""
    found = [
        Unknown("severity", "-1", 2662),
        Unknown("severity", "0", 152),
        Unknown("severity", "", 1),
        Unknown("status", "Quince", 10, evidence=Evidence(closed=Counter({True: 10}))),
        Unknown("category", "Gripe: loud", 2),
    ]
    text = suggest(load_mapping("jira"), found)
    assert text[text.index("extends") :] == (
        "extends: jira\n"
        "severity:\n"
        "  values:\n"
        '    "-1": medium  # 2,662 rows, no evidence: decide\n'
        '    "0": critical  # 152 rows, near "P0", if its numbers mean the same: decide\n'
        "  missing: medium  # 1 row, no evidence: decide\n"
        "  neutral:\n"
        '    - "-1"\n'
        '    - "0"\n'
        '    - ""\n'
        "status:\n"
        "  values:\n"
        '    "Quince": done  # 10 rows, closed date in 10 of 10\n'
        "category:\n"
        "  values:\n"
        '    "Gripe: loud": Bug  # 2 rows, no evidence: decide\n'
        "  neutral:\n"
        '    - "Gripe: loud"\n'
    )


def test_what_a_preset_leaves_undecided_is_proposed(write: WriteMapping) -> None:
    """With the target that stands in, still neutral until its line is deleted; each value once."""
    left = [(Unknown("severity", value, 3), "critical") for value in ("0", " 0")]
    odd = (Unknown("severity", "Odd", 2), "low")
    text = suggest(load_mapping("github"), [Unknown("severity", "ODD", 1)], neutral=[*left, odd])
    assert text.count('    "0": critical  # 6 rows, which nobody has decided: change it or leave it\n') == 1
    assert "low" not in text
    mapping = load_mapping(write(text))
    assert mapping.model.severity.undecided == {"0", "1", "2", "3", "-1", "odd"}
    assert load_mapping(write(text.replace('    - "0"\n', ""))).model.severity.undecided == {"1", "2", "3", "-1", "odd"}


def test_what_a_suggestion_says_of_itself() -> None:
    """It can be used as it is, unless a person has to decide first; `neutral` is explained where it stands."""
    sure, unsure = [Unknown("severity", "High priority", 2)], [Unknown("severity", "Odd", 2)]
    heads = [
        suggest(load_mapping("jira"), found, others).partition("\nextends")[0]
        for found, others in ((sure, {}), (unsure, {}), ([], {PRIVATE_UNDECIDED: 1}))
    ]
    assert ["as it stands" in head for head in heads] == [True, True, False]
    assert ["`neutral`" in head for head in heads] == [False, True, False]
    assert "Decide first what has `?`." in heads[2]


def test_spellings_of_one_value_become_one(write: WriteMapping) -> None:
    """A value map compares them equal, so two lines would be refused."""
    text = suggest(load_mapping("jira"), [Unknown("severity", "Odd", 2), Unknown("severity", " ODD", 3)])
    assert '"Odd": medium  # 5 rows' in text
    assert load_mapping(write(text)).model.severity.undecided == {"odd"}


def test_a_value_that_looks_like_a_pattern_means_itself_alone(write: WriteMapping) -> None:
    """`/P./` in a cell is not the pattern that also matches P1."""
    mapping = load_mapping(write(suggest(load_mapping("linear"), [Unknown("severity", "/U.*/", 1)])))
    assert target_of(mapping, "severity", "/U.*/") == "medium"
    assert target_of(mapping, "severity", "Unheard of") is None


def test_undecided_values_of_the_mapping_in_use_stay_undecided(write: WriteMapping, tmp_path: Path) -> None:
    """A second suggestion extends the first, by a path relative to where it is written."""
    first = write(suggest(load_mapping("jira"), [Unknown("severity", "Odd", 1)]), "first.yaml")
    (tmp_path / "out").mkdir()
    text = suggest(load_mapping(first), [Unknown("severity", "Odder", 1)], beside=tmp_path / "out")
    assert "extends: ../first.yaml\n" in text
    mapping = load_mapping(write(text, "out/second.yaml"))
    assert mapping.model.severity.undecided == {"odd", "odder"}


def test_an_undecided_value_is_no_evidence_for_another(write: WriteMapping) -> None:
    """What nobody decided is not spread by spelling."""
    first = load_mapping(write(suggest(load_mapping("jira"), [Unknown("severity", "Oddities", 1)])))
    assert 'near "Oddities"' not in suggest(first, [Unknown("severity", "Oddity's", 1)])


def test_ten_thousand_values_are_no_trouble(write: WriteMapping) -> None:
    """All of them arrive."""
    found = [Unknown("category", f"Kind {number}", 1) for number in range(10_000)]
    mapping = load_mapping(write(suggest(load_mapping("linear"), found)))
    assert len(mapping.model.category.undecided) == 10_000


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("P3", '    "P3": medium  # 7 rows,'),
        ('a "b": #c', r'    "a \"b\": #c": medium  # 7 rows,'),
        ("x" * 3000, '    ? "' + "x" * 3000 + '"\n    : medium  # 7 rows,'),
        (" ", "  missing: medium  # 7 rows,"),
    ],
    ids=["word", "quotes", "long", "empty"],
)
def test_a_line_for_each_value(value: str, line: str) -> None:
    """Quoted where it has to be; YAML allows short keys only before a colon, and a longer one takes another form."""
    text = suggest(load_preset("linear"), [Unknown("severity", value, 7)])
    assert line in text
    assert target_of(load_text(text), "severity", value) == "medium"


def test_too_long_texts_have_a_proposal() -> None:
    """What is to become of them is a person's word: it is proposed, with what it means, and loads."""
    text = suggest(load_preset("jira"), [], {TITLE_TOO_LONG: 1, DESCRIPTION_TOO_LONG: 2})
    assert "# 2 rows with a description over Triage's limit." in text
    model = load_text(text).model
    assert (model.title.too_long, model.description.too_long) == ("shorten", "continue")  # type: ignore[union-attr]


def test_who_may_read_it_is_left_open() -> None:
    """No proposal is made: `run` refuses at the lines that have to be filled in."""
    text = suggest(load_preset("jira"), [], {RESTRICTED_UNDECIDED: 1, PRIVATE_UNDECIDED: 2})
    assert [problem.key for problem in open_targets(load_text(text))] == ["restricted.issues", "comments.private"]
    assert not open_targets(load_preset("jira"))
