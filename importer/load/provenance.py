"""Provenance: tells additions of an import from people's additions, even after the ledger was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from importer.codes import ADDITION_UNPROVEN
from importer.ledger.added import Added, AddedOperations
from importer.ledger.schema import UNDECIDED, State
from importer.ledger.statements import portions
from importer.load.acts import HANGING, Held, fingerprint, fingerprint_shown, is_addition
from importer.load.addition_reader import AdditionReader, ListReading
from importer.records import ADDITIONS, Act, Addition
from importer.scratch import Scratch
from importer.transform.comment_texts import REST, name_part, stem_of
from importer.transform.markers import comment_markers, find_openings
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot


async def find_existing_additions(
    reader: AdditionReader,
    issue_id: str,
    planned: Sequence[Addition],
    ours: Held,
) -> tuple[list[Addition], dict[Act, ListReading]]:
    """Find those of these additions that an issue has already; comments are returned as they are there.

    The second is what the issue has shown of each kind that may not be added twice: see `proves_absence`.

    planned  as they are to be sent, but each comment by itself
    ours     the additions that are known on the issue: these don't count here

    Raises CallFailed, and what `PacedCalls.call` raises.
    """
    acts = dict.fromkeys(addition.act for addition in planned)
    held = await reader.read_held(issue_id, (act for act in acts if act is not Act.COMMENT))
    unclaimed = {act: marks - ours[act] for act, marks in held.items()}
    shown: dict[Act, ListReading] = {
        act: ListReading(marks, marks.total()) for act, marks in held.items() if act is not Act.EVIDENCE
    }
    found = list[Addition]()
    for addition in planned:
        if addition.act in unclaimed:
            mark = fingerprint(addition.act, issue_id, addition.body)
            if unclaimed[addition.act][mark] > 0:
                unclaimed[addition.act][mark] -= 1
                found.append(addition)
    if Act.COMMENT in acts:
        entries = await reader.read_entries(issue_id)
        said = [(fingerprint_shown(issue_id, each), each.detail) for each in reversed(entries) if is_addition(each)]
        shown[Act.COMMENT] = ListReading(Counter(mark for mark, _ in said), len(entries))
        details = _leave_out(said, ours[Act.COMMENT])
        found += find_marked_comments([each for each in planned if each.act is Act.COMMENT], details)
    return found, shown


def _leave_out(said: Iterable[tuple[bytes, str]], known: Counter[bytes]) -> Iterator[str]:
    """Yield the texts of comments that are not known, each fingerprint as often as it is known left out."""
    known = known.copy()
    for mark, detail in said:
        if known[mark] > 0:
            known[mark] -= 1
        else:
            yield detail


def find_marked_comments(comments: Sequence[Addition], details: Iterable[str]) -> Iterator[Addition]:
    """Yield an issue's comments that have the marker of any of these, each as one addition that covers all in it.

    A comment may have been folded or parted otherwise then: of a part its own opening line says which it is.
    """
    stems = {stem_of(each.name): each for each in comments}
    by_id = {stem.partition("/")[0]: each for stem, each in stems.items()}
    for each in comments:  # it may have been sent before the mapping named the source's own ids
        by_id |= {content: each for _, _, content in (name.partition("=") for name in each.covers) if content}
    markers: dict[int, dict[str, str]] = {}  # number of a part → marker → id of a comment that has such a part
    for detail in details:
        carried = list[Addition]()
        for marker, part, total in find_openings(detail):
            if part not in markers:
                named = ((each.key, f"{id_}/{part}") for id_, each in by_id.items())
                markers[part] = dict(zip(comment_markers(named), by_id, strict=True))
            id_ = markers[part].pop(marker, "")  # another with the same one is a copy
            stem = f"{id_}/{part}"
            if id_ == REST and stem in stems:
                carried.append(stems[stem])
            elif id_ and id_ != REST:
                carried.append(by_id[id_]._replace(name=name_part(id_, part, total)))
        if carried:
            covers = tuple(name for addition in carried for name in addition.covers)
            yield carried[0]._replace(body=orjson.dumps({"detail": detail}), covers=covers)


def count_own(added: Iterable[Added]) -> dict[Act, Counter[bytes]]:
    """Count additions of a key: act → fingerprint → number."""
    ours = {act: Counter[bytes]() for act in ADDITIONS}
    for each in added:
        ours[each.act][each.sha] += 1
    return ours


def count_most(snapshot: Snapshot, ours: Held) -> dict[str, int]:
    """Return how many links, flags and relations of an issue may be ours at most.

    Links of a create are in its snapshot; they are among ours, too.
    """
    return {name: max(snapshot.counts.get(f"{name}_count", 0), ours[act].total()) for name, act in HANGING.items()}


def find_miscounts(snapshot: Snapshot, issue: Issue, ours: Held) -> list[str]:
    """Name the kinds of which an issue has more than may be ours, or fewer than its snapshot has."""
    miscounts = []
    for name, most in count_most(snapshot, ours).items():
        least, now = snapshot.counts.get(f"{name}_count", 0), getattr(issue, f"{name}_count")
        if not least <= now <= most:
            miscounts.append(f"{name}s")
    return miscounts


class OwnAdditions(NamedTuple):
    """The additions of ours on an issue: those that were sent or perhaps sent, and those that Triage acknowledged."""

    sent: Held
    acknowledged: Held


class Provenance:
    """Knows the additions of ours on each issue of a source; a relation that was sent is on both its issues."""

    def __init__(self, additions: AddedOperations) -> None:
        """Read where relations lead to. Raises StorageFull if the temporary disk is full."""
        self._additions = additions
        self._incoming = Scratch("CREATE TABLE incoming (key TEXT, sha BLOB); CREATE INDEX by_key ON incoming (key);")
        self._incoming.write("INSERT INTO incoming VALUES (?, ?)", additions.relation_ends())

    def find(self, keys: Sequence[str]) -> dict[str, OwnAdditions]:
        """Return the additions of ours on the issue of each of these keys."""
        added, own = self._additions.of(keys), dict[str, OwnAdditions]()
        for key in keys:
            its = added.get(key, ())
            done = count_own(each for each in its if each.state is State.DONE)
            own[key] = OwnAdditions(count_own(filter(_is_perhaps_there, its)), done)
        for some in portions(keys):
            query = f"SELECT key, sha FROM incoming WHERE key IN ({', '.join('?' * len(some))})"
            for key, sha in self._incoming.rows(query, some):
                own[key].sent[Act.RELATION][sha] += 1
        return own


def _is_perhaps_there(added: Added) -> bool:
    return added.state in (State.DONE, *UNDECIDED) or added.code == ADDITION_UNPROVEN
