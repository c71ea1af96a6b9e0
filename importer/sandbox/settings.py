"""The options of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.sandbox.faults import Fault


@dataclass(frozen=True)
class SandboxOptions:
    """The options of a sandbox, as `triage-import sandbox` takes them.

    db                the SQLite file that keeps its issues; None keeps them in memory
    rate_limit        requests a second before it answers 429; None for no limit
    faults            tried in this order; the first that strikes a request counts
    search_lag        seconds until `search` finds a new or changed text
    read_lag          seconds until an issue, and what is added to one, is there for requests after its own
    clock_offset      seconds by which its clock is ahead, or with a minus behind
    no_zone           whether times are shown without their zone
    cut_descriptions  whether list items have only the first 100 characters of a description
    invalid_status    the status of a bad create, 400 or 422
    norm_everywhere   whether `@norm` in titles, descriptions and notes of flags dispatches Norm, too
    rewrite_texts     how texts are changed before they are stored, one of `rewriting.WAYS`; None keeps them
    api_key           the only key accepted; None accepts any that is not empty
    seed              of the faults that strike by chance; None chooses one at random
    """

    db: Path | None = None
    rate_limit: float | None = None
    faults: tuple[Fault, ...] = ()
    search_lag: float = 0.0
    read_lag: float = 0.0
    clock_offset: float = 0.0
    no_zone: bool = False
    cut_descriptions: bool = False
    invalid_status: int = 400
    norm_everywhere: bool = False
    rewrite_texts: str | None = None
    api_key: str | None = None
    seed: int | None = None
