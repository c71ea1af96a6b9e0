"""What a ledger may answer a check, without a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from importer.check.knowledge import Create, FindAbsence, LedgerStatus, NoLedger, find_no_absence


class Knowing(NoLedger):
    """Knows how these keys stand, and nothing else; `asks` is whether it looks at the creates at all."""

    def __init__(self, statuses: Mapping[str, LedgerStatus], *, asks: bool = True) -> None:
        self._statuses, self._asks = statuses, asks

    def __call__(
        self, bodies: Iterable[tuple[str, bytes]], create: Create, _: FindAbsence = find_no_absence
    ) -> Mapping[str, LedgerStatus]:
        """Say how they stand."""
        if not self._asks:
            return self._statuses
        return {key: self._statuses[key] for key, _ in bodies if key in self._statuses}
