"""Texts that are stored otherwise than they were sent."""

from __future__ import annotations

import pytest

from tests.harness.rewriting import WAYS
from tests.sandbox.conftest import MakeApi

SENT = ' A <b> & "c" · it\'s  🎧 \n\n---\n\nﬁne '
STORED = {
    "escape": ' A &lt;b&gt; &amp; "c" · it\'s  🎧 \n\n---\n\nﬁne ',
    "blanks": 'A <b> & "c" · it\'s 🎧\n---\nﬁne',
    "emoji": ' A <b> & "c" · it\'s  :headphone: \n\n---\n\nﬁne ',
    "trim": 'A <b> & "c" · it\'s  🎧\r\n\r\n---\r\n\r\nﬁne',
    "polish": " A <b> & “c” · it’s  🎧 \n\n—\n\nfine ",
}


@pytest.mark.parametrize("way", WAYS)
def test_texts_are_rewritten(make_api: MakeApi, way: str) -> None:
    """Titles, descriptions, comments and notes of flags, on the way in; nothing else."""
    api = make_api(rewrite_texts=way)
    issue = api.create(title=SENT, description=SENT, category=" a  <b> ")
    assert (issue["title"], issue["description"], issue["category"]) == (STORED[way], STORED[way], " a  <b> ")
    path = f"/v1/triage/issues/{issue['id']}"
    assert api.data("PATCH", path, {"description": f"{SENT}<"})["description"] != STORED[way]
    assert api.data("POST", f"{path}/comments", {"detail": SENT}, expect=201)["detail"] == STORED[way]
    api.data("POST", f"{path}/resources", {"resource_type": "call", "resource_id": "c  1"}, expect=201)
    flag = api.data("POST", f"{path}/flags", {"call_id": "c  1", "type": "late", "note": SENT}, expect=201)
    assert (flag["note"], flag["call_id"]) == (STORED[way], "c  1")
