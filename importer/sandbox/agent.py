"""Norm, the agent: recognises mentions of it, keeps its sessions, and only counts its dispatches."""

from __future__ import annotations

import unicodedata

from importer.sandbox.body_rules import PROMPT
from importer.sandbox.organisation import NORM_ID
from importer.sandbox.refusals import not_found
from importer.sandbox.request import Answer, Call, Json
from importer.sandbox.storage import Event, Store, new_id

_INTENTS = {"fix": "fix", "debug": "fix", "verify": "verify", "status": "status"}
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
    if mentions_norm(text):
        _dispatch(store, number, at, _open_session(store, number, at), text)


def session(session_id: str) -> Json:
    """Return one of Norm's sessions as the API shows it."""
    return {"id": session_id, "agent_profile_id": NORM_ID, "agent_name": "Norm", "status": "active"}


def start_session(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/agent-sessions."""
    number = call.issue_number()
    with call.store.writing() as at:
        session_id = _start_session(call.store, number, at)
    return Answer(session(session_id), 201)


def prompt_norm(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/agent-sessions/{session_id}/prompts: counted, without further effect."""
    number, session_id = call.issue_number(), call.path["session_id"]
    if call.store.row_or_none("SELECT 1 FROM sessions WHERE id = ? AND issue = ?", session_id, number) is None:
        raise not_found("Session")
    detail = call.fields(PROMPT)["detail"]
    with call.store.writing() as at:
        _dispatch(call.store, number, at, session_id, detail)
    first_word = (detail.split() or [""])[0].lower().removeprefix("/")
    intent = _INTENTS.get(first_word, "fix")
    return Answer({"session_id": session_id, "run_id": new_id(), "intent": intent}, 202)


def _open_session(store: Store, number: int, at: str) -> str:
    row = store.row_or_none("SELECT id FROM sessions WHERE issue = ? ORDER BY seq DESC LIMIT 1", number)
    return row["id"] if row else _start_session(store, number, at)


def _start_session(store: Store, number: int, at: str) -> str:
    session_id = new_id()
    store.insert("sessions", id=session_id, issue=number)
    store.add_event(number, at, Event("session_started", "Started a session.", session_id=session_id))
    store.touch(number, at)
    return session_id


def _dispatch(store: Store, number: int, at: str, session_id: str, detail: str) -> None:
    store.insert("dispatches", detail=detail)
    store.add_event(number, at, Event("prompt", detail, session_id=session_id))
    store.touch(number, at)
