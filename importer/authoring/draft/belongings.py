"""Drafting what belongs to an issue beside its fields: who works on it, comments, relations, evidence, markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from importer.authoring.draft.column_scores import header_tokens, holds_internal
from importer.authoring.draft.profile import LEAVES, TEXT_KEPT, Column, make_place
from importer.mapping.header_names import has, is_internal, listed_under, may_discuss, names_of
from importer.mapping.yaml_tree import as_source, quote
from importer.phrases import tokens_of

_HTML = re.compile(r"(?i)</?(?:p|br|div|b|i|u|strong|em|ul|ol|li|a|h[1-6]|span|table|t[rdh]|img|pre|code)\b[^<>]*>")
_WIKI = re.compile(r"(?m)^h[1-6]\. |\{(?:code|noformat|quote|color|panel)\b|\[~\w|^\|\|")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CALL_LINK = re.compile(rf"bland\.ai/\S*{_UUID}")
_CALL_IN_PROSE = rf"bland\.ai/\S*?({_UUID})"
_SIGNED = r"(?s)^(?P<date>\d[^;\n]{4,40}?);(?P<author>[^;\n]{0,255});(?P<text>.*)$"
"""How Jira writes a comment into a cell."""
_KEY = re.compile(r'"(\w+)"\s*:\s*"')  # of a text in a cell of JSON
_ENOUGH = 0.2
"""The least share of a column's texts that have a markup's signs."""


@dataclass
class Belongings:
    """The lines of the mapping, the columns that are not in the footer as well, and what other columns are used for."""

    lines: list[list[str]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    uses: dict[int, str] = field(default_factory=dict)


def markup_of(column: Column) -> str:
    """The `format` of a column's texts, "" for plain ones."""
    texts = list(column.samples)
    for name, signs in (("html", _HTML), ("jira", _WIKI)):
        if sum(signs.search(text) is not None for text in texts) > _ENOUGH * max(1, len(texts)):
            return name
    return ""


def find_belongings(
    columns: Sequence[Column], key: Column | None, prose: Sequence[Column] = (), beside: Sequence[Column] = ()
) -> Belongings:
    """Draft what the columns that are no fields say.

    Of `prose`, the description, only the addresses of calls are taken. `beside` are the columns of a file of comments.
    """
    found = Belongings()
    filled = [column for column in columns if column.filled]
    _add_people(found, filled)
    _add_evidence(found, filled, prose)
    _add_comments(found, filled, _joined(beside, key) if key is not None else ())
    _add_restricted(found, filled)
    _add_relations(found, filled, set(key.samples) if key is not None else set())
    return found


def source_of(column: Column) -> str:
    """Where a text comes from, as YAML within braces."""
    return as_source(column.place.ref)


def _named(column: Column) -> str:
    return " ".join(header_tokens(column))


def _add_people(found: Belongings, columns: Sequence[Column]) -> None:
    others = [column for column in columns if _holds_people(column)]
    exact = [column for column in others if _named(column) in names_of("assigned")]
    exact.sort(key=lambda column: _named(column) == "owner")  # who owns it may be who reported it
    who = next(iter([*exact, *others]), None)
    if who is not None:
        mail = next((column for column in columns if _is_mail_of(who, column)), None)
        more = f", mail: {{{source_of(mail)}}}" if mail else ""
        found.lines.append([f"assignee: {{name: {{{source_of(who)}}}{more}}} # users.csv says who it is in Triage"])
        found.uses.update({column.number: "people" for column in (who, mail) if column is not None})


def _is_mail_of(who: Column, column: Column) -> bool:
    """Whether it is a person's mail address: `assignee.email` of `assignee.name`, `Owner Email` of `Owner`."""
    own, parts = who.place.parts, column.place.parts
    if len(own) > 1:
        return parts[:-1] == own[:-1] and " ".join(tokens_of(parts[-1])) in names_of("mails")
    words = " ".join(header_tokens(column))
    return len(parts) == 1 and any(words == f"{_named(who)} {mail}" for mail in names_of("mails"))


def _holds_people(column: Column) -> bool:
    """Whether a header has a word of who owns or does something, and none that makes it something else."""
    words = header_tokens(column)
    is_else = column.is_boolean or column.is_number or column.date_format() is not None
    return has(words, "holders") and not (has(words, "no_holder") or is_else)


def _add_evidence(found: Belongings, columns: Sequence[Column], prose: Sequence[Column]) -> None:
    lines = [
        f"  - {{{source_of(column)}, type: call, find: '{_CALL_IN_PROSE}'}} # addresses of calls in its texts"
        for column in prose
        if any(map(_CALL_LINK.search, column.samples))
    ]
    for column in columns:
        words, texts = set(header_tokens(column)), list(column.samples)
        if any(map(_CALL_LINK.search, texts)):
            lines.append(f"  - {{{source_of(column)}, type: call, find: '{_UUID}'}} # addresses of calls")
        elif has(words, "calls") and texts and all(re.fullmatch(_UUID, text) for text in texts):
            lines.append(f"  - {{{source_of(column)}, type: call}} # ids that look like those of calls")
    if lines:
        found.lines.append(["resource_links:", *lines])


def _add_comments(found: Belongings, columns: Sequence[Column], joined: Iterable[str]) -> None:
    lines = [*_listed(found, columns), *_arrays(found, columns), *joined]
    taken = [column for column in columns if column.number in found.taken]
    asked = "  private: '?' # keep or drop what is for the team alone"
    inside = [asked] if any(map(holds_internal, taken)) or any(map(_internal_values, taken)) else []
    if lines:
        found.lines.append(["comments:", *inside, "  from:", *lines])


