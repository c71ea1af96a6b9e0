"""What is known of sources, runs, rows and operations: the only memory of a run that sends (only here: SQL)."""

from importer.ledger.run import Decision, Run, Undecided
from importer.ledger.schema import State
from importer.ledger.store import Facts, Known, Ledger, default_path, open_ledger, read_ledger

__all__ = [
    "Decision",
    "Facts",
    "Known",
    "Ledger",
    "Run",
    "State",
    "Undecided",
    "default_path",
    "open_ledger",
    "read_ledger",
]
