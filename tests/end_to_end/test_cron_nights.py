"""Nights of one import under cron: what it mails, what `runs` knows of it, and what is in Triage in the end.

Each night a file comes, one time in seven none; the crontab has one line, with `-q`, and nearly no environment. Now and
then two starts meet, a file is half written, the target is down, the key is revoked, a column is gone, or a broken
export would change everything. A person does what the mail says, the day after. A few lines of its own work out what
should be in Triage.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.harness.doors import Door, serve_door
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.promises import Say, Tally, promise
from tests.harness.running import KEY, LONG, SEED, finish

pytestmark = pytest.mark.slow(seconds=40)

CONFIGURATION = """
[defaults]
ledger = "state/ledger.db"
api-key-file = "key"
[imports.nightly]
sources = ["inbox/qa-*.csv"]
files = "each-once"
mapping = "qa.yaml"
on-change = "update"
rate = 0
settle-seconds = 0.2
out = "reports"
log-file = "log.jsonl"
metrics-file = "figures.prom"
unattended = true
"""
MAPPING = """
input: {name: desk, key: Id, kind: delta}
duplicates: {newest: Updated}
title: Title
description: Text
severity: {value: low}
status: {column: State, values: {Open: todo, Done: done}}
category: {value: Bug}
"""
COLUMNS = ("Id", "Title", "Text", "State", "Updated")
TROUBLES = ("overlap", "half written", "target down", "key revoked", "column gone", "everything changed")
Row = dict[str, str]


class Mail(NamedTuple):
    """What cron got of one start: its exit code, and what it mails."""

    code: int
    text: str


class Line(Door):
    """The line to the target, which can be down."""

    is_down = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Pass a request on, or cut it off."""
        return None if self.is_down else super().answer(method, path, headers, body)


class Nights:
    """The folder of an import, the tracker that writes into it, and the cron that starts it."""

    def __init__(self, folder: Path, sandbox: RunningSandbox, line: Line, random: Random) -> None:
        self._folder, self._sandbox, self._line, self._random = folder, sandbox, line, random
        self._rows: dict[str, Row] = {}  # as last delivered, by id
        self._moment = 0
        for name in ("inbox", "state"):
            (folder / name).mkdir()
        (folder / "triage-import.toml").write_text(CONFIGURATION)
        (folder / "qa.yaml").write_text(MAPPING)
        (folder / "key").write_text(KEY)
        self.starts = 0

    def start(self, *more: str) -> Forked:
        """Start the line of the crontab, or one that a person types."""
        environment = {"PATH": "/usr/bin:/bin", "TRIAGE_IMPORT_API_URL": self._line.url}
        words = ("--config", f"{self._folder}/triage-import.toml", "run", "@nightly", "-q", *more)
        return Forked(words, self._folder, environment)

    def cron(self, *more: str) -> Mail:
        ended = finish(self.start(*more))
        return Mail(ended.code, ended.out + ended.err)

    def deliver(self, night: int, *, without: str = "", all_of_them: bool = False) -> Path:
        """Write the file of a night: a few new rows and a few changed ones, or all of them."""
        random = self._random
        known = sorted(self._rows) if all_of_them else random.sample(sorted(self._rows), k=min(len(self._rows), 4))
        new = [f"Q-{len(self._rows) + number}" for number in range(1, random.randint(2, 5))]
        for key in (*known, *new):
            self._moment += 1
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_760_000_000 + 60 * self._moment))
            state = random.choice(("Open", "Done"))
            before = self._rows.get(key, {})
            # What nobody has edited has the date that it had.
            stamp = before["Updated"] if all_of_them and before else stamp
            text = before.get("Text", "") if without == "Text" else f"Text of {key} in night {night}"
            self._rows[key] = dict(zip(COLUMNS, (key, f"Title of {key}, {night}", text, state, stamp), strict=True))
        columns = [name for name in COLUMNS if name != without]
        path = self._folder / "inbox" / f"qa-{night:02}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [columns, *([self._rows[key][each] for each in columns] for key in (*known, *new))]
            )
        os.utime(path, (time.time() - 7200 + 60 * night,) * 2)
        return path

    def night(self, number: int, trouble: str) -> list[Mail]:
        """Let a night pass, and the day after it; returns the mails of starts that were to say nothing."""
        quiet = list[Mail]()
        if trouble == "" and self._random.random() < 0.15 and number > 1:  # no file tonight
            return [self.cron()]
        lacks = {"column gone": "Text"}.get(trouble, "")
        path = self.deliver(number, without=lacks, all_of_them=trouble == "everything changed")
        match trouble:
            case "overlap":
                both = [self.start(), self.start()]
                codes = sorted(finish(each).code for each in both)
                promise(codes in ([0, 0], [0, 5]), "silent", f"two starts at once ended with {codes}")
            case "half written":
                whole, stamp = path.read_bytes(), path.stat().st_mtime
                path.write_bytes(whole[:-30])
                self._expect(self.cron(), 6, "")
                path.write_bytes(whole)
                os.utime(path, (stamp, stamp))
            case "target down":
                self._line.is_down = True
                self._expect(self.cron(), 3, "")
                self._line.is_down = False
            case "key revoked":
                (self._folder / "key").write_text("another-key")
                self._expect(self.cron(), 7, "refuses the API key")
                (self._folder / "key").write_text(KEY)
            case "column gone":
                self._expect(self.cron(), 2, "Text")
                quiet.append(self.cron("--accept-missing=Text"))
            case "everything changed":
                self._expect(self.cron("--max-changes", "3"), 7, "--max-changes")
                quiet.append(self.cron("--max-changes", "100%"))
        return [*quiet, self.cron()]

    def _expect(self, mail: Mail, code: int, words: str) -> None:
        is_said = f"Exit code {code}: " in mail.text and words in mail.text
        promise(mail.code == code and is_said, "silent", f"it ended with {mail.code}: {mail.text}")
        promise(len(mail.text.splitlines()) <= 20, "silent", f"a long mail: {mail.text}")

    def judge(self) -> None:
        """Compare Triage with what was delivered last, and `runs` with log and metrics."""
        issues = {
            issue["description"].partition("desk:")[2].partition("\n")[0]: issue for issue in self._sandbox.issues()
        }
        promise(len(issues) == len(self._sandbox.issues()), "doubled", "two issues have one key")
        promise(issues.keys() == self._rows.keys(), "lost", sorted(self._rows.keys() ^ issues.keys()))
        for key, row in self._rows.items():
            shown = issues[key]
            text = shown["description"].partition("---\n")[0].strip()
            wanted = (row["Title"], row["Text"], {"Open": "todo", "Done": "done"}[row["State"]])
            promise((shown["title"], text, shown["status"]) == wanted, "lost", f"{key} is {shown}, not {wanted}")
        logged = [json.loads(line) for line in (self._folder / "log.jsonl").read_text().splitlines()]
        ends = [line for line in logged if line["event"] == "end"]
        listed: list[dict[str, Any]] = json.loads(self._runs("--json", "--since", "1d"))
        self.starts = len(listed)
        promise(Counter(each["code"] for each in ends) == Counter(each["exit_code"] for each in listed), "misreported",
                f"the log has {len(ends)} ends, `runs` {len(listed)} starts")  # fmt: skip
        silent = [each for each in listed if each["exit_code"] not in (0, None) and not each["why"]]
        promise(not silent, "silent", f"no reason: {silent}")
        metrics = (self._folder / "figures.prom").read_text()
        promise('triage_import_exit_code{import="nightly"} 0.0' in metrics, "misreported", metrics)
        page = self._runs()
        promise("Not in yet" not in page, "misreported", page)

    def _runs(self, *options: str) -> str:
        words = ("runs", "--ledger", f"{self._folder}/state/ledger.db", *options)
        return finish(Forked(words, self._folder, os.environ)).out


