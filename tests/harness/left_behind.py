"""What a version of the program left behind when it was killed: its ledger, and what its target held at that moment.

Each place where one was killed is a file of `KEPT`, which `tests.harness.killing` makes. Ledger and target are kept as
statements, by kind of ledger, as each kind had a target of its own.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness.hostile import RunningSandbox
from tests.harness.running import ROOT
from tests.harness.unmarked import unmarked

KEPT = ROOT / "tests" / "ledger" / "killed"
FILE, SERVER = KINDS = ("sqlite", "postgresql")
FILES, DUMP, TARGET = ("ledger.db", "ledger.db-wal", "ledger.db.generation"), "ledger.sql", "target.db"
FOLDER, COMMAND, UNDISTURBED = "folder", "command.json", "undisturbed.json"
URL, PLACE = "{url}", "{ledger}"
"""What a command has in place of the target's address and the ledger's."""


class Undisturbed(NamedTuple):
    """What the same version makes of it if nothing disturbs it: the outcomes, and all that is in the target."""

    outcomes: dict[str, int]
    target: list[str]


class LeftBehind:
    """What a process left behind in one place, with a ledger of one kind."""

    def __init__(self, name: str, kind: str) -> None:
        self._kind = kind
        with zipfile.ZipFile(KEPT / f"{name}.zip") as archive:
            self._kept = {each: archive.read(each) for each in archive.namelist()}
        self.undisturbed = Undisturbed(*json.loads(self._kept[UNDISTURBED]))

    def command(self, url: str, place: str | Path) -> list[str]:
        """Return the words of the command that was killed, for this target and ledger."""
        return [word.replace(URL, url).replace(PLACE, str(place)) for word in json.loads(self._kept[COMMAND])]

    def write_files(self, folder: Path) -> None:
        """Write the files of its folder: sources and mappings."""
        for name, content in self._kept.items():
            if name.startswith(f"{FOLDER}/"):
                (folder / name.removeprefix(f"{FOLDER}/")).write_bytes(content)

    def restore_target(self, path: Path) -> None:
        """Write the target's database."""
        path.write_bytes(self._kept[f"{self._kind}/{TARGET}"])

    def restore_file(self, path: Path, url: str) -> None:
        """Write the files of a ledger; the target that it knows is at this address now."""
        path.parent.mkdir()
        for name in FILES:
            path.with_name(name).write_bytes(self._kept[f"{self._kind}/{name}"])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE targets SET url = ?", (url,))

    def restore_server(self, ledger: str, url: str) -> None:
        """Make a ledger of its statements; it is no copy, so it says that it was made on this server."""
        import psycopg  # as in `tests.harness.postgres`

        with psycopg.connect(ledger) as connection:
            connection.execute(self._kept[f"{self._kind}/{DUMP}"])
            connection.execute("UPDATE targets SET url = %s", (url,))
            connection.execute(
                "UPDATE stamp SET origin = concat_ws('/', system_identifier, timeline_id, 'stamp'::regclass::oid)"
                " FROM pg_control_system(), pg_control_checkpoint()"
            )


def list_places() -> Sequence[str]:
    """Return the names of all places that are kept."""
    return sorted(path.stem for path in KEPT.glob("*.zip"))


def see(sandbox: RunningSandbox) -> list[str]:
    """Describe all that a target has, each thing on a line: without ids, times and markers, with titles for numbers."""
    issues = sandbox.issues()
    titles = {each["id"]: each["title"] for each in issues}
    numbers = {each["triage_id"]: f"[{each['title']}]" for each in issues}

    def show(kind: str, thing: dict[str, Any], *names: str) -> str:
        shown = [titles[thing["issue_id"]]] if "issue_id" in thing else []
        text = " | ".join([kind, *shown, *(str(thing[name]) for name in names)])
        return re.sub(r"\bT-\d+\b", lambda found: numbers.get(found[0], found[0]), text).replace("\n", "⏎")

    comments = [{**each, "detail": unmarked(each["detail"])} for each in sandbox.comments()]
    relations = [{**each, "other": titles[each["related_issue_id"]]} for each in sandbox.relations()]
    lines = [show("issue", each, "title", "severity", "status", "category") for each in issues]
    lines += [show("comment", each, "detail") for each in comments]
    lines += [show("resource", each, "resource_type", "resource_id") for each in sandbox.resources()]
    lines += [show("flag", each, "call_id", "type", "note", "message_index") for each in sandbox.flags()]
    lines += [show("relation", each, "relation_type", "other") for each in relations]
    return sorted(lines)
