"""What a key that repeats means, by what its rows hold: several issues with one id, or one issue in several states."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from importer.check.duplicates import Advice, Verdicts
from importer.mapping.header_names import has, weigh
from importer.mapping.model import Duplicates, fold
from importer.mapping.presets import is_shipped
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import as_placeholder, as_source
from importer.phrases import tokens_of
from importer.records import Ref
from importer.sources.sampling import dotted_names
from importer.transform.columns import Columns

if TYPE_CHECKING:
    from importer.check.job import Job
    from importer.sources.source import Source

KEYS_LOOKED_AT = 100_000
_ONE_IN = 5
_SAID = frozenset(("comment", "comments", "body", "text", "content", "message"))  # last words of comments' columns
_SURELY = 10  # the least weight of a name of the date of creation
_ADDRESS, _MOMENT = re.compile("."), re.compile(r":(?!00)\d\d|^\d{10,}")
"""What may show that two rows are one issue: any address, and a time of creation that is no full hour."""


class Repeats(NamedTuple):
    """The rows whose key came before, as they are compared with its first one.

    others      how many have another title, and nothing that shows them to be the same issue
    are_issues  whether they are other issues: more than people would edit
    part        the column that belongs to the key then, if one tells them apart
    newest      the column of dates that says which row is newer, if they are states of one issue
    unsure      the places of those that are other issues, or may be
    """

    rows: int
    others: int
    are_issues: bool
    part: str
    newest: str
    unsure: frozenset[int]


def find_repeats(source: Source, key: Text | Verdicts, title: Text, columns: Mapping[str, Text]) -> Repeats:
    """Read a source and compare the rows of each key with its first one; `columns` are those that may be looked at.

    A row with another title is the same issue if both are in the same project, and have an address or a moment of
    creation in common that no other key has.
    """
    words = {name: tokens_of(name) for name in columns}
    last = {name: tokens_of(name.split(".")[-1]) for name in columns}
    dates = {name: weight for name in columns if (weight := weigh(last[name], "updated"))}
    own = [name for name in columns if name.count(".") < 2 and not has(words[name], "people")]
    proofs = {name: _MOMENT for name in own if name not in dates and weigh(last[name], "created") >= _SURELY}
    proofs |= {name: _ADDRESS for name in own if has([" ".join(words[name])], "addresses")}
    parts = [name for name in own if has(words[name], "scopes") or proofs.get(name) is _ADDRESS]
    names = list(dict.fromkeys([*parts, *proofs, *dates]))
    texts = [title, *map(columns.__getitem__, names)]
    first: dict[object, tuple[str, ...]] = {}
    apart: Counter[str] = Counter()
    elsewhere: defaultdict[str, set[int]] = defaultdict(set)
    shared: dict[int, list[tuple[str, str]]] = {}  # place of a row with another title → what it has in common
    only: dict[tuple[str, str], object] = {}  # that → the only key that has it
    rows = 0
    for place, (its_key, said) in enumerate(_read(source, key, texts)):
        if its_key not in (None, "") and (before := first.setdefault(its_key, said)) is not said:
            rows += 1
            differ = {name for name, a, b in zip(names, said[1:], before[1:], strict=True) if a != b}
            if fold(said[0]) != fold(before[0]):
                pairs = zip(names, said[1:], strict=True) if differ.isdisjoint(parts) else ()
                shared[place] = [
                    (name, a) for name, a in pairs if name in proofs.keys() - differ and proofs[name].search(a)
                ]
                only.update(dict.fromkeys(shared[place], its_key))
            apart.update(differ.intersection(dates))
            for name in differ.intersection(parts):
                elsewhere[name].add(place)
        if len(first) > KEYS_LOOKED_AT and isinstance(key, Text):
            break
    for its_key, said in _read(source, key, texts) if only else ():
        only.update((pair, None) for pair in zip(names, said[1:], strict=True) if only.get(pair, its_key) != its_key)
    unsure = {place for place, pairs in shared.items() if all(only[pair] is None for pair in pairs)}
    part = next((name for name in parts if unsure and unsure <= elsewhere[name]), "")
    many = len(unsure) * _ONE_IN > rows
    newest = max((name for name in dates if apart[name] and not many), key=dates.__getitem__, default="")
    return Repeats(rows, len(unsure), many, part, newest, frozenset(unsure | elsewhere[part]))


def _read(source: Source, key: Text | Verdicts, texts: Sequence[Text]) -> Iterator[tuple[object, tuple[str, ...]]]:
    """Yield the key of each row, or the place of the row that wins in its stead, and its texts."""
    refs = [ref for text in (*texts, *([key] if isinstance(key, Text) else [])) for ref in text.refs]
    place = 0
    for chunk in source.chunks(list(dict.fromkeys(refs))):
        columns, end = Columns(chunk), place + len(chunk)
        keys = columns.text(key) if isinstance(key, Text) else map(key.winner_of, range(place, end))
        yield from zip(keys, zip(*map(columns.text, texts), strict=True), strict=True)
        place = end


def advise(job: Job, verdicts: Verdicts) -> Advice:
    """What to do about rows whose key came before with other content.

    No title is asked about where a mapping's own line takes the newest row, as its author knows the source, nor where
    the key is made of several columns, as that of a finding on a call.
    """
    source, model = job.source, job.mapping.model
    key, is_newest = model.input.key, isinstance(model.duplicates, Duplicates)
    is_whole = model.input.local_key is None and all(each.template for each in key.first or [key])
    if is_newest and (is_whole or not is_shipped(job.mapping.place("duplicates").file)):
        return Advice()
    records = [next(source.records(number), {}) for number in range(len(source.files))]
    top = {name for record in records for name in record}
    names = [name for record in records for name in dotted_names(record) if not set("{}'\"") & set(name)]
    named = [name for name in names if name in top or name.replace(".", "_").isidentifier()]
    refs = {name: Ref("column" if name in top else "path", name) for name in named}
    texts = {name: Text.model_validate({ref.kind: name}) for name, ref in refs.items()}
    found = find_repeats(source, verdicts, model.title, texts)
    said = f"{found.others:,} of {found.rows:,} such rows have another title"
    of_others = (
        f"{said}, and no column of a project, repository or address tells them apart. Are they other issues? Then "
        "import those of each project by themselves, with a --source-name of its own. Is it one issue whose title was "
        "edited? Then leave these rows out"
    )
    if found.part:
        of_key = [*key.refs, *(model.input.local_key.refs if model.input.local_key else ())]
        own = next(
            (refs[ref.name] for ref in of_key if ref.name in refs and ref.name != found.part), Ref("column", "ID")
        )
        line = f"input: {{key: {{template: '{as_placeholder(refs[found.part])} {as_placeholder(own)}'}}}}"
        of_others = f"{said}: other issues with the same id. Let the mapping make the key of two columns: `{line}`"
    if not found.newest:
        said_in = [name for name in named if has(tokens_of(name), "comments") and tokens_of(name)[-1] in _SAID]
        if found.others or not said_in or not key.refs or model.group:
            return Advice(of_others=of_others, others=found.unsure)
        lines = f"`group: [{{{as_source(key.refs[0])}}}]` and `comments: {{from: [{{{as_source(refs[said_in[0]])}}}]}}`"
        return Advice(f"their titles are the same. If each of these rows has a comment of one issue, write {lines}")
    said = f"{found.rows - found.others:,} of {found.rows:,} such rows have the same title: states of one issue"
    line = f"duplicates: {{newest: {{{as_source(refs[found.newest])}}}}}"
    return Advice(f"{said}. Let the mapping take its newest row: `{line}`", of_others, found.unsure)
