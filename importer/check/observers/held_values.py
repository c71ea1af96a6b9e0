"""Values that stay in Triage although the source has none, counted: for want of a column, or as too many are blank."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

from importer.check.brake import MOST, Emptied, LostValues, are_too_many, project_of, scopes_of
from importer.check.examine import RowRun
from importer.check.held import Absence, Held
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.observers.renamed_columns import RenamedColumns
from importer.mapping.model import fold
from importer.phrases import counted, listed, shell_join
from importer.records import Ref

NAMED = 5


class HeldValues:
    """Counts the values that stay, and those that are emptied, row by row.

    values  name → how many stay
    """

    def __init__(self, job: Job) -> None:
        absence = job.absence
        self.values = Counter[str]()
        self._absence = absence
        self._braked = Counter[str]()  # name → how many of these stay as too many are blank
        self._lost: list[Counter[str]] = [Counter() for _ in absence.files]  # column of each file → values that stay
        self._known = [0 for _ in absence.files]  # rows of each file whose key has an issue
        self._rows = [0 for _ in absence.files]
        self._renamed = RenamedColumns(job)
        self._known_of = Counter[str]()  # project → rows whose key has an issue
        self._emptied = defaultdict[tuple[str, str], LostValues](LostValues)

    def add(self, run: RowRun) -> None:
        """Count the values of a run of rows."""
        if not self._absence.files:  # nothing is compared with issues
            return
        file = run.source.file
        self._rows[file] += len(run.rows)
        for row, status in run.known_rows():
            # Of an issue that has moved, its project by now.
            key = row.issue.key.own
            if status.issue_id:
                self._known[file] += 1
                self._known_of[project_of(key)] += 1
            if status.held:
                self._add_held(file, status.held)
                self._renamed.add(file, row.issue.row.raw, status.held)
            for name, value in status.emptied.items():
                for scope in scopes_of(key):
                    self._emptied[scope, name].add(value)

    def _add_held(self, file: int, held: Sequence[Held]) -> None:
        known_columns = self._absence.files[file].known
        for name, columns, _ in held:
            self.values[name] += 1
            self._braked[name] += not columns
            self._lost[file].update(column for column in columns if Ref("column", column) in known_columns)

    def find_braked(self, known: Knows) -> Collection[tuple[str, str]]:
        """Find the values of which too many would be emptied: project, "" for all of the source, and name."""
        week = self._absence.emptied
        return {
            (scope, name)
            for (scope, name), lost in self._emptied.items()
            if are_too_many(
                self._describe(scope, lost),
                week.get((scope, name), Emptied()),
                partial(known.count_stored, scope, name),
            )
        }

    def _describe(self, scope: str, lost: LostValues) -> Emptied:
        return Emptied(lost.values, lost.decisions, self._known_of[scope] if scope else sum(self._known))

    @property
    def emptied(self) -> Sequence[tuple[str, str, int, int, int]]:
        """What is emptied, as the next run is to know it: project, name, and an `Emptied`."""
        return [(scope, name, *self._describe(scope, lost)) for (scope, name), lost in self._emptied.items()]

    @property
    def absence(self) -> Absence:
        """What the files lack, as the next run compares with it: columns for want of which values stay are accepted."""
        columns = dict(self._absence.columns)
        for at, file in enumerate(self._absence.files):
            here, lacked, accepted = columns[file.name]
            now = {*self._lost[at], *(file.watched if self._is_due(at) else ())}
            columns[file.name] = [here, lacked, [ref for ref in lacked if ref in accepted or ref[1] in now]]
        return replace(self._absence, columns=columns)

    def refusal(self, accepted: Collection[str]) -> str:
        """Say which columns are lost and not accepted, and what to type; "" if there are none."""
        lost, more = list[str](), dict[str, None]()
        for at, file in enumerate(self._absence.files):
            known = {fold(column) for column in (*accepted, *file.accepted)}
            columns = [*(self._lost[at] if file.refuses else ()), *(file.watched if self._is_due(at) else ())]
            missing = [column for column in dict.fromkeys(columns) if fold(column) not in known]
            if missing:
                lost.append(f"{file.name} has no {', '.join(missing)}, which the last run read.")
                lost += self._renamed.find(at, missing)
                more |= dict.fromkeys(columns)
        if not lost:
            return ""
        other = "If it is another list, give it a name of its own with --source-name NAME."
        command = shell_join(f"--accept-missing={column}" for column in more)
        return "\n".join([*lost, other, f"Export it again; if this is right: the same command with {command}"])

    def _is_due(self, at: int) -> bool:
        """Whether a file is refused for what it lacks of `watched`: of a few records each may lack the same."""
        file = self._absence.files[at]
        return file.refuses and self._known[at] > 0 if file.is_table else self._rows[at] > MOST

    def warnings(self) -> Iterator[str]:
        """Say what stays, a sentence each, with what to type to let it go."""
        for at, file in enumerate(self._absence.files):
            missing = [] if file.is_table or self._is_due(at) else [*{*file.watched} - {*file.accepted}]
            if missing:
                yield f"{file.name} has no {listed(sorted(missing), NAMED)}, which an earlier run read: look at it"
        for names, why in (
            (self.values - self._braked, "as the source has no such column or key any more"),
            (self._braked, "as too many would be emptied at once"),
        ):
            if names := +names:
                those = listed([f"{name} ({number:,})" for name, number in names.most_common()], NAMED)
                command = shell_join(f"--empty={name}" for name in names)
                yield (
                    f"{counted(names.total(), 'value')} {'stays' if names.total() == 1 else 'stay'} in Triage, {why}: "
                    f"{those}. To let them be emptied: the same command with {command}"
                )