def run_cron_nights(seed: int, nights: int, say: Say) -> Tally:
    """Let so many nights pass; the first that breaks a promise is the last."""
    tally, random = Tally(say), Random(f"{seed} cron")
    troubles = dict(zip(random.sample(range(2, nights + 1), k=min(nights - 1, len(TROUBLES))), TROUBLES, strict=False))
    with (
        tempfile.TemporaryDirectory(prefix="cron-") as folder,
        serve_in_thread(HostileOptions(seed=seed, api_key=KEY)) as sandbox,
        ExitStack() as stack,
    ):
        line = Line(sandbox.url)
        stack.enter_context(serve_door(line))
        those = Nights(Path(folder), sandbox, line, random)
        for number in range(1, nights + 1):
            trouble = troubles.get(number, "")
            with tally.judging(f"seed {seed}, night {number}{trouble and ', '}{trouble}"):
                mails = those.night(number, trouble)
                loud = [mail for mail in mails if mail != (0, "")]
                promise(not loud, "silent", f"a good night mails {loud}")
            if tally.broken:
                break
            tally.count(nights=1, troubles=bool(trouble), bytes=sum(len(mail.text) for mail in mails))
            say(f"night {number}: {trouble or 'good'}")
        if not tally.broken:
            with tally.judging(f"seed {seed}, in the end"):
                those.judge()
        tally.count(issues=len(sandbox.issues()), starts=those.starts)
    return tally


def test_a_few_nights_under_cron() -> None:
    """Good nights say nothing; what was refused is in after a person has done what the mail says, and all is known."""
    said: list[str] = []
    tally = run_cron_nights(SEED, 30 if LONG else len(TROUBLES) + 1, said.append)
    assert not tally.broken, (tally.broken, said)
    assert tally.counts["troubles"] == len(TROUBLES)
    assert tally.counts["bytes"] == 0
