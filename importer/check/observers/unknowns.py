"""Collects values that the mapping doesn't cover, with other cells of their rows as evidence for a proposed target."""

from __future__ import annotations

from importer.api import VALUE_FIELDS, FieldName
from importer.check.examine import Examined
from importer.check.observers.observer import DISTINCT_LIMIT, SAMPLES
from importer.check.plan import Plan
from importer.mapping.model import EvidenceTexts
from importer.mapping.texts import Text
from importer.mapping.unknown_values import Evidence, Unknown
from importer.transform.columns import is_filled

_OPEN_HOWS = ("unknown", "missing")


class Unknowns:
    """Collects the values that reject their rows, with counts, samples and evidence."""

    def __init__(self, texts: EvidenceTexts, status_category: Text | None) -> None:
        self._texts = (status_category, texts.resolution, texts.closed)
        self._found: dict[tuple[FieldName, str], tuple[int, tuple[str, ...], Evidence]] = {}

    def add(self, examined: Examined, _: Plan | None = None) -> None:
        """Collect the unknown values of a chunk. Costs nothing where the mapping covers all of them."""
        records = examined.records
        for name in VALUE_FIELDS:
            mapped = records.values[name]
            open_codes = {
                code: step.source
                for code, step in enumerate(mapped.steps)
                if step.target is None and step.how in _OPEN_HOWS and not step.hidden
            }
            if open_codes:
                self._add(examined, name, open_codes)

    def _add(self, examined: Examined, name: FieldName, open_codes: dict[int, str]) -> None:
        records = examined.records
        nothing = [""] * len(records.chunk)
        columns = [nothing if text is None else records.columns.text(text) for text in self._texts]
        codes = records.values[name].codes.tolist()
        for row in examined.counted_rows():
            source = open_codes.get(codes[row])
            if source is None or (len(self._found) >= DISTINCT_LIMIT and (name, source) not in self._found):
                continue
            count, samples, evidence = self._found.get((name, source), (0, (), Evidence()))
            category, resolution, closed = (column[row] for column in columns)
            evidence.status_category[category.strip()] += 1
            evidence.resolution[resolution.strip()] += 1
            evidence.closed[is_filled(closed)] += 1
            if len(samples) < SAMPLES:
                samples = (*samples, records.keys.full[row])
            self._found[name, source] = (count + 1, samples, evidence)

    def as_list(self) -> list[Unknown]:
        """Return the values by field, most frequent first within each."""
        found = sorted(self._found.items(), key=lambda item: (VALUE_FIELDS.index(item[0][0]), -item[1][0], item[0][1]))
        return [Unknown(name, value, count, samples, evidence) for (name, value), (count, samples, evidence) in found]
