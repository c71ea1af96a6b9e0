"""Occurrences of issues that recur: what each row says, and what is new of it beside what its issue has.

An occurrence is a comment whose id is derived from the texts under `recurring: occurrence`. What becomes of it later is
another comment, as none can be edited: its first correction has the number 1. Which of them an issue has, and what the
last one says, follows from what the ledger says that its comments cover: `ID@0=CONTENT` for the occurrence itself,
`ID@NUMBER=CONTENT` for a correction, `ID@NUMBER!=CONTENT` where it was withdrawn; behind the content stands `@NUMBER`
once more, as a correction may say what an earlier one has said, and `.ROW:SEVERITY`, the digest of the row that says it
and how severe it was. Where `duplicates` takes the newest row, `~DATE` stands before the sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from importer.codes import SKIP_PREFIX
from importer.mapping.model import MappingModel, fold
from importer.mapping.texts import Text
from importer.records import Act, Addition, AlreadyAdded, Comment, Finding, Flag, IssueParts, Occurrence
from importer.transform.columns import Columns, map_distinct
from importer.transform.dates import FORMAT_HINT, read_date
from importer.transform.footers import one_line, read_labels
from importer.transform.markers import comment_marker, hex_digest
from importer.transform.row_keys import content_key
from importer.transform.shown_people import ShownPeople

ANSWER_PREFIX = "answer-"
EMPTY = Finding(
    "occurrence-empty",
    "recurring",
    "the texts under `occurrence` are empty, so its content tells it from others: once edited, it is another one",
    "fill the columns that `recurring: occurrence` names",
    rejects=False,
)
_ABOUT = re.compile(
    r"([0-9a-f]{16})@([0-9]+)(!?)(?:~([0-9.]+))?=([0-9a-f]{16})(?:@[0-9]+)?(?:\.([0-9a-f]{16}):([a-z]*))?"
)


class ChunkOccurrences(NamedTuple):
    """The occurrences in a chunk, and the findings on rows that are known by their content alone.

    comments  row → what it says
    worded    row → the digest of that as the mapping words it
    """

    comments: dict[int, Comment]
    worded: dict[int, str]
    findings: list[tuple[int, Finding]]


def read_occurrences(
    mapping: MappingModel, columns: Columns, skips: Sequence[str], shown: ShownPeople
) -> ChunkOccurrences:
    """Read what each row says of its occurrence, but for rows that are skipped for what they lack.

    Its id is that of its texts; of a date, which somebody may type again in another form, of what it says.
    A line of the footer that all rows of the issue share, or that names the occurrence, isn't repeated.
    """
    assert mapping.recurring is not None
    named = [[text.strip() for text in columns.text(each)] for each in mapping.recurring.occurrence]
    meant = [map_distinct(lambda text: _plain_date(text, columns.date_formats), texts) for texts in named]
    shared = [[text.strip() for text in columns.text(each)] for each in mapping.group]
    nothing = [""] * len(columns)
    notes = nothing if mapping.description is None else columns.text(mapping.description)
    dates = nothing if mapping.created is None else columns.text(mapping.created)
    answers = nothing if mapping.answer is None else [text.strip() for text in columns.text(mapping.answer)]
    compared = ((mapping.answer, fold), (mapping.description, _normalise))
    contents = list(map("\x1d".join, zip(*(_read_cells(columns, *each) for each in compared), strict=True)))
    labels = list(read_labels(mapping, columns, shown))
    found = ChunkOccurrences({}, {}, [])
    for row, skip in enumerate(skips):
        if row in columns.chunk.defects or not (skip == "" or is_withdrawal(skip)):
            continue
        own, same = ([column[row] for column in each] for each in (named, meant))
        if not any(own):
            own = same = [content_key(columns.chunk.raw[row])]
            found.findings.append((row, EMPTY))
        id_ = hex_digest(orjson.dumps(same).decode())[:16]
        said = {"", *own, *(column[row] for column in shared), dates[row].strip(), answers[row]}
        lines = [f"Answer: {one_line(answers[row])}"] if answers[row] else []
        lines += [f"{each.name}: {one_line(text)}" for each in labels if (text := each.texts[row].strip()) not in said]
        if skip:
            verdict = skip.removeprefix(SKIP_PREFIX).removeprefix(ANSWER_PREFIX).replace("-", " ")
            lines = [f"now {verdict}", *lines]
        note = notes[row].strip()
        text = "\n\n".join(filter(None, [note, "\n".join(lines)]))
        content = hex_digest(f"{id_}\x1d{contents[row]}")[:16]
        found.worded[row] = hex_digest("\n".join((id_, skip, answers[row], note)))[:16]
        who = " · ".join(filter(None, own))
        found.comments[row] = Comment(id_, who, dates[row].strip(), text, content=content)
    return found


def _plain_date(text: str, formats: tuple[str, ...]) -> str:
    """A date in one form, whatever form it has; any other text, and a mere number, as it is."""
    date = None if text.isdecimal() else read_date(text, formats)
    if date is None:
        return text
    return str(date.date()) if (date.hour, date.minute, date.second) == (0, 0, 0) else date.isoformat()


def _read_cells(columns: Columns, text: Text | None, compared: Callable[[str], str]) -> list[str]:
    """What the cells say that a text is made of, for each row, whatever the mapping makes of them."""
    refs = [] if text is None else sorted(set(text.refs))
    cells = [map(compared, column) for ref in refs for column in columns.cells(ref)]
    return list(map("\x1f".join, zip(*cells, strict=True))) if cells else [""] * len(columns)


def _normalise(text: str) -> str:
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return "\n".join(text.splitlines()).strip()


def find_undated(
    mapping: MappingModel, columns: Columns, created: Sequence[datetime | None] | None
) -> Iterator[tuple[int, Finding]]:
    """(row, warning) for each occurrence whose date can't be read, where it decides whether an issue is reopened."""
    if (
        mapping.recurring is None
        or mapping.created is None
        or created is None
        or not mapping.recurring.finished.reopens
    ):
        return
    for row, (text, at) in enumerate(zip(columns.text(mapping.created), created, strict=True)):
        if at is None and text.strip():
            message = f"the date {text.strip()!r} can't be read: its issue is reopened if it is finished"
            yield row, Finding("occurrence-undated", "created", message, FORMAT_HINT, rejects=False)


