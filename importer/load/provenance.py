"""What hangs on an issue because an import put it there, told from what people did, also after a lost ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import orjson

from importer.ledger.added import Added, AddedOperations
from importer.ledger.schema import UNDECIDED, State
from importer.load.reconcile import Reconciler
from importer.records import ADDITIONS, Act, Addition
from importer.transform.addition_plan import SEPARATOR
from importer.triage.answers import Issue
from importer.triage.fingerprint import COMMENT, Held, fingerprint, fingerprint_shown
from importer.triage.snapshot import normalise

PERHAPS_THERE = (State.DONE, *UNDECIDED)

HANGING = {"resource": Act.EVIDENCE, "flag": Act.FLAG, "relation": Act.RELATION}
"""What may hang on an issue, as its counts and its activity call it → what of ours puts it there."""


RULE = " ".join(["", *SEPARATOR.split(), ""])


async def find_existing_additions(
    lookback: Reconciler, issue_id: str, additions: Sequence[Addition], ours: Counter[bytes]
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


def count_own(added: Iterable[Added], states: Collection[State]) -> dict[Act, Counter[bytes]]:
    """Count a key's additions of each act by their fingerprints, as far as they are in one of these states."""
    ours = {act: Counter[bytes]() for act in ADDITIONS}
    for each in added:
        if each.state in states:
            ours[each.act][each.sha] += 1
    return ours


def count_most(returned: bytes, ours: Held) -> dict[str, int]:
    """Count of what hangs on an issue how much may be ours; `returned` is its memory.

    What came along with a create is in its memory and among ours, but for ledgers of earlier versions.
    """
    memory = orjson.loads(returned)
    return {name: max(memory.get(f"{name}_count", 0), ours[act].total()) for name, act in HANGING.items()}


def find_miscounts(returned: bytes, issue: Issue, ours: Held) -> list[str]:
    """Say of what an issue shows more than may be ours, or less than came along with it; `returned` is its memory."""
    memory, miscounts = orjson.loads(returned), []
    for name, most in count_most(returned, ours).items():
        least, now = memory.get(f"{name}_count", 0), getattr(issue, f"{name}_count")
        if not least <= now <= most:
            miscounts.append(f"{name}s")
    return miscounts


class Provenance:
    """What is ours at each issue of a source, arrived or perhaps arrived; a relation is at both of its ends."""

    def __init__(self, additions: AddedOperations) -> None:
        self._additions = additions
        self._incoming = defaultdict[str, Counter[bytes]](Counter)
        for _, other, sha in additions.relations():
            self._incoming[other][sha] += 1

    def of(self, key: str) -> Held:
        """Say what of all that hangs on the issue of a key is ours, numbers in its description among it."""
        ours = count_own(self._additions.of([key]).get(key, ()), PERHAPS_THERE)
        ours[Act.RELATION] += self._incoming.get(key, Counter())
        return ours
