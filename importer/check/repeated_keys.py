"""What a key that repeats means, by what its rows hold: several issues with one id, or one issue in several states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from importer.check.duplicates import Advice
from importer.mapping.header_names import has, weigh
from importer.mapping.model import MappingModel, fold
from importer.mapping.texts import Text
from importer.phrases import tokens_of
from importer.sources.sampling import dotted_names
from importer.transform.columns import Columns

if TYPE_CHECKING:
    from importer.sources.source import Source

KEYS_LOOKED_AT = 100_000
_ONE_IN, _SEVERAL = 5, 3


class Repeats(NamedTuple):
    """The rows whose key came before, as they are compared with its first one.

    others      how many have another title
    are_issues  whether they are other issues: more have another title than people would edit
    is_sure     whether a later date proves nothing against that: a column says it, too, or there are several
    part        the column that belongs to the key then, if one tells them apart
    newest      the column of dates that says which is newer, if they are states of one issue
    """

    rows: int
    others: int
    are_issues: bool
    is_sure: bool
    part: str
    newest: str


def find_repeats(source: Source, key: Text, title: Text, columns: Mapping[str, Text]) -> Repeats:
    """Read a source and compare the rows of each key with its first one; `columns` are those that may be looked at."""
    dates = {name: weight for name in columns if (weight := weigh(tokens_of(name.split(".")[-1]), "updated"))}
    words = {name: tokens_of(name) for name in columns}
    own = [name for name in columns if name.count(".") < 2 and not has(words[name], "people")]
    parts = [name for name in own if has(words[name], "scopes") or has([" ".join(words[name])], "addresses")]
    names = [*parts, *dates]
    texts = [key, title, *map(columns.__getitem__, names)]
    first: dict[str, tuple[str, ...]] = {}
    rows = others = 0
    apart: Counter[str] = Counter()
    for chunk in source.chunks(list(dict.fromkeys(ref for text in texts for ref in text.refs))):
        for row in zip(*map(Columns(chunk).text, texts), strict=True):
            if row[0] and (before := first.setdefault(row[0], row)) is not row:
                is_other = fold(row[1]) != fold(before[1])
                rows, others = rows + 1, others + is_other
                differ = (name for name, a, b in zip(names, row[2:], before[2:], strict=True) if a != b)
                apart.update(name for name in differ if is_other or name in dates)
        if len(first) > KEYS_LOOKED_AT:
            break
    many = others * _ONE_IN > rows
    part = next((name for name in parts if many and others == apart[name]), "")
    newest = max((name for name in dates if apart[name] and not many), key=dates.__getitem__, default="")
    return Repeats(rows, others, many, many and (bool(part) or others >= _SEVERAL), part, newest)


def advise(source: Source, model: MappingModel) -> Advice:
    """What to do about rows whose key came before with other content."""
    record = next(source.records(0), {})
    names = [name for name in dotted_names(record) if name in record or name.replace(".", "_").isidentifier()]
    kinds = {name: "column" if name in record else "path" for name in names if not set("{}'\"") & set(name)}
    texts = {name: Text.model_validate({kind: name}) for name, kind in kinds.items()}
    found = find_repeats(source, model.input.key, model.title, texts)
    if found.are_issues:
        said = f"{found.others:,} of {found.rows:,} such rows have another title: other issues with the same id"
        more = "" if found.part else ", with that of the project, repository or address for COLUMN"
        own = next((ref.name for ref in model.input.key.refs if ref.name in kinds), "ID")
        part, own = (f"{{{'path:' * (kinds.get(name) == 'path')}{name}}}" for name in (found.part or "COLUMN", own))
        line = f"input: {{key: {{template: '{part} {own}'}}}}"
        return Advice(f"{said}. Let the mapping make the key of two columns{more}: `{line}`", are_issues=found.is_sure)
    if found.newest:
        said = f"{found.rows - found.others:,} of {found.rows:,} such rows have the same title: states of one issue"
        line = f'duplicates: {{newest: {{{kinds[found.newest]}: "{found.newest}"}}}}'
        return Advice(f"{said}. Let the mapping take its newest row: `{line}`")
    return Advice()
