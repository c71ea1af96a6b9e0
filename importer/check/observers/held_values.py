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
        self._lacking: list[Counter[str]] = [Counter() for _ in absence.files]  # column of each file → values that stay
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

    def _add_held(self, file: int, values: Sequence[Held]) -> None:
        earlier = self._absence.files[file].earlier
        for name, columns, _ in values:
            self.values[name] += 1
            self._braked[name] += not columns
            self._lacking[file].update(column for column in columns if Ref("column", column) in earlier)

    def find_braked(self, known: Knows) -> Collection[tuple[str, str]]:
        """Find the values of which too many would be emptied: project, "" for all of the source, and name."""
        braked = set[tuple[str, str]]()
        for (scope, name), lost_values in self._emptied.items():
            in_this_run = self._describe(scope, lost_values)
            in_week = self._absence.emptied.get((scope, name), Emptied())
            if are_too_many(in_this_run, in_week, partial(known.count_stored, scope, name)):
                braked.add((scope, name))
        return braked

    def _describe(self, scope: str, lost_values: LostValues) -> Emptied:
        known_rows = self._known_of[scope] if scope else sum(self._known)
        return Emptied(lost_values.values, lost_values.decisions, known_rows)

    @property
    def emptied(self) -> Sequence[tuple[str, str, int, int, int]]:
        """What is emptied, as the next run is to know it: project, name, and an `Emptied`."""
        return [(scope, name, *self._describe(scope, values)) for (scope, name), values in self._emptied.items()]

    @property
    def absence(self) -> Absence:
        """What the files lack, as the next run compares with it: columns for want of which values stay are accepted."""
        columns = dict(self._absence.columns)
        for place, file in enumerate(self._absence.files):
            present, absent, accepted = columns[file.name]
            accepted_now = {*self._lacking[place], *self._due(place)}
            accepted = [ref for ref in absent if ref in accepted or ref[1] in accepted_now]
            columns[file.name] = [present, absent, accepted]
        return replace(self._absence, columns=columns)

    def refusal(self, accepted: Collection[str]) -> str:
        """Say which columns are lost and not accepted, and what to type; "" if there are none."""
        sentences = list[str]()
        to_accept = dict[str, None]()
        for place, file in enumerate(self._absence.files):
            columns = dict[str, None]()
            if file.refuses:
                columns |= dict.fromkeys(self._lacking[place])
            columns |= dict.fromkeys(self._due(place))
            accepted_names = {fold(column) for column in (*accepted, *file.accepted)}
            missing = [column for column in columns if fold(column) not in accepted_names]
            if missing:
                sentences.append(f"{file.name} has no {', '.join(missing)}, which the last run read.")
                sentences += self._renamed.find(place, missing)
                to_accept |= columns
        if not sentences:
            return ""
        sentences.append("If it is another list, give it a name of its own with --source-name NAME.")
        command = shell_join(f"--accept-missing={column}" for column in to_accept)
        sentences.append(f"Export it again; if this is right: the same command with {command}")
        return "\n".join(sentences)

    def _due(self, place: int) -> Sequence[str]:
        """Return the columns of a file's `watched` for want of which it is refused."""
        file = self._absence.files[place]
        if not file.is_table:
            # Of a few records each may lack the same.
            return file.watched if self._rows[place] > MOST else ()
        return file.watched if file.refuses and self._known[place] else ()

    def warnings(self) -> Iterator[str]:
        """Say what stays, a sentence each, with what to type to let it go."""
        for place, file in enumerate(self._absence.files):
            if file.is_table or self._due(place):
                continue
            missing = {*file.watched} - {*file.accepted}
            if missing:
                yield f"{file.name} has no {listed(sorted(missing), NAMED)}, which an earlier run read: look at it"
        without_column = self.values - self._braked
        if without_column:
            yield _say_staying(without_column, "as the source has no such column or key any more")
        braked = +self._braked
        if braked:
            yield _say_staying(braked, "as too many would be emptied at once")


def _say_staying(values: Counter[str], reason: str) -> str:
    """Say that values stay in Triage, by their names, and why."""
    number = values.total()
    verb = "stays" if number == 1 else "stay"
    names = listed([f"{name} ({count:,})" for name, count in values.most_common()], NAMED)
    command = shell_join(f"--empty={name}" for name in values)
    return (
        f"{counted(number, 'value')} {verb} in Triage, {reason}: {names}. "
        f"To let them be emptied: the same command with {command}"
    )