def is_withdrawal(skip: str) -> bool:
    """Whether a row is left out because of what it says, by a rule of the mapping: then it is no finding any more."""
    return skip.startswith((SKIP_PREFIX, ANSWER_PREFIX))


def make_occurrences(
    mapping: MappingModel,
    comments: Mapping[int, Comment],
    worded: Mapping[int, str],
    skips: Sequence[str],
    flags: Mapping[int, tuple[Flag, ...]],
    created: Sequence[datetime | None] | None,
    newest: Sequence[datetime | None] | None,
) -> dict[int, tuple[Occurrence, ...]]:
    """Put together what rows say, with the flags and dates that they have; a row has one occurrence."""
    assert mapping.recurring is not None
    reopens, made = mapping.recurring.finished.reopens, dict[int, tuple[Occurrence, ...]]()
    for row, comment in comments.items():
        said = comment if comment.text else comment._replace(text="No note.")
        at, dated = (_read_seconds(dates, row) for dates in (created, newest))
        made[row] = (Occurrence(said, flags.get(row, ()), bool(skips[row]), at, dated, reopens, worded[row]),)
    return made


def _read_seconds(dates: Sequence[datetime | None] | None, row: int) -> float:
    date = None if dates is None else dates[row]
    return 0.0 if date is None else date.timestamp()


class Word(NamedTuple):
    """What was said of an occurrence last: its number, whether that withdrew it, its content, and of its row the date,
    the digest, and the severity.

    The number -1 is nothing, the date 0 none; digest and severity are "" if the version before has said it.
    """

    number: int = -1
    is_withdrawal: bool = False
    content: str = ""
    dated: float = 0.0
    row: str = ""
    severity: str = ""

    def says(self, occurrence: Occurrence) -> bool:
        """Whether an occurrence is as it was: its note and answer are, or all of its row, or both as they were worded.

        The wording is what the version before has compared. Where nobody knows what was said, it is taken for that.
        """
        if self.number < 0 or self.is_withdrawal != occurrence.is_withdrawn:
            return False
        contents = ("", occurrence.comment.content, occurrence.worded)
        return self.content in contents or self.row == occurrence.row != ""


UNSAID = Word()


def read_covered(covered: Iterable[str]) -> dict[str, Word]:
    """Occurrence → what was said of it last."""
    last = dict[str, Word]()
    for name in covered:
        if found := _ABOUT.fullmatch(name):
            id_, number, withdrawal, dated, content, *row = found.groups("")
            word = Word(int(number), bool(withdrawal), content, float(dated or 0), *row)
            last[id_] = max(last.get(id_, UNSAID), word)
    return last


def read_said(covered: Iterable[str]) -> Counter[str]:
    """Count what comments say of occurrences, each once in however many parts: `new`, `corrected`, `withdrawn`."""
    found = {each.group(1, 2, 3) for each in map(_ABOUT.fullmatch, covered) if each}
    return Counter(
        "withdrawn" if withdrawal else "corrected" if int(number) else "new" for _, number, withdrawal in found
    )


def find_last(key: str, occurrences: Iterable[Occurrence], had: AlreadyAdded) -> dict[str, Word]:
    """Occurrence → what was said of it last, by the ledger, and by the markers that were recalled where it was lost.

    What is only known by its marker has no content.
    """
    last = read_covered(had.covered)
    for id_ in [each.comment.id for each in occurrences] if (Act.RECALL, "") in had.names else ():
        word: Word | None = last.get(id_, UNSAID)
        while word is not None:
            last[id_] = word
            candidates = (Word(word.number + 1, is_withdrawal) for is_withdrawal in (False, True))
            word = next((each for each in candidates if is_recalled(key, f"{_name(id_, each)}/1", had)), None)
    return last