def _add_restricted(found: Belongings, columns: Sequence[Column]) -> None:
    """Flags of the whole row: filled is what they have beside the values that let everybody read it."""
    for column in columns:
        (name, *rest), values = column.place.parts, _internal_values(column)
        if (
            values
            and not rest
            and not holds_internal(column)
            and any(is_internal(name, said) for said in ("yes", "no"))
        ):
            others = "|".join(map(re.escape, column.samples.keys() - values))
            level = f"{source_of(column)}, pattern: {quote(f'^(?!(?:{others})$).+')}"
            found.lines.append(
                [f"restricted: {{level: {{{level}}}, issues: '?'}} # send or skip: not everybody may read it"]
            )
            return


def _internal_values(column: Column) -> set[str]:
    """The values of a flag that say that what stands beside it is for the team alone."""
    whole = (text if len(text) < TEXT_KEPT else text.rpartition(", ")[0] for text in column.samples)  # the rest is cut
    values = {value for text in whole for value in text.split(", ")}
    return {value for value in values if is_internal(column.place.parts[-1], value)}


def _listed(found: Belongings, columns: Sequence[Column]) -> Iterator[str]:
    """Columns that are comments; one that repeats is named once."""
    named: set[str] = set()
    for column in columns:
        name = re.sub(r" \d+$", "", _named(column))  # `Remark 2` is the second
        words = names_of("comments", "repeated_comments") if column.is_list else names_of("comments")
        is_one = (len(column.place.parts) == 1 and name in words) or holds_internal(column)
        if not is_one or column.is_number or column.is_boolean:
            continue
        found.taken.add(column.number)
        source = source_of(column)
        if source not in named:
            named.add(source)
            form = f", format: {form}" if (form := markup_of(column)) else ""
            signed = sum(re.match(_SIGNED, text) is not None for text in column.samples)
            parse = f", parse: '{_SIGNED}'" if signed > len(column.samples) / 2 else ""
            objects = [text for text in column.samples if text.lstrip().startswith("[{")]
            keys = dict.fromkeys((key,) for text in objects for key in _KEY.findall(text))
            each = _each_of(keys) if len(objects) > len(column.samples) / 2 else ""
            yield f"    - {{{source}{each or parse}{form}}} # each {'object' if each else 'filled cell'} is a comment"


def _arrays(found: Belongings, columns: Sequence[Column]) -> Iterator[str]:
    """Arrays of objects that have the text of a comment."""
    arrays: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}
    for column in columns:
        parts = column.place.parts
        depth = next((depth for depth, part in enumerate(parts, 1) if part.endswith("[]")), len(parts))
        if depth < len(parts) and may_discuss(parts[depth - 1][:-2]):
            arrays.setdefault(parts[:depth], {})[parts[depth:]] = column.number
    for array, members in arrays.items():
        if each := _each_of(members):
            found.taken.update(members.values())
            yield f"    - {{path: {quote(make_place(array).ref.name.removesuffix('[]'))}{each}}}"


def _each_of(members: Collection[Sequence[str]]) -> str:
    """What reads a comment from an object with these keys, as YAML; "" if none of them is its text."""
    parts = {part: path for part, keys in listed_under("parts").items() if (path := _path_of(members, keys))}
    return f", each: {{{', '.join(f'{part}: {path}' for part, path in parts.items())}}}" if "text" in parts else ""


def _joined(columns: Sequence[Column], key: Column) -> Iterator[str]:
    """Comments in a file of their own: joined by the column that has most of the keys."""
    by = max(columns, key=lambda column: len(column.samples.keys() & key.samples.keys()), default=None)
    if by is None or not by.samples.keys() & key.samples.keys():
        return
    named = {_named(column): column for column in reversed(columns) if column is not by}
    found = {part: [named[name] for name in names if name in named] for part, names in listed_under("parts").items()}
    parts = {part: make_place(its[0].place.parts).ref.name for part, its in found.items() if its}
    if "text" in parts:
        each = ", ".join(f"{part}: {quote(path)}" for part, path in parts.items())
        path = quote(make_place(by.place.parts).ref.name)
        yield f"    - {{beside: {{by: {path}, key: {{{source_of(key)}}}}}, each: {{{each}}}}} # of --comments FILE"


def _path_of(members: Iterable[Sequence[str]], keys: Sequence[str]) -> str:
    """The path, within an object of an array, of the first of these keys that it has; of a person the name."""
    paths = [[part.removesuffix("[]") for part in parts] for parts in members]
    for key in keys:
        same = [path for path in paths if " ".join(tokens_of(path[0])) == key and all(map(str.isidentifier, path))]
        if same:
            named = [path for path in same if path[-1] in LEAVES]
            return ".".join((named or same)[0])
    return ""


def _without_pointer(words: Sequence[str]) -> Sequence[str]:
    return words[:-1] if words and words[-1] in names_of("pointers") else words


def _add_relations(found: Belongings, columns: Sequence[Column], keys: set[str]) -> None:
    relations = {word: kind for kind, words in listed_under("relations").items() for word in words}
    lines = []
    for column in columns:
        pointer = " ".join(_without_pointer(header_tokens(column)))
        relation = relations.get(_named(column)) or relations.get(pointer)
        names = {name for text in column.samples for name in re.split(r"[\s,;]+", text) if name}
        if relation is not None and names & keys:
            kind = "blocks, inverse: true" if relation == "blocked_by" else relation
            lines.append(f"  - {{{source_of(column)}, type: {kind}, find: '[^\\s,;]+'}} # keys of other rows")
    if lines:
        found.lines.append(["relations:", *lines])
