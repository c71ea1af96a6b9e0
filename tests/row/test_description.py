"""Titles and descriptions as they are sent: whole, or with the rest somewhere else."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from importer.api import COMMENT_LIMIT, DESCRIPTION_LIMIT, TITLE_LIMIT, count_units
from importer.records import Act, AlreadyAdded
from importer.transform.addition_plan import Due, plan_additions
from importer.transform.lengths import CONTINUED, REST_LIMIT
from tests.harness.making import HEADER, issues_of, mapping_of
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
    issues = issues_of(CONTINUING, [("P-1", "Title", text, "P1", "Open")])
    description, rest = issues[0].description, issues[0].parts.rest
    body, _, footer = description.rpartition("\n\n---\nImported from demo:P-1\n")
    assert footer
    assert count_units(description) <= DESCRIPTION_LIMIT
    assert all(count_units(part) <= REST_LIMIT for part in rest)
    if rest:
        assert body.endswith(f"\n\n{CONTINUED}")
        body = body.removesuffix(f"\n\n{CONTINUED}")
    if text.strip():
        assert body + "".join(rest) == text
    assert not issues[0].shortened, "nothing is cut"


def test_the_rest_is_numbered() -> None:
    """The parts say which of how many they are, one that is full in fewer words; the description is the first."""
    issues = issues_of(CONTINUING, [("P-1", "Title", "word " * 3_500, "P1", "Open")])
    due = Due("demo:P-1", issues[0].parts, "separate", AlreadyAdded())
    planned = plan_additions(due, lambda text, key: ())
    assert [addition.act for addition in planned] == [Act.COMMENT] * 2
    openings = [unmarked(orjson.loads(addition.body)["detail"]).partition("\n\n")[0] for addition in planned]
    assert max(count_units(orjson.loads(addition.body)["detail"]) for addition in planned) <= COMMENT_LIMIT
    assert openings == ["part 2 of 3", "Description, part 3 of 3"]


def test_a_footer_leaves_room_for_a_text() -> None:
    """However long a cell in it is: the row is sent, and all of the cell is in a comment."""
    mapping = mapping_of(description={"column": "Text", "too_long": "continue"}, footer={"Notes": "State"})
    issues = issues_of(mapping, [("P-1", "Title", "text", "P1", "word " * 2_500)])
    assert count_units(issues[0].description) < DESCRIPTION_LIMIT
    assert issues[0].description.startswith("text\n\n---\n")
    (comment,) = issues[0].parts.comments
    assert comment.text == f"Notes:\n\n{'word ' * 2_500}"


def test_a_full_title_and_a_rest() -> None:
    """A title that is cut opens the description, whose rest goes on."""
    mapping = mapping_of(
        title={"column": "Title", "too_long": "shorten"}, description={"column": "Text", "too_long": "continue"}
    )
    title, text = "t" * 250, "word " * 2_500
    issues = issues_of(mapping, [("P-1", title, text, "P1", "Open")])
    assert len(issues[0].title) == TITLE_LIMIT
    body = issues[0].description.partition(f"\n\n{CONTINUED}")[0] + "".join(issues[0].parts.rest)
    assert body == f"Full title: {title}\n\n{text}"


def test_mentions_are_defused_everywhere() -> None:
    """In the title, the text, its rest and the footer no agent is called."""
    mapping = mapping_of(description={"column": "Text", "too_long": "continue"}, footer={"Team": "State"})
    issues = issues_of(mapping, [("@norm", "Ask @Norm", "@norm fix this. " * 1_000, "P1", "@NORM")])
    texts = [*[issue.title for issue in issues], *[issue.description for issue in issues], *issues[0].parts.rest]
    assert not [text for text in texts if "@norm" in text.casefold()]
    assert sum(text.count("(at)norm fix") for text in texts) == 1_000


def test_a_group_has_one_description() -> None:
    """Of rows that are one issue the first has what all say, and its rest."""
    mapping = mapping_of(group=["Key"], description={"column": "Text", "too_long": "continue"})
    rows = [("P-1", "Title", word * 2_000, "P1", "Open") for word in ("one ", "two ")]
    issues = issues_of(mapping, rows, HEADER)
    whole = issues[0].description + "".join(issues[0].parts.rest)
    assert (whole.count("one"), whole.count("two")) == (2_000, 2_000)
    assert not any(issues[1].parts)
