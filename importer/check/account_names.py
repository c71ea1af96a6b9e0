"""Account names: reads a source once for the name of each account, so that mentions in texts can show names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

from importer.check.fixes import apply_fixes
from importer.check.job import Job
from importer.mapping.identities import Identity
from importer.mapping.issue_parts import Person
from importer.mapping.model import Mapping as MappingModel
from importer.mapping.reads import collect_refs, collect_tables
from importer.transform.columns import Columns
from importer.transform.people import identify_all

KNOWN_LIMIT = 100_000
"""Distinct people whose names are kept: a staff has fewer, and the callers of a help desk must not fill the memory."""


def learn_names(job: Job) -> Mapping[str, str]:
    """Read account → name from the columns that have both of a person; {} without mentions and comments.

    Of several names of an account the most frequent counts, then the first. All of the source is read for it, whatever
    `--limit` says, unless no file has both columns.
    """
    model = job.mapping.model
    named = [
        person
        for person in _persons(model)
        if person.name is not None
        and person.account is not None
        and job.source.may_have(person.name.refs, person.account.refs)
    ]
    if (model.people.mentions is None and model.comments is None) or not named:
        return {}
    pairs = Counter[Identity]()
    for chunk in job.source.chunks(collect_refs(named), tables=collect_tables(named)):
        columns = Columns(apply_fixes(job.fixes, chunk)[0])
        for person in named:
            count_known(pairs, chain.from_iterable(identify_all(person, columns)))
    names: dict[str, str] = {}
    for who, _ in pairs.most_common():  # of equal counts the first comes first
        if who.account and who.name:
            names.setdefault(who.account, who.name)
    return names


def _persons(mapping: MappingModel) -> list[Person]:
    return [person for person in (mapping.owner, mapping.assignee, *mapping.people.known) if person is not None]


def count_known(seen: Counter[Identity], people: Iterable[Identity]) -> None:
    """Count rows by person, up to KNOWN_LIMIT distinct people, so that memory stays flat."""
    for who, rows in Counter(people).items():
        if who.shown and (who in seen or len(seen) < KNOWN_LIMIT):
            seen[who] += rows
