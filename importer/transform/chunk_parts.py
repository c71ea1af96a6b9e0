"""Issue parts: what the rows of a chunk say of their issues beside the create."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from importer.codes import PRIVATE_UNDECIDED
from importer.mapping.issue_parts import Bundling
from importer.mapping.model import MappingModel
from importer.records import Comment, Finding, IssueParts, Mention
from importer.transform.columns import Columns
from importer.transform.comments import Discussions, read_comments
from importer.transform.evidence import attach_flagged, read_evidence, read_flags
from importer.transform.footers import Footers
from importer.transform.groups import merge_sets
from importer.transform.prose import ColumnSanitizer, Prose
from importer.transform.references import References
from importer.transform.relations import FindKeys, read_relations
from importer.transform.row_keys import RowKeys

PRIVATE = Finding(
    PRIVATE_UNDECIDED,
    "comments",
    "it has comments for the team alone, but in Triage whoever reads the issue can read them",
    "decide in the mapping: `comments: {private: keep}` sends them, marked `private`; `drop` leaves them out",
)


@dataclass(frozen=True)
class ChunkParts:
    """Row → the parts of its issue, rows without any absent; and the findings and discussions of the chunk."""

    parts: dict[int, IssueParts]
    findings: list[tuple[int, Finding]]
    discussions: Discussions = field(default_factory=Discussions)


@dataclass(frozen=True)
class PartsReader:
    """Reads what follows the issues of a source: evidence, flags, comments, relations, references.

    name_author  gives the name of the account that a comment has as its author
    """

    mapping: MappingModel
    source_name: str
    references: References
    name_author: Callable[[str], str]
    find_keys: FindKeys

    def read(
        self,
        columns: Columns,
        keys: RowKeys,
        prose: Prose,
        footers: Footers,
        bundlings: Sequence[Bundling],
        clean: ColumnSanitizer,
    ) -> ChunkParts:
        """Read the parts of a chunk's issues. Of a group its first row has them.

        What is too long for a flag's note or the footer is a comment also where the discussion is dropped.
        """
        mapping = self.mapping
        evidence, malformed = read_evidence(mapping.resource_links, columns)
        flagged = read_flags(mapping.flags, mapping.resource_links, columns, clean)
        evidence = attach_flagged(evidence, flagged.flags)
        relations, to_itself = read_relations(mapping.relations, columns, keys.full, self.source_name, self.find_keys)
        discussions = Discussions()
        if mapping.comments is not None:
            discussions = read_comments(mapping.comments, columns, columns.chunk.beside)
        undecided = [(row, PRIVATE) for row in sorted(discussions.undecided) if bundlings[row] != "drop"]
        discussed = {row: said for row, said in discussions.comments.items() if bundlings[row] != "drop"}
        comments = _merge(footers.rests, _merge(flagged.notes, discussed))
        if groups := keys.groups.values():
            evidence, relations = merge_sets(evidence, groups), merge_sets(relations, groups)
            comments = merge_sets(comments, groups)
            flagged = flagged._replace(flags=merge_sets(flagged.flags, groups))
        parts: tuple[Mapping[int, Sequence[Any]], ...] = (  # in the order of IssueParts
            prose.rests,
            _clean_comments(comments, clean, self.name_author),
            evidence,
            flagged.flags,
            relations,
            _find_mentions(self.references, prose, keys.full) if mapping.references else {},
        )
        rows = sorted(set[int]().union(*parts))
        each = ([tuple(has.get(row, ())) for row in rows] if has else [()] * len(rows) for has in parts)
        found = dict(zip(rows, map(IssueParts._make, zip(*each, strict=True)), strict=True))
        return ChunkParts(
            found, [*malformed, *flagged.findings, *to_itself, *undecided, *discussions.findings], discussions
        )


def _find_mentions(references: References, prose: Prose, keys: Sequence[str]) -> dict[int, tuple[Mention, ...]]:
    """Row → the other issues that its description names."""
    return references.find_all(list(map(str.removesuffix, prose.descriptions, prose.footers)), keys)


def _clean_comments(
    comments: Mapping[int, Sequence[Comment]], clean: ColumnSanitizer, name_author: Callable[[str], str]
) -> Mapping[int, Sequence[Comment]]:
    """The comments with their texts, authors and dates sanitised."""
    if not comments:
        return comments
    rows = [row for row, said in comments.items() for _ in said]
    every = [comment for said in comments.values() for comment in said]
    texts = [comment.text for comment in every]
    cleaned = clean.column("comments", texts, rows)
    authors, dates = list({comment.author for comment in every}), list({comment.date for comment in every})
    lines = clean.lines([*map(name_author, authors), *dates])  # at once, as each is a text of its own
    names, days = dict(zip(authors, lines, strict=False)), dict(zip(dates, lines[len(authors) :], strict=True))
    if cleaned == texts and all(each == shown for each, shown in chain(names.items(), days.items())):
        return comments
    changed: defaultdict[int, list[Comment]] = defaultdict(list)
    for row, (id_, author, date, _, is_private, content), text in zip(rows, every, cleaned, strict=True):
        changed[row].append(Comment._make((id_, names[author], days[date], text, is_private, content)))
    return changed


def _merge(
    one: Mapping[int, tuple[Comment, ...]], other: Mapping[int, tuple[Comment, ...]]
) -> Mapping[int, tuple[Comment, ...]]:
    return {row: (*one.get(row, ()), *other.get(row, ())) for row in {**one, **other}} if one else other
