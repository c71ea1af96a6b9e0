"""What is known of sources, runs, rows and operations: the only memory of a run that sends (only here: SQL)."""

from importer.ledger.additions import Added, Additions, Place, encode_details
from importer.ledger.opening import default_path, open_ledger, read_ledger
from importer.ledger.results import FOUND_AT_TARGET, Made
from importer.ledger.run import Decision, Memory, Run, Undecided
from importer.ledger.schema import GONE_AT_TARGET, UNDECIDED, RunKind, State
from importer.ledger.seen import Double, Found, Seen
from importer.ledger.store import Facts, Known, Ledger

__all__ = [
    "FOUND_AT_TARGET",
    "GONE_AT_TARGET",
    "UNDECIDED",
    "Added",
    "Additions",
    "Decision",
    "Double",
    "Facts",
    "Found",
    "Known",
    "Ledger",
    "Made",
    "Memory",
    "Place",
    "Run",
    "RunKind",
    "Seen",
    "State",
    "Undecided",
    "default_path",
    "encode_details",
    "open_ledger",
    "read_ledger",
]
