"""The rules that reject a row or warn of it: records in, findings out, without any effect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, filterfalse

from importer.api import (
    CATEGORY_LIMIT,
    DESCRIPTION_LIMIT,
    SEVERITIES,
    SOURCES,
    STATUSES,
    TITLE_LIMIT,
    VALUE_FIELDS,
    count_units,
)
from importer.codes import CATEGORY_TOO_LONG, DATE_UNREADABLE, DESCRIPTION_TOO_LONG, SOURCE_INVALID, TITLE_TOO_LONG
from importer.mapping.model import MappingModel
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import as_source, quote
from importer.records import Finding, IssueParts
from importer.transform.chunk_records import Records
from importer.transform.columns import Columns
from importer.transform.dates import FORMAT_HINT
from importer.transform.lengths import find_longer
from importer.transform.plain_text import is_filled
from importer.transform.value_maps import Mapped, Step

KEY_LIMIT = 1_000
"""How many bytes a key may have: two of them, as a relation has, fit into an index of PostgreSQL."""
ALLOWED = {"severity": SEVERITIES, "status": STATUSES}
FILL_HINT = "fill it in the errors file, and give that file to `run`"
HIDDEN_HINT = (
    "it names a person, and only errors.csv and the source show it: correct it there, or map the value as it is there"
)


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a chunk: row → its findings, in the order of the fields; rows without any are absent."""

    by_row: dict[int, list[Finding]] = field(default_factory=dict)

    def add(self, row: int, finding: Finding) -> None:
        self.by_row.setdefault(row, []).append(finding)

    def change(self, change: Callable[[Finding], Finding]) -> None:
        for row, found in self.by_row.items():
            self.by_row[row] = list(map(change, found))

    def rejects(self, row: int) -> bool:
        """Whether any finding of the row keeps it from being sent."""
        return any(finding.rejects for finding in self.by_row.get(row, ()))


def validate(records: Records, *, name_given: bool, mapping: MappingModel | None = None) -> Findings:
    """Apply all rules to a chunk's records.

    Skipped rows have no findings. A defective row has its defect and nothing else; a defect that doesn't reject is the
    reason why its row is skipped. `name_given`: the source was named on the command line or in the user's mapping,
    which `input.local_key` demands. With its `mapping`, a row without a title is told what could be one.
    """
    findings = Findings()
    followers = records.keys.followers()
    for row, finding in records.chunk.defects.items():
        if finding.rejects:
            findings.add(row, finding)
    for row, finding in chain(
        _missing_keys(records, mapping),
        _keys(records, name_given),
        _titles(records, mapping),
        _descriptions(records),
        *(_values(name, records.values[name]) for name in VALUE_FIELDS),
        _sources(records),
        records.noted,
        _dates(records),
        _characters(records),
    ):
        # Title and description of a group are those of its first row.
        is_merged = row in followers and finding.field in ("title", "description")
        if not records.skips[row] and row not in records.chunk.defects and not is_merged:
            findings.add(row, finding)
    return findings


def _keys(records: Records, name_given: bool) -> Iterator[tuple[int, Finding]]:
    unnamed = Finding(
        "key-needs-name",
        "key",
        "this key is unique only within one project",
        "name the project: --source-name NAME, or `input: {name: NAME}` in your mapping",
    )
    for row, (key, local) in enumerate(zip(records.keys.full, records.keys.local, strict=True)):
        # No character takes more than four bytes: a short key need not be encoded.
        if len(key) > KEY_LIMIT // 4 and (size := len(key.encode("utf-8", "surrogatepass"))) > KEY_LIMIT:
            message = f"the key, with the source's name, has {size:,} bytes, {KEY_LIMIT:,} allowed"
            yield row, Finding("key-too-long", "key", message, "let `input.key` name a column of short ids")
        elif local and key and not name_given:
            yield row, unnamed


def _missing_keys(records: Records, mapping: MappingModel | None) -> Iterator[tuple[int, Finding]]:
    rows = [row for row, key in enumerate(records.keys.full) if not key]
    group = mapping.group if rows and mapping is not None else ()
    texts = [(", ".join(ref.name for ref in each.refs), records.columns.text(each)) for each in group]
    for row in rows:
        message, hint = "no native key", "fill the key column, or set `input: {key: {content: true}}` in the mapping"
        if empty := [name for name, column in texts if not column[row].strip()]:
            message, hint = f"nothing in {', '.join(empty)}, which `group` names", FILL_HINT
        yield row, Finding("key-missing", "key", message, hint)


