"""What rules, answers and levels decide of a row: whether it is left out, and what nobody has decided yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from importer.codes import PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED, SKIP_PREFIX, VALUE_REFUSED
from importer.mapping.model import UNDECIDED, MappingModel
from importer.phrases import clip
from importer.records import Finding
from importer.row.compiler import Compiler, read_nothing
from importer.row.verdicts import AnswerReader
from importer.sources.source_rows import SourceRow
from importer.transform.dates import FORMAT_HINT
from importer.transform.plain_text import single_line

ROW_EMPTY = "row-empty"
SKIPPED = "skip-restricted"
PRIVATE = Finding(
    PRIVATE_UNDECIDED,
    "comments",
    "it has comments for the team alone, but in Triage whoever reads the issue can read them",
    "decide in the mapping: `comments: {private: keep}` sends them, marked `private`; `drop` leaves them out",
)
REFUSED_HINT = "put a word that it knows into fixes.csv, or add this one to a rule under `skip` in the mapping"
_NOTHING = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.)*+"\s*+:\s*+(?:null|"\s*+"|\[\s*+\]|\{\s*+\})\s*+,?\s*+)*+\}')


class Decisions:
    """The rules of a mapping that leave rows out or reject them, for one file."""

    def __init__(self, mapping: MappingModel, compiler: Compiler) -> None:
        self._skips = [(SKIP_PREFIX + rule.name, compiler.holds(rule.when)) for rule in mapping.skip if not rule.reject]
        self._refusals = [
            (rule.name, compiler.holds(rule.when), compiler.stripped(rule.when[0]))
            for rule in mapping.skip
            if rule.reject
        ]
        self._answers = None
        if mapping.answer is not None:
            self._answers = AnswerReader(mapping.answer, compiler)
        self._level = compiler.text(None if mapping.restricted is None else mapping.restricted.level)
        self._restricted = None if self._level is read_nothing else mapping.restricted
        self._created = compiler.stripped(mapping.created)
        self._wants_dates = (
            mapping.created is not None and mapping.recurring is not None and bool(mapping.recurring.finished.reopens)
        )

    def read_level(self, row: SourceRow) -> str:
        """What says that not everybody may read a row in its source; "" of one that everybody may."""
        if self._restricted is None:
            return ""
        return single_line(self._level(row))

    def find_skip(self, row: SourceRow, level: str) -> str:
        """The code of the rule that leaves a row out, "" for the others.

        Skip rules don't apply to defective rows, whose cells are unknown rather than empty. A defect that doesn't
        reject is itself the reason to skip its row.
        """
        if row.defect is not None and not row.defect.rejects:
            return row.defect.code
        if is_empty(row.raw):
            return ROW_EMPTY
        if row.defect is None:
            for code, holds in self._skips:
                if holds(row):
                    return code
        if self._answers is not None and (code := self._answers.skip(row)):
            return code
        is_left_out = self._restricted is not None and self._restricted.issues == "skip"
        return SKIPPED if level and is_left_out else ""

    def findings(self, row: SourceRow, created: datetime | None, level: str) -> list[Finding]:
        """What nobody has decided yet of a row, or what a rule rejects; `created` is when its issue was created."""
        findings = []
        for name, holds, reader in self._refusals:
            if holds(row):
                text = reader(row)
                message = f"the mapping knows no {name} {clip(text, 60)!r}"
                findings.append(Finding(VALUE_REFUSED, name, message, REFUSED_HINT, text))
        # Its date decides whether the issue is reopened.
        if self._wants_dates and created is None and (text := self._created(row)):
            message = f"the date {text!r} can't be read: its issue is reopened if it is finished"
            findings.append(Finding("occurrence-undated", "created", message, FORMAT_HINT, rejects=False))
        if self._answers is not None and (unknown := self._answers.finding(row)):
            findings.append(unknown)
        if level and self._restricted is not None and self._restricted.issues == UNDECIDED:
            message = f"not everybody may read it in the source ({level}), but in Triage everybody could"
            hint = "decide in the mapping: `restricted: {issues: send}` sends them, `{issues: skip}` leaves them out"
            findings.append(Finding(RESTRICTED_UNDECIDED, "restricted", message, hint, level))
        return findings


def is_empty(raw: Sequence[str] | str) -> bool:
    """Whether all cells of a row are empty; in JSON, all values null or empty texts, lists or objects."""
    if isinstance(raw, str):
        return _NOTHING.fullmatch(raw.strip()) is not None
    return not any(map(str.strip, raw))
