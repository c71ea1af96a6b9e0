"""Norm, the agent: recognises mentions of it, keeps its sessions, and only counts its dispatches."""

from __future__ import annotations

import unicodedata

from importer.sandbox.request import Answer, Call, Json
from importer.sandbox.storage import Store, new_id

NORM_ID = "0b1a0000-0000-4000-8000-000000000001"
_INVISIBLE = {"Cf", "Mn", "Me"}
"""Unicode categories without a width of their own: joiners, soft hyphens, directions, tags, variations, accents."""
_FILLERS = "\u115f\u1160"
"""Letters that are shown as nothing; the other such letters become one of these by NFKD."""


def mentions_norm(text: str) -> bool:
    """Whether a text mentions `@norm` in the strictest reading: in any case or width, with invisible characters left
    out, anywhere, even within an address."""
    plain = unicodedata.normalize("NFKD", text)
    return "@" in plain and "@norm" in "".join(sign for sign in plain if _is_visible(sign)).casefold()


def _is_visible(sign: str) -> bool:
    control = unicodedata.category(sign) == "Cc" and not sign.isspace()
    return not control and unicodedata.category(sign) not in _INVISIBLE and sign not in _FILLERS


def listen(store: Store, number: int, at: str, text: str) -> None:
    """Dispatch Norm to an issue if a text mentions it; once, however often it does."""
    if not mentions_norm(text):
        return
    row = store.row_or_none("SELECT id FROM sessions WHERE issue = ? ORDER BY seq DESC LIMIT 1", number)
    session_id = row["id"] if row else _open_session(store, number, at)
    store.insert("dispatches", detail=text)
    store.change(number, at, "prompt", text, session_id=session_id)


def start_session(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/agent-sessions: dispatches nothing."""
    number = call.issue_number()
    with call.store.writing() as at:
        session_id = _open_session(call.store, number, at)
    return Answer(show_session(session_id), 201)


def _open_session(store: Store, number: int, at: str) -> str:
    session_id = new_id()
    store.insert("sessions", id=session_id, issue=number)
    store.change(number, at, "session_started", "Started a session.", session_id=session_id)
    return session_id


def show_session(session_id: str) -> Json:
    """Return one of Norm's sessions as the API shows it."""
    return {"id": session_id, "agent_profile_id": NORM_ID, "agent_name": "Norm", "status": "active"}
