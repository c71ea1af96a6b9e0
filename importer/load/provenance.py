"""Adoption: what an import whose ledger is lost has added to an issue is known again, so that nothing is sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import orjson

from importer.load.lookback import COMMENT, Lookback, fingerprint, fingerprint_shown
from importer.records import Act, Addition
from importer.transform.addition_plan import SEPARATOR
from importer.triage.snapshot import normalise

RULE = " ".join(["", *SEPARATOR.split(), ""])


async def find_adopted(
    lookback: Lookback, issue_id: str, additions: Sequence[Addition], ours: Counter[bytes]
) -> list[Addition]:
    """Say which of these additions hang on an issue already; comments come as they are there.

    additions  as they are to be sent, but comments each by itself
    ours       how often each fingerprint is known as ours on that issue: those are others

    Raises CallFailed, and what `PacedCalls.call` raises.
    """
    acts = dict.fromkeys(addition.act for addition in additions)
    held = await lookback.read_held(issue_id, (act for act in acts if act is not Act.COMMENT))
    left = {act: marks - ours for act, marks in held.items()}
    found = list[Addition]()
    for addition in additions:
        mark = fingerprint(addition.act, issue_id, addition.body)
        if addition.act in left and left[addition.act][mark] > 0:
            left[addition.act][mark] -= 1
            found.append(addition)
    if Act.COMMENT in acts:
        entries = reversed(await lookback.read_entries(issue_id))
        said = [(fingerprint_shown(issue_id, entry), entry.detail) for entry in entries if entry.type == COMMENT]
        found += find_comments((each for each in additions if each.act is Act.COMMENT), _leave_out(said, ours))
    return found


def _leave_out(said: Iterable[tuple[bytes, str]], known: Counter[bytes]) -> Iterator[str]:
    """The comments that are not known."""
    known = known.copy()
    for mark, detail in said:
        if known[mark] > 0:
            known[mark] -= 1
        else:
            yield detail


def find_comments(additions: Iterable[Addition], details: Iterable[str]) -> Iterator[Addition]:
    """Give an issue's comments that carry any of these, each as one addition that covers all that it carries.

    However they were folded then, and whatever the source has lost since, each is found by its own text. `details` is
    what the issue's comments say, the oldest first.
    """
    left = [(_enclose(orjson.loads(addition.body)["detail"]), addition) for addition in additions]
    for detail in details:
        text, carried = _enclose(detail), list[Addition]()
        for each in list(left):
            if text == RULE:
                break
            its_text, addition = each
            if its_text in text:
                text = text.replace(its_text, RULE, 1)
                carried.append(addition)
                left.remove(each)
        if carried:
            covers = tuple(name for addition in carried for name in addition.covers)
            yield carried[0]._replace(body=orjson.dumps({"detail": detail}), covers=covers)


def _enclose(detail: str) -> str:
    """A comment in one line between two rules, as they separate what is folded; a target may trim what we sent."""
    return f"{RULE}{' '.join(normalise(detail).split())}{RULE}"
