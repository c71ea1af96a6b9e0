"""By what an addition is known again, as it was sent and as the target shows it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.load.acts import COMMENT, fingerprint, fingerprint_shown
from importer.records import Act
from importer.transform.markers import comment_marker
from importer.triage.answers import Entry, Related
from tests.harness.rewriting import WAYS


@pytest.mark.parametrize(
    ("act", "sent", "shown"),
    [
        (Act.FLAG, {"call_id": "c", "type": "Wrong Tone!"}, {"call_id": "c", "type": "wrong_tone", "note": ""}),
        (
            Act.FLAG,
            {"call_id": "c", "type": "wrongTone"},
            {"call_id": "c", "type": "wrong_tone", "message_index": None},
        ),
    ],
)
def test_the_target_writes_it_its_own_way(act: Act, sent: object, shown: object) -> None:
    """A type's spelling makes no other addition."""
    assert fingerprint(act, "i", orjson.dumps(sent)) == fingerprint(act, "i", orjson.dumps(shown))


def test_ids_in_other_letters() -> None:
    """A relation is the same one where its list writes the ids of issues in capitals: they are UUIDs."""
    one, two = "00000000-0000-4000-8000-00000000001b", "00000000-0000-4000-8000-00000000002c"
    sent = orjson.dumps({"related_issue_id": two, "relation_type": "blocks"})
    for issue_id, other, direction in ((one.upper(), two.upper(), "outgoing"), (two.upper(), one, "incoming")):
        shown = Related("", other, "blocks", direction)
        assert fingerprint_shown(issue_id, shown) == fingerprint(Act.RELATION, one, sent)


FLAGS = st.fixed_dictionaries(
    {
        "call_id": st.sampled_from(["c1", "c2"]),
        "type": st.sampled_from(["tone", "speed"]),
        "note": st.sampled_from(["", "x"]),
        "message_index": st.sampled_from([None, 0, 1]),
    }
)


@given(FLAGS, FLAGS)
def test_flags_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Call, type and turn each make another flag; its note, which a target may rewrite, does not."""
    prints = {fingerprint(Act.FLAG, "i", orjson.dumps(flag)) for flag in (one, other)}
    assert (len(prints) == 1) == (one | {"note": ""} == other | {"note": ""})


MARKED = f"Ann · {comment_marker('s:1', '1')}\n\ntext"


@pytest.mark.parametrize("text", [change(MARKED) for change in WAYS.values()] + [" ".join(MARKED.split())])
def test_a_comment_is_its_marker(text: str) -> None:
    """Whatever a target makes of its text."""
    ours = fingerprint_shown("i", Entry("", COMMENT, MARKED))
    assert fingerprint_shown("i", Entry("", COMMENT, text)) == ours
    assert fingerprint_shown("i", Entry("", COMMENT, f"> {text}\n\nNo.")) != ours