def _titles(records: Records, mapping: MappingModel | None) -> Iterator[tuple[int, Finding]]:
    for row in [row for row, title in enumerate(records.texts.titles) if not title]:
        hint = FILL_HINT
        if mapping is not None and (line := _title_from_description(records.columns, mapping, row)):
            hint = f"`{line}` in the mapping, or in one that extends it, takes it from the description; or {hint}"
        yield row, Finding("title-missing", "title", "the title is empty", hint)
    for row in find_longer(records.texts.titles, TITLE_LIMIT):
        message = f"{count_units(records.texts.titles[row])} characters, {TITLE_LIMIT} allowed"
        hint = "`title: {too_long: shorten}` in the mapping keeps the full title in the description"
        yield row, Finding(TITLE_TOO_LONG, "title", message, hint)
    yield from _shortened(records, "title", "the full title opens the description")


def _title_from_description(columns: Columns, mapping: MappingModel, row: int) -> str:
    """The line of a mapping that takes an empty title from the description; "" if that is empty, too."""
    told = mapping.description or Text(value="")
    filled = next((ref for ref in told.refs if any(is_filled(cells[row]) for cells in columns.cells(ref))), None)
    if filled is None:
        return ""
    read = [f"{{{as_source(ref)}}}" for ref in mapping.title.refs if columns.cells(ref)]
    as_text = "" if told.format is None else f", format: {told.format}, as: text"
    read.append(f"{{{as_source(filled)}, pattern: '\\S.*'{as_text}}}")
    return f"title: {{first: [{', '.join(read)}], too_long: shorten}}"


def _descriptions(records: Records) -> Iterator[tuple[int, Finding]]:
    hint = (
        "`description: {too_long: continue}` in the mapping lets the text go on in comments, `shorten` cuts it; where "
        "it does already, the footer or the full title alone is too long: name fewer columns under `footer`"
    )
    for row in find_longer(records.texts.descriptions, DESCRIPTION_LIMIT):
        units = count_units(records.texts.descriptions[row])
        message = f"{units:,} characters with its footer, {DESCRIPTION_LIMIT:,} allowed"
        yield row, Finding(DESCRIPTION_TOO_LONG, "description", message, hint)
    yield from _shortened(records, "description", "the rest is only in the source")


def _shortened(records: Records, name: str, where: str) -> Iterator[tuple[int, Finding]]:
    for row, cuts in records.texts.shortened.items():
        for cut_field, units in cuts:
            if cut_field == name:
                yield row, Finding(f"{name}-shortened", name, f"cut from {units:,} characters; {where}", rejects=False)


def _values(name: str, mapped: Mapped) -> Iterator[tuple[int, Finding]]:
    problems = {code: finding for code, step in enumerate(mapped.steps) if (finding := _value_finding(name, step))}
    for code in problems:
        if mapped.steps[code].hidden:
            problems[code] = replace(problems[code], hint=HIDDEN_HINT)
    if problems:
        for row, code in enumerate(mapped.codes):
            if code in problems:
                yield row, problems[code]


def _value_finding(name: str, step: Step) -> Finding | None:
    allowed = ALLOWED.get(name)
    choices = f" ({', '.join(allowed)})" if allowed else ""
    if step.how == "missing":
        return Finding(
            f"{name}-missing", name, f"no {name}", f"add a default for empty cells: `{name}: {{missing: …}}`{choices}"
        )
    if step.how == "undecided":
        what = f"{name} {step.source!r}" if step.source else f"an empty {name}"
        hint = f"put its target in place of `?` in the mapping{choices}"
        return Finding(f"{name}-undecided", name, f"the mapping leaves {what} undecided", hint, step.source)
    if step.how == "unknown":
        settle = f"`{name}: {{values: {{{quote(step.source)}: …}}}}`{choices}"
        if step.target is None:
            message = f"the mapping doesn't know {name} {step.source!r}"
            return Finding(
                f"{name}-unknown", name, message, f"add {settle}, or take suggested-mapping.yaml", step.source
            )
        message = f"the value {step.source!r} is unknown and becomes {step.target!r}"
        return Finding(f"{name}-unknown", name, message, f"to decide it, add {settle}", step.source, rejects=False)
    if step.target is not None and not allowed and not 1 <= count_units(step.target) <= CATEGORY_LIMIT:
        message = f"{count_units(step.target)} characters, {CATEGORY_LIMIT} allowed"
        hint = f"map it: `category: {{values: {{{quote(step.source)}: …}}}}`"
        return Finding(CATEGORY_TOO_LONG, name, message, hint, step.source)
    if allowed and step.target not in allowed:
        message = f"the value {step.target!r} is not one of {', '.join(allowed)}"
        return Finding(f"{name}-unknown", name, message, "map it in the mapping's `values`", step.source)
    if step.neutral:
        source = f"the value {step.source!r}" if step.source else "an empty cell"
        message = f"{source} becomes {step.target!r}, which nobody has decided yet"
        settle = f"`{name}: {{values: {{{quote(step.source)}: …}}, neutral: []}}`{choices}"
        hint = f"decide it, in the mapping or in one that extends it: {settle}"
        return Finding(f"{name}-undecided", name, message, hint, step.source, rejects=False)
    return None


