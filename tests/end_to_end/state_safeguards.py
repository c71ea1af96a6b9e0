"""Safeguards on what is known here: the source, the ledger, locks, exit codes; with the test of each."""

from __future__ import annotations

from tests.harness.mutating import Mutation

STATE_SAFEGUARDS = (
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
        "(RespelledKeys(known), MovedKeys(sample)) if",
        "(RespelledKeys(known),) if",
        "tests/end_to_end/test_much_at_once.py::test_another_column_for_the_key",
    ),
    Mutation(
        "the look for rows that another source has in the target",
        "importer/check/observers/drift.py",
        "        self._others.add(creates)\n",
        "",
        "tests/end_to_end/test_much_at_once.py::test_another_name_of_the_source",
    ),
    Mutation(
        "the look for keys in another spelling",
        "importer/check/observers/drift.py",
        "(RespelledKeys(known), MovedKeys(sample)) if",
        "(MovedKeys(sample),) if",
        "tests/check/observers/test_drift.py::test_a_spelling_that_no_sample_has",
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
        "what is missing in the exit code",
        "importer/report/summary.py",
        "    partly = sum(codes.get(code, 0) for code in OPEN)\n",
        "    partly = sum(0 for code in OPEN)\n",
        "tests/report/test_summary.py::test_nothing_that_is_missing_ends_with_0",
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
        "the integrity check",
        "importer/ledger/integrity.py",
        'exec_driver_sql(f"PRAGMA integrity_check',
        """exec_driver_sql(f"SELECT 'ok' --""",
        "tests/end_to_end/test_damaged_ledger.py::test_damage_where_outcomes_go_is_found_at_the_opening",
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
)
