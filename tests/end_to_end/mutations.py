"""Whether tests notice when a safeguard is missing: each is taken out alone, and the test that guards it must fail.

python -m tests.end_to_end.mutations        runs all and prints the table; exit code 1 if a test passes all the same
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.end_to_end.outcome_safeguards import OUTCOME_SAFEGUARDS
from tests.end_to_end.state_safeguards import STATE_SAFEGUARDS
from tests.harness.mutating import FAILED, copy_program, mutated, run_tests

MUTATIONS = (*OUTCOME_SAFEGUARDS, *STATE_SAFEGUARDS)


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