def _sources(records: Records) -> Iterator[tuple[int, Finding]]:
    wrong = set(records.sources) - set(SOURCES)
    hint = "map it, or write `source: {value: client}` in the mapping"
    for row, source in enumerate(records.sources) if wrong else ():
        if source in wrong:
            message = f"source {source!r} is not one of {', '.join(SOURCES)}"
            yield row, Finding(SOURCE_INVALID, "source", message, hint, source)


def _dates(records: Records) -> Iterator[tuple[int, Finding]]:
    for row, text in records.columns.unreadable.items():
        yield row, Finding(DATE_UNREADABLE, "date", f"the date {text!r} can't be read", FORMAT_HINT)


def _characters(records: Records) -> Iterator[tuple[int, Finding]]:
    not_unicode, has_nul = "half a character (a lone surrogate)", "a NUL character"
    to_delete = "delete it (\\u0000 in JSON); many of them mean a wrong --encoding"
    columns = {
        "key": records.keys.full,
        "title": records.texts.titles,
        "description": records.texts.descriptions,
    }
    # Of these a chunk has few distinct texts, which show at once that there is nothing to find.
    of_few = {
        "category": [category or "" for category in records.values["category"].targets],
        "owner_id": records.people.owners,
        "assignee_id": records.people.assignees,
    }
    columns |= {name: column for name, column in of_few.items() if _has_fault(set(column))}
    added: dict[str, dict[int, str]] = {}
    comments = [comment for parts in records.parts.values() for comment in parts.comments]
    who_and_when = {comment.author for comment in comments} | {comment.date for comment in comments}
    # Comments are most of all texts: they are told apart by row only where any of them has a fault.
    has_fault = _has_fault([*who_and_when, *[comment.text for comment in comments]])
    every_part = records.parts.items()
    others = [(row, parts) for row, parts in every_part if parts.evidence or parts.flags or parts.relations]
    for row, parts in every_part if has_fault else others:
        for name, text in _extra_texts(parts):
            said = added.setdefault(name, {})
            said[row] = said[row] + text if row in said else text
    every = [(name, range(len(column)), column) for name, column in columns.items()]
    for name, rows, texts in (*every, *((name, list(said), list(said.values())) for name, said in added.items())):
        if not _has_fault(texts):
            continue
        for row, text in zip(rows, texts, strict=True):
            if not is_unicode(text):
                yield row, Finding("text-not-unicode", name, not_unicode, "correct the text")
            elif "\0" in text:
                yield row, Finding("text-has-nul", name, has_nul, to_delete)


def _has_fault(texts: Collection[str]) -> bool:
    others = "".join(filterfalse(str.isascii, texts))  # encoded at once: by itself each takes several times as long
    return not is_unicode(others) or bool([text for text in texts if "\0" in text])


def _extra_texts(parts: IssueParts) -> Iterator[tuple[str, str]]:
    """The texts of additions, each with the field that it belongs to."""
    if parts.comments:
        yield "comments", "".join([f"{each.author}{each.date}{each.text}" for each in parts.comments])
    for kind, name in parts.evidence:
        yield "resource_links", kind + name
    for flag in parts.flags:
        yield "flags", flag.type + flag.note
    for relation in parts.relations:
        yield "relations", relation.owner + relation.other


def is_unicode(text: str) -> bool:
    """Whether a text can be encoded as UTF-8: it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
