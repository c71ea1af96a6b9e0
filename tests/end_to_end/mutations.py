"""Whether tests notice when a safeguard is missing: each is taken out alone, and the test that guards it must fail.

python -m tests.end_to_end.mutations        runs all and prints the table; exit code 1 if a test passes all the same
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.harness.mutating import FAILED, Mutation, copy_program, mutated, run_tests

MUTATIONS = (
    Mutation(
        "the intent",
        "importer/load/writing.py",
        "            await intend()\n",
        "",
        "tests/load/test_creates.py::test_crash_after_the_intent",
    ),
    Mutation(
        "the intent of a change",
        "importer/load/updates.py",
        "        await self._run.intend(self.operation, ",
        "        _ = (self.operation, ",
        "tests/load/test_updates.py::test_nothing_leaves_without_its_intent",
    ),
    Mutation(
        "the values that an update replaces",
        "importer/ledger/journal.py",
        "            if writes:\n",
        "            if not writes:\n",
        "tests/ledger/test_replaced.py::test_it_is_kept_with_the_intent",
    ),
    Mutation(
        "the runs that wrote a field later",
        "importer/runs/give_back.py",
        " and name not in each.later]",
        "]",
        "tests/runs/test_give_back.py::test_the_same_value_of_a_later_run",
    ),
    Mutation(
        "the intent's commit",
        "importer/ledger/group_commit.py",
        "        group = self._started + 1\n",
        "        group = 0\n",
        "tests/ledger/test_group_commit.py::test_intend_waits_for_the_commit",
    ),
    Mutation(
        "the look-up",
        "importer/load/settling.py",
        "            await self._read_whole(issue for issue in page if self._may_be_awaited(issue))\n",
        "",
        "tests/load/test_settling.py::test_found_together",
    ),
    Mutation(
        "the whole description",
        "importer/load/settling.py",
        "            issue = await self._calls.call(partial(self._client.get_issue, issue_id))\n",
        "            issue = next(each for each in listed if each.id == issue_id)\n",
        "tests/load/test_settling.py::test_cut_descriptions",
    ),
    Mutation(
        "the wait",
        "importer/load/settling.py",
        "if self._now() > self._deadline(pending)]",
        "]",
        "tests/load/test_settling.py::test_late_commit",
    ),
    Mutation(
        "the second reading",
        "importer/load/reconcile.py",
        "DECIDING_READINGS = 2\n",
        "DECIDING_READINGS = 1\n",
        "tests/load/test_settling.py::test_a_commit_between_the_two_looks",
    ),
    Mutation(
        "the control of an absence",
        "importer/load/reconcile.py",
        "            return known <= reading.marks\n",
        "            return True\n",
        "tests/load/test_reconcile.py::test_a_list_that_lacks_what_is_there",
    ),
    Mutation(
        "the control of an order",
        "importer/load/reconcile.py",
        "        proves = is_recognised and not ids[NAMELESS]\n",
        "        proves = is_reached and not ids[NAMELESS]\n",
        "tests/end_to_end/test_hidden_activity.py::test_comments_that_are_not_recognised",
    ),
    Mutation(
        "the control on another issue",
        "importer/load/reconcile.py",
        "        if (control := self._acknowledged(act, self._now() - wait_seconds)) is not None:\n",
        "        if (control := None) is not None:\n",
        "tests/load/test_reconcile.py::test_a_list_that_lacks_what_another_issue_has",
    ),
    Mutation(
        "the control of an undo",
        "importer/runs/undo.py",
        "            traces.append(UNSEEN)  # what people did may be hidden as well\n",
        "            pass\n",
        "tests/end_to_end/test_hidden_activity.py::test_undo_where_nothing_is_shown",
    ),
    Mutation(
        "discovery",
        "importer/pipeline.py",
        "    if checked.creates or known.matched:\n",
        "    if False:\n",
        "tests/load/test_discovery.py::test_a_lost_ledger_doubles_nothing",
    ),
    Mutation(
        "the search of discovery",
        "importer/load/discovery.py",
        "                await self._note(found, self._known(found))\n",
        "                pass\n",
        "tests/load/test_discovery.py::test_what_only_the_search_finds",
    ),
    Mutation(
        "the search after a 429",
        "importer/triage/paced.py",
        "            if find is not None and ",
        "            if False and ",
        "tests/load/test_addition_sender.py::test_made_and_answered_429",
    ),
    Mutation(
        "the control of a list",
        "importer/load/settling.py",
        "        is_old = any(mark > newest + ROUNDING for mark in marks)\n",
        "        is_old = False\n",
        "tests/load/test_settling.py::test_a_list_that_lacks_what_it_has_shown",
    ),
    Mutation(
        "the search before the control of a list",
        "importer/load/settling.py",
        "            if not pending.outcome.done() and not pending.is_refused:\n"
        "                await self._search(pending)\n",
        "            pass\n",
        "tests/load/test_settling.py::test_a_list_that_proves_nothing_and_a_search_that_finds",
    ),
    Mutation(
        "the reading where lists show no descriptions",
        "importer/triage/listing.py",
        " > self._longest or not self._longest:",
        " > self._longest:",
        "tests/load/test_discovery.py::test_a_list_without_descriptions_that_has_one_issue",
    ),
    Mutation(
        "the searches for single rows",
        "importer/pipeline.py",
        "        if find_hidden(context, checked):\n",
        "        if False:\n",
        "tests/load/test_discovery.py::test_a_list_and_a_search_that_end_too_early",
    ),
    Mutation(
        "the search before a refused row is announced",
        "importer/load/creates.py",
        " and key not in self._refused and ",
        " and ",
        "tests/load/test_settling.py::test_a_refused_row_is_not_announced",
    ),
    Mutation(
        "the end of what was announced and never left",
        "importer/load/creates.py",
        "                    Write(self._run, self._calls, operation).withdraw(Interrupted())\n",
        "                    pass\n",
        "tests/load/test_creates.py::test_target_down",
    ),
    Mutation(
        "the search after a refusal",
        "importer/load/creates.py",
        "            if answer.action is Action.RETRY:\n",
        "            if answer.action in (Action.RETRY, Action.REFUSE):\n",
        "tests/load/test_creates.py::test_made_and_refused",
    ),
    Mutation(
        "the search before a refused row is sent again",
        "importer/load/creates.py",
        "            elif key in self._refused:",
        "            elif False:",
        "tests/load/test_creates.py::test_a_refused_row_is_looked_for_before_it_is_sent_again",
    ),
    Mutation(
        "the target's own time",
        "importer/load/settling.py",
        "            return min(each.mark - (",
        "            return min(each.since - (",
        "tests/load/test_settling.py::test_another_clock",
    ),
    Mutation(
        "the limit of changes",
        "importer/check/observers/drift.py",
        "        if not limit.is_exceeded(self.changed, self._total):\n",
        "        if True:\n",
        "tests/end_to_end/test_much_at_once.py::test_too_many_changes",
    ),
    Mutation(
        "the look for a column in another form",
        "importer/check/observers/drift.py",
        "self._other_form() or self._too_many(limit)",
        "self._too_many(limit)",
        "tests/end_to_end/test_much_at_once.py::test_a_column_in_another_form",
    ),
    Mutation(
        "the look for another site",
        "importer/check/observers/drift.py",
        "        found = [self._other_site(), ",
        "        found = [",
        "tests/end_to_end/test_much_at_once.py::test_another_site_with_the_same_ids",
    ),
    Mutation(
        "the look for known rows under new keys",
        "importer/check/observers/drift.py",
        "        found = [self._other_site(), self._moved_keys(), ",
        "        found = [self._other_site(), ",
        "tests/end_to_end/test_much_at_once.py::test_another_column_for_the_key",
    ),
    Mutation(
        "the look for rows that another source has in the target",
        "importer/check/observers/drift.py",
        "        if self._find_others is not None and any(",
        "        if False and any(",
        "tests/end_to_end/test_much_at_once.py::test_another_name_of_the_source",
    ),
    Mutation(
        "the age of a source",
        "importer/check/observers/source_age.py",
        "        if limit is not None and age_seconds > limit:\n",
        "        if False:\n",
        "tests/end_to_end/test_much_at_once.py::test_a_dead_export_job",
    ),
    Mutation(
        "the rows that a partial file lacks",
        "importer/check/plan.py",
        "        if rows < before:\n",
        "        if False:\n",
        "tests/end_to_end/test_call_quality.py::test_a_partial_file_takes_nothing_away",
    ),
    Mutation(
        "the retirement of a source",
        "importer/load/preflight.py",
        "    refuse_retired(ledger, target.name, job.source_name)\n",
        "",
        "tests/cli/test_sources.py::test_last_month_s_crontab",
    ),
    Mutation(
        "the closing scan",
        "importer/pipeline.py",
        "sent = scan_back(context, run, Attempt(context, run, checked, known).send(canary, questions.confirm_rest))",
        "sent = Attempt(context, run, checked, known).send(canary, questions.confirm_rest)",
        "tests/load/test_closing.py::test_two_machines_at_once",
    ),
    Mutation(
        "the marker of a comment",
        "importer/load/fingerprint.py",
        "            return (Act.COMMENT, opening.marker if opening else unmarked.digest(item.detail))\n",
        "            return (Act.COMMENT, opening and unmarked.digest(item.detail))\n",
        "tests/load/test_fingerprint.py::test_a_comment_is_its_marker",
    ),
    Mutation(
        "the wait before an issue is gone",
        "importer/triage/absence.py",
        "        if now < doubt.deadline:\n",
        "        if False:\n",
        "tests/triage/test_absence.py::test_not_yet",
    ),
    Mutation(
        "the second reading of an issue that is gone",
        "importer/triage/absence.py",
        "        if doubt.weight < ENOUGH:\n",
        "        if False:\n",
        "tests/triage/test_absence.py::test_gone_after_two_looks_apart",
    ),
    Mutation(
        "the control request",
        "importer/triage/absence.py",
        "            await self._check_target()\n",
        "            pass\n",
        "tests/triage/test_absence.py::test_an_outage_stops",
    ),
    Mutation(
        "the turn of a read and its write",
        "importer/triage/paced.py",
        "        if self._turns.get(task):\n",
        "        if False:\n",
        "tests/triage/test_paced.py::test_the_write_follows_its_read",
    ),
    Mutation(
        "what is missing in the exit code",
        "importer/report/summary.py",
        "    partly = sum(codes.get(code, 0) for code in OPEN)\n",
        "    partly = sum(0 for code in OPEN)\n",
        "tests/report/test_summary.py::test_nothing_that_is_missing_ends_with_0",
    ),
    Mutation(
        "the second run that must find an issue gone",
        "importer/triage/snapshot.py",
        "        return GONE_AT_TARGET if len({*self.gone} - {NOT_LISTED}) >= RUNS_THAT_AGREE else PERHAPS_GONE\n",
        "        return GONE_AT_TARGET\n",
        "tests/end_to_end/test_on_change.py::test_deleted_in_triage",
    ),
    Mutation(
        "the reading after an update that was refused",
        "importer/load/updates.py",
        "            self._refusal = error\n            return True\n",
        "            return False\n",
        "tests/load/test_updates.py::test_what_a_write_meets",
    ),
    Mutation(
        "the list's word against a reading that finds nothing",
        "importer/load/discovery.py",
        "        if listed.id in self._unread:\n",
        "        if False:\n",
        "tests/end_to_end/test_outages.py::test_rebuild_ledger",
    ),
    Mutation(
        "the doubt about an answer that two creates share",
        "importer/load/creates.py",
        "        if issue.id in self._answered:\n",
        "        if False:\n",
        "tests/load/test_creates.py::test_two_creates_with_one_issue",
    ),
    Mutation(
        "the generation",
        "importer/ledger/sqlite.py",
        "    if reached < generation.seen or generation.is_replaced:\n",
        "    if generation.is_replaced:\n",
        "tests/ledger/test_sqlite.py::test_a_ledger_behind_its_side_file",
    ),
    Mutation(
        "a ledger from a backup",
        "importer/ledger/sqlite.py",
        "    if reached < generation.seen or generation.is_replaced:\n",
        "    if reached < generation.seen:\n",
        "tests/ledger/test_sqlite.py::test_a_copy_that_comes_back_with_its_side_file",
    ),
    Mutation(
        "what another ledger has added",
        "importer/load/additions.py",
        "        if work.place.was_found or work.place.is_older or self._to_probe > 0 or blank:\n",
        "        if work.place.was_found or blank:\n",
        "tests/end_to_end/test_two_ledgers.py::test_two_memories_that_take_turns",
    ),
    Mutation(
        "the integrity check",
        "importer/ledger/integrity.py",
        'exec_driver_sql(f"PRAGMA integrity_check',
        """exec_driver_sql(f"SELECT 'ok' --""",
        "tests/end_to_end/test_damaged_ledger.py::test_damage_where_outcomes_go_is_found_at_the_opening",
    ),
    Mutation(
        "the pause",
        "importer/triage/limiter.py",
        "        return max(self._paused_until, self._next) - now\n",
        "        return self._next - now\n",
        "tests/triage/test_limiter.py::test_pause_stops_everybody_once",
    ),
    Mutation(
        "the lock",
        "importer/ledger/lock.py",
        "        fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)\n",
        "        pass\n",
        "tests/test_pipeline.py::test_two_at_once",
    ),
    Mutation(
        "the lock of the source",
        "importer/load/preflight.py",
        "        ledger.locks.hold(target.name, organisation, source_name, say)\n",
        "        pass\n",
        "tests/ledger/test_source_lock.py::test_a_second_import_with_another_ledger",
    ),
    Mutation(
        "what people changed",
        "importer/triage/snapshot.py",
        "            elif name in known.fields and is_like(now[name], known.fields[name]) and name not in reverted:\n",
        "            elif True:\n",
        "tests/load/test_updates.py::test_a_conflict_stays_until_it_is_solved",
    ),
)


def main() -> int:
    """Run all and print the table."""
    unnoticed = 0
    print("| safeguard taken out | test that fails |\n| --- | --- |")  # noqa: T201
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_program(folder)
        for mutation in MUTATIONS:
            with mutated(mutation, folder):
                noticed = run_tests(folder, mutation.test)[0] == FAILED
            unnoticed += not noticed
            print(f"| {mutation.safeguard} | {mutation.test if noticed else 'NONE'} |", flush=True)  # noqa: T201
    return min(unnoticed, 1)


if __name__ == "__main__":
    sys.exit(main())
