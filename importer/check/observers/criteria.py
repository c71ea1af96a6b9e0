"""The criteria of a source, which are what its rows answer: those that are new are named, and those that are gone.

A run keeps them for the next one, by digest. One that nobody has decided yet, whether any of its rows is a finding or
not, is kept with OPEN before its name: it stays new until then.
"""

from __future__ import annotations

from collections.abc import Iterator

from importer.api import VALUE_FIELDS
from importer.check.examine import RowRun
from importer.check.job import Job
from importer.codes import ANSWER_UNKNOWN, VALUE_UNKNOWN
from importer.mapping.model import fold
from importer.phrases import clip, counted, listed, plain_name
from importer.records import Outcome, Ref
from importer.sources.command_line import SELECTING
from importer.sources.source import TableFile
from importer.transform.markers import short_digest
from importer.triage.redaction import redact

MOST = 500
"""The most that are kept of a source: with more, its criterion is a free text, and none is new."""
SHOWN, SHOWN_CHARACTERS = 8, 60
OPEN = "?"


class Criteria:
    """Collects the criteria of a reading, if it is of a whole source.

    A new one whose answers or category nobody has decided must not hold back the findings of all others.
    """

    def __init__(self, job: Job) -> None:
        model = job.mapping.model
        self._job = job
        self._known = job.criteria
        self._text = model.criterion if job.is_whole else None
        self._new = dict[str, str]()  # digest → as it is shown
        self._seen = set[str]()
        self._valueless = set[str]()
        self._unclear = set[str]()
        # Where criteria are rows, a night needn't have all of them.
        self._are_columns = any(isinstance(file, TableFile) and file.unfolding for file in job.source.files)
        refs = set[Ref]() if self._text is None else set(self._text.refs)
        self._decides = [name for name in VALUE_FIELDS if not refs.isdisjoint(getattr(model, name).refs)]
        self._rejected = 0

    def add(self, run: RowRun) -> None:
        if self._text is None or self._are_free:
            return
        read = run.compiler.text(self._text)
        names = [read(row.issue.row) for row in run.rows]
        digests = {name: short_digest(fold(name)) for name in dict.fromkeys(names)}
        self._seen.update(digests.values())
        maybe = dict[str, str]()
        for name, digest in digests.items():
            if self._known.get(digest, OPEN).startswith(OPEN) and plain_name(name) and not self._are_free:
                maybe[digest] = redact(clip(plain_name(name), SHOWN_CHARACTERS))
                if digest not in self._known:
                    self._new[digest] = maybe[digest]
        if not self._known or not maybe:
            return
        unknown = {ANSWER_UNKNOWN, *(VALUE_UNKNOWN[name] for name in self._decides)}
        for row, name in zip(run.rows, names, strict=True):
            digest = digests[name]
            if digest not in maybe:
                continue
            if any(getattr(row.issue, field) is None for field in self._decides):
                self._valueless.add(digest)
            codes = {finding.code for finding in row.findings if finding.rejects}
            if codes and codes <= unknown and row.outcome is Outcome.REJECTED:
                self._rejected += 1
                if ANSWER_UNKNOWN in codes:
                    self._unclear.add(digest)
                if codes != {ANSWER_UNKNOWN}:  # also where another row of a group gives the value
                    self._valueless.add(digest)
        self._new.update((digest, maybe[digest]) for digest in (self._valueless | self._unclear) & maybe.keys())

    @property
    def _are_free(self) -> bool:
        return len(self._known) + len(self._new) >= MOST

    @property
    def new(self) -> list[str]:
        """Those that no earlier run has had, as they are shown; a first run has none."""
        if not self._known or self._are_free:
            return []
        return sorted(self._new.values())

    @property
    def excused(self) -> int:
        """How many rows are rejected only because their criterion is new, where issues recur."""
        if self._job.mapping.model.recurring is None or not self.new:
            return 0
        return self._rejected

    @property
    def _gone(self) -> dict[str, str]:
        """Digest → name of those that had a column in earlier files, and have none now."""
        if not self._are_columns or not self._seen or self._are_free:
            return {}
        gone_names = dict[str, str]()
        for digest, name in self._known.items():
            if digest not in self._seen:
                gone_names[digest] = name.removeprefix(OPEN)
        return gone_names

    @property
    def kept(self) -> dict[str, str]:
        """What the next run compares with."""
        undecided = self._valueless | self._unclear
        for digest, name in self._known.items():
            # What tonight lacks stays as it was.
            if name.startswith(OPEN) and digest not in self._seen:
                undecided.add(digest)
        gone_digests = self._gone.keys()
        kept_names = dict[str, str]()
        for digest, name in {**self._known, **self._new}.items():
            if digest in gone_digests:
                continue
            kept_names[digest] = name.removeprefix(OPEN)
            if digest in undecided:
                kept_names[digest] = f"{OPEN}{kept_names[digest]}"
        return kept_names

    def warnings(self) -> Iterator[str]:
        """Name those that are gone, and the new ones, with what delivers the rows that are rejected for them."""
        gone_names = sorted(self._gone.values())
        if gone_names:
            number = counted(len(gone_names), "criterion", "criteria")
            yield f"{number} of earlier files in no column: {listed(gone_names, SHOWN)}"
        if not self.new:
            return
        is_single = len(self.new) == 1
        number = counted(len(self.new), "new criterion", "new criteria")
        sentence = f"{number}: {listed(self.new, SHOWN)}"
        owners = "its" if is_single else "their"
        steps = list[str]()
        if self._valueless:
            command = self._job.typed.repeat("draft", "--update", self._job.mapping.name, without=("-m", *SELECTING))
            steps.append(f"give {'it' if is_single else 'each'} a line in values.csv (`{command}`)")
        if self._unclear:
            steps.append(f"say what {owners} answers mean under `answer`")
        if self._rejected:
            sentence += f". {self._rejected:,} of {owners} rows are rejected"
            steps[-1] += ", then import the errors file"
        if steps:
            sentence += f": {' and '.join(steps)}"
        yield sentence
