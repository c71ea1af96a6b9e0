"""By what an addition is known again, as it was sent and as the target shows it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Act
from importer.triage.fingerprint import fingerprint


@pytest.mark.parametrize(
    ("act", "sent", "shown"),
    [
        (Act.COMMENT, {"detail": " a\r\nb\n"}, {"detail": "a\nb"}),
        (Act.COMMENT, {"detail": "Ko\u0308ln"}, {"detail": "Köln"}),
        (Act.FLAG, {"call_id": "c", "type": "Wrong Tone!"}, {"call_id": "c", "type": "wrong_tone", "note": ""}),
        (
            Act.FLAG,
            {"call_id": "c", "type": "wrongTone"},
            {"call_id": "c", "type": "wrong_tone", "message_index": None},
        ),
    ],
)
def test_the_target_writes_it_its_own_way(act: Act, sent: object, shown: object) -> None:
    """White space around texts, line ends, composed characters and a type's spelling make no other addition."""
    assert fingerprint(act, "i", orjson.dumps(sent)) == fingerprint(act, "i", orjson.dumps(shown))


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
    """Call, type, note and turn each make another flag."""
    prints = {fingerprint(Act.FLAG, "i", orjson.dumps(flag)) for flag in (one, other)}
    assert (len(prints) == 1) == (one == other)


def test_what_has_no_list() -> None:
    """A change of the description hangs on no issue."""
    with pytest.raises(ValueError, match="refer adds nothing"):
        fingerprint(Act.REFER, "i", b"{}")
