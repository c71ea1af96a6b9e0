"""Titles and descriptions as they are sent: whole, or with the rest somewhere else."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from importer.api import COMMENT_LIMIT, DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.records import Act, AlreadyAdded, IssueParts
from importer.transform.addition_plan import Due, plan_additions
from importer.transform.lengths import REST_LIMIT
from importer.transform.prose import CONTINUED
from tests.harness.making import HEADER, mapping_of, records_of
from tests.harness.unmarked import unmarked

CONTINUING = mapping_of(description={"column": "Text", "too_long": "continue"})
LONG = st.builds(
    lambda words, times: "".join(words) * times,
    st.lists(st.sampled_from(["word ", "line\n", "paragraph\n\n", "🎧", "漢字。", "x"]), min_size=1, max_size=5),
    st.integers(1, 6000),
)


@given(LONG)
def test_nothing_is_lost(text: str) -> None:
    """What has no room goes on in comments: put together again it is the text, each part within its limit."""
    records = records_of(CONTINUING, [("P-1", "Title", text, "P1", "Open")])
    description, rest = records.texts.descriptions[0], records.parts.get(0, IssueParts()).rest
    body, _, footer = description.rpartition("\n\n---\nImported from demo:P-1\n")
    assert footer
    assert count_units(description) <= DESCRIPTION_LIMIT
    assert all(count_units(part) <= REST_LIMIT for part in rest)
    if rest:
        assert body.endswith(f"\n\n{CONTINUED}")
        body = body.removesuffix(f"\n\n{CONTINUED}")
    if text.strip():
        assert body + "".join(rest) == text
    assert not records.texts.shortened, "nothing is cut"


def test_the_rest_is_numbered() -> None:
    """The parts say which of how many they are, one that is full in fewer words; the description is the first."""
    records = records_of(CONTINUING, [("P-1", "Title", "word " * 3_500, "P1", "Open")])
    due = Due("demo:P-1", records.parts[0], "separate", AlreadyAdded())
    (planned,) = plan_additions([due], lambda texts, keys: {})
    assert [addition.act for addition in planned] == [Act.COMMENT] * 2
    openings = [unmarked(orjson.loads(addition.body)["detail"]).partition("\n\n")[0] for addition in planned]
    assert max(count_units(orjson.loads(addition.body)["detail"]) for addition in planned) <= COMMENT_LIMIT
    assert openings == ["part 2 of 3", "Description, part 3 of 3"]


def test_a_footer_leaves_room_for_a_text() -> None:
    """However long a cell in it is: the row is sent, and all of the cell is in a comment."""
    mapping = mapping_of(description={"column": "Text", "too_long": "continue"}, footer={"Notes": "State"})
    records = records_of(mapping, [("P-1", "Title", "text", "P1", "word " * 2_500)])
    assert count_units(records.texts.descriptions[0]) < DESCRIPTION_LIMIT
    assert records.texts.descriptions[0].startswith("text\n\n---\n")
    (comment,) = records.parts[0].comments
    assert comment.text == f"Notes:\n\n{'word ' * 2_500}"


def test_a_full_title_and_a_rest() -> None:
    """A title that is cut opens the description, whose rest goes on."""
    mapping = mapping_of(
        title={"column": "Title", "too_long": "shorten"}, description={"column": "Text", "too_long": "continue"}
    )
    title, text = "t" * 250, "word " * 2_500
    records = records_of(mapping, [("P-1", title, text, "P1", "Open")])
    assert len(records.texts.titles[0]) == TITLE_LIMIT
    body = records.texts.descriptions[0].partition(f"\n\n{CONTINUED}")[0] + "".join(records.parts[0].rest)
    assert body == f"Full title: {title}\n\n{text}"


def test_mentions_are_defused_everywhere() -> None:
    """In the title, the text, its rest and the footer no agent is called."""
    mapping = mapping_of(description={"column": "Text", "too_long": "continue"}, footer={"Team": "State"})
    records = records_of(mapping, [("@norm", "Ask @Norm", "@norm fix this. " * 1_000, "P1", "@NORM")])
    texts = [*records.texts.titles, *records.texts.descriptions, *records.parts[0].rest]
    assert not [text for text in texts if "@norm" in text.casefold()]
    assert sum(text.count("(at)norm fix") for text in texts) == 1_000


def test_a_group_has_one_description() -> None:
    """Of rows that are one issue the first has what all say, and its rest."""
    mapping = mapping_of(group=["Key"], description={"column": "Text", "too_long": "continue"})
    rows = [("P-1", "Title", word * 2_000, "P1", "Open") for word in ("one ", "two ")]
    records = records_of(mapping, rows, HEADER)
    whole = records.texts.descriptions[0] + "".join(records.parts[0].rest)
    assert (whole.count("one"), whole.count("two")) == (2_000, 2_000)
    assert 1 not in records.parts