def is_recalled(key: str, stem: str, had: AlreadyAdded) -> bool:
    """Whether the marker of a comment, or of a part of it, is among those that its issue has shown."""
    return comment_marker(key, stem) in had.covered


def _name(id_: str, word: Word) -> str:
    """The id of the comment that says a word about an occurrence: it doesn't depend on what it says."""
    return hex_digest(f"{id_}@{word.number}{'!' * word.is_withdrawal}")[:16] if word.number else id_


def say_what_is_new(key: str, parts: IssueParts, had: AlreadyAdded) -> IssueParts:
    """Turn the occurrences of an issue into comments: new ones, corrections, withdrawals; corrected ones flag nothing.

    What is known is a comment, too, which isn't planned again once all of it is there. Of what is no finding any more,
    nothing is said again, whatever its row says by now.
    """
    if not parts.occurrences:
        return parts
    last, comments, left_out = find_last(key, parts.occurrences, had), list[Comment](), set[Flag]()
    for each in parts.occurrences:
        word = last.get(each.comment.id, UNSAID)
        number, was_withdrawn, *_ = word
        is_known = word.says(each)
        if each.is_withdrawn and (number < 0 or was_withdrawn) and not is_known:
            continue
        # A flag that is still to be made is in the ledger; one of another row would be a second one.
        if number > 0 or (number == 0 and not (is_known and word.row in ("", each.row))):
            left_out.update(each.flags)
        if is_known and word.content:
            each = each._replace(comment=each.comment._replace(content=word.content), row="")
        comments.append(_number(each, number if is_known else number + 1))
    flags = tuple(flag for flag in parts.flags if flag not in left_out)
    return parts._replace(comments=(*parts.comments, *comments), flags=flags)


def _number(occurrence: Occurrence, number: int) -> Comment:
    """The comment of an occurrence that is the `number`-th to say what has become of it; the occurrence itself is 0."""
    comment, is_withdrawn = occurrence.comment, occurrence.is_withdrawn
    about = _about(occurrence, number)
    content = f"{comment.content}@{number}" if number else comment.content
    row = f".{occurrence.row}:{occurrence.severity}" if occurrence.row else ""
    said = comment._replace(about=about, content=content + row)
    if not number:
        return said
    id_ = _name(comment.id, Word(number, is_withdrawn))
    return said._replace(id=id_, text=f"{'Withdrawn' if is_withdrawn else 'Corrected'}: {comment.text}")


def _about(occurrence: Occurrence, number: int) -> str:
    dated = f"~{occurrence.dated}" if occurrence.dated > 0 else ""
    return f"{occurrence.comment.id}@{number}{'!' * occurrence.is_withdrawn}{dated}"


def plan_recall(key: str, parts: IssueParts, had: AlreadyAdded) -> Iterator[Addition]:
    """Plan to read, once, what the comments of an issue tell of occurrences that the ledger may not know any more.

    Of newer rows that say nothing new, the dates are planned to be kept: nothing is read for these.
    """
    if parts.occurrences and had.was_lost:
        yield Addition(key, Act.RECALL, "", b"{}")
    newer, last = list[str](), find_last(key, parts.occurrences, had) if parts.occurrences else {}
    for each in parts.occurrences:
        word = last.get(each.comment.id, UNSAID)
        says_nothing = word.says(each) or (word.is_withdrawal and each.is_withdrawn)
        if word.content and says_nothing and word.dated < each.dated:
            row = f".{word.row}:{word.severity}" if word.row else ""
            newer.append(f"{_about(each, word.number)}={word.content}{row}")
    if newer:
        yield Addition(key, Act.RECALL, hex_digest("\n".join(newer))[:16], b"{}", tuple(newer))


def plan_reopening(key: str, parts: IssueParts, had: AlreadyAdded) -> Iterator[Addition]:
    """Plan to look whether a known issue is finished that gets new occurrences, or withdrawn ones that fail again.

    It is named by the latest of these. Of a run that isn't over, those that it has added already count, too.
    """
    last, new = find_last(key, parts.occurrences, had) if parts.occurrences else {}, dict[str, Occurrence]()
    begun = read_covered(had.begun)
    for each in parts.occurrences if last else ():
        number, was_withdrawn, *_ = last.get(each.comment.id, UNSAID)
        if number < 0 or was_withdrawn:
            number += 1
        elif each.comment.id not in begun or not (number == 0 or _is_withdrawn(each, number - 1, had)):
            continue
        if not each.is_withdrawn:
            new[_number(each, number).id] = each
    if names := [name for name in new if (Act.REOPEN, name) not in had.names]:
        latest = max(names, key=lambda name: new[name].at)
        body = orjson.dumps({"reopens": new[latest].reopens, "at": new[latest].at})
        yield Addition(key, Act.REOPEN, latest, body)


def _is_withdrawn(occurrence: Occurrence, number: int, had: AlreadyAdded) -> bool:
    """Whether the `number`-th word about an occurrence withdrew it."""
    return any(name.startswith(f"{occurrence.comment.id}@{number}!") for name in had.covered)
