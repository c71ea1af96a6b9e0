"""Key aliases: finds the key of a row that relations name by another text, as Jira's `Parent` names it by an id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from importer.check.fixes import apply_fixes
from importer.check.job import Job
from importer.mapping.issue_parts import Relation
from importer.mapping.reads import collect_key_refs, collect_refs
from importer.scratch import Scratch
from importer.transform.columns import Columns, is_filled
from importer.transform.relations import FindKeys, each_name, find_no_keys
from importer.transform.transform import Transform

ASKED_AT_ONCE = 500

# Cells may hold half a character, so all texts are bytes. `place` is the relation's number in the mapping, from 0.
_SCHEMA = """
CREATE TABLE named (place INTEGER, text BLOB, PRIMARY KEY (place, text)) WITHOUT ROWID;
CREATE TABLE rows (place INTEGER, text BLOB, key BLOB);
"""
# A text that several rows have is ambiguous: an empty key says so.
_JOIN = """
CREATE TABLE keys AS
  SELECT place, text, CASE min(key) WHEN max(key) THEN key ELSE x'' END AS key
  FROM rows JOIN named USING (place, text) GROUP BY place, text;
DROP TABLE rows;
DROP TABLE named;
CREATE INDEX keys_by_text ON keys (place, text);
"""
_FIND = "SELECT text, key FROM keys WHERE place = ? AND text IN ({})"


@contextmanager
def learn_aliases(job: Job) -> Iterator[FindKeys]:
    """Give a function that finds the keys of rows which relations name `by` another text; it works within the block.

    The source is read once for it, whatever `--limit` says, if the mapping has such relations and the source may have
    the columns. The aliases lie in a temporary file. Raises StorageFull if the disk takes no more.
    """
    relations, source = enumerate(job.mapping.model.relations), job.source
    specs = [each for each in relations if each[1].by is not None and source.may_have(each[1].refs, each[1].by.refs)]
    if not specs:
        yield find_no_keys
        return
    with Scratch(_SCHEMA) as scratch:
        _read(job, dict(specs), scratch)
        scratch.script(_JOIN)
        yield lambda place, texts: dict(_find(scratch, place, texts))


def _read(job: Job, specs: Mapping[int, Relation], scratch: Scratch) -> None:
    transform = Transform(job.mapping.model, job.source_name)
    texts = [*specs.values(), *(spec.by for spec in specs.values())]
    refs = tuple(dict.fromkeys((*collect_key_refs(job.mapping.model), *collect_refs(texts))))
    for chunk in job.source.chunks(refs, tables=transform.tables):
        chunk = apply_fixes(job.fixes, chunk)[0]
        columns, keys = Columns(chunk), [_as_bytes(key) for key in transform.name_rows(chunk)]
        for place, spec in specs.items():
            named = {text for _, text in each_name(spec, columns)}
            scratch.write("INSERT OR IGNORE INTO named VALUES (?, ?)", ((place, _as_bytes(text)) for text in named))
            rows = zip(columns.text(spec.by) if spec.by is not None else (), keys, strict=True)
            known = ((place, _as_bytes(text.strip()), key) for text, key in rows if key and is_filled(text))
            scratch.write("INSERT INTO rows VALUES (?, ?, ?)", known)


def _find(scratch: Scratch, place: int, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    names = {_as_bytes(text): text for text in texts}
    left = iter(names)
    while some := list(islice(left, ASKED_AT_ONCE)):
        statement = _FIND.format(",".join("?" * len(some)))
        for text, key in scratch.rows(statement, (place, *some)):
            yield names[text], key.decode("utf-8", "surrogatepass")


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
