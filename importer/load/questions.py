"""What a person is shown and asked before anything is sent, and after a canary."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from importer.check.check_pass import Checked
from importer.errors import ImporterError
from importer.phrases import listed

LOOK_SECONDS = (0.0, 3.0, 10.0)
"""When list and search are read, in seconds after the issues themselves, because both may lag."""
NAMES_SHOWN = 5


@dataclass(frozen=True)
class CanaryFindings:
    """The result of reading a canary back. Issues are named by their number, `T-…`.

    organisation  its id, as the issues have it; "" if they have none
    author        id of the user that made the issues, or ""
    issues        all that were made
    otherwise     field → how it is stored otherwise than it was sent → issues
    twice         other issues with the marker of one that was made
    gone          issues of which neither reading, list nor search shows anything
    unmarked      issues whose stored description has lost its marker, or that can't be read
    unlisted      issues that the list, newest first, doesn't have; all of them if it is in another order
    unsearched    issues that a search for their marker doesn't find
    in_order      whether the list was newest first, as it was asked for
    found_after   seconds after which search had found the last of the others; None if it found none
    cut_at        characters after which lists cut a description; None if they don't
    longest       characters of the longest description that a list showed whole
    problems      error messages of list and search, where these can't be used
    refusal       the message of a row that Triage refused, or whose link it refused; "" if there was none
    """

    organisation: str
    author: str
    issues: tuple[str, ...]
    otherwise: dict[str, dict[str, tuple[str, ...]]]
    gone: tuple[str, ...]
    unmarked: tuple[str, ...]
    unlisted: tuple[str, ...]
    unsearched: tuple[str, ...]
    in_order: bool
    found_after: float | None
    cut_at: int | None
    longest: int
    problems: tuple[str, ...] = ()
    refusal: str = ""
    twice: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """Issues that neither list nor search finds by their marker: a create of one might be executed twice."""
        return tuple(
            name for name in self.issues if name in self.unmarked or (name in self.unlisted and name in self.unsearched)
        )

    def sentences(self) -> Iterator[str]:
        """Yield the sentences that are shown; what is bad begins with `warning:`."""
        if not self.issues:
            yield f"Canary in {self._organisation}: no issue was created."
        else:
            by = f", created by user {self.author}" if self.author else ""
            yield f"Canary in {self._organisation}: {listed(self.issues, NAMES_SHOWN)}{by}, read back."
            yield from self._stored()
            yield from self._found()
            yield from self._shown()
        if self.refusal:
            yield f"This is how Triage refuses: {self.refusal}"

    @property
    def _organisation(self) -> str:
        return f"organisation {self.organisation}" if self.organisation else "an organisation whose id is unknown"

    def _stored(self) -> Iterator[str]:
        if not self.otherwise and not self.unmarked:
            yield "Every field is stored as it was sent."
        for field, ways in self.otherwise.items():
            for how, names in ways.items():
                yield f"warning: {field} is stored differently from what was sent ({how}): {listed(names, NAMES_SHOWN)}"
        if self.unmarked:
            yield f"warning: the marker is not in the stored description: {listed(self.unmarked, NAMES_SHOWN)}"

    def _found(self) -> Iterator[str]:
        if not self.in_order:
            yield "warning: the list of issues is not ordered by creation, newest first, as requested."
        elif self.unlisted:
            yield f"warning: not in the list of issues: {listed(self.unlisted, NAMES_SHOWN)}"
        else:
            yield "All are in the list of issues."
        if self.unsearched:
            within = f"within {LOOK_SECONDS[-1]:g} s"
            yield f"warning: a search for the marker does not find, {within}: {listed(self.unsearched, NAMES_SHOWN)}"
        elif self.found_after is not None:
            when = f"after {self.found_after:g} s" if self.found_after else "at once"
            yield f"A search for the marker finds them {when}."
        yield from (f"warning: {problem}" for problem in self.problems)

    def _shown(self) -> Iterator[str]:
        if self.cut_at is not None:
            yield f"Lists cut descriptions after {self.cut_at:,} characters; issues in question are read individually."
        elif self.longest:
            yield f"Lists show descriptions whole (up to {self.longest:,} characters seen)."


ConfirmRest = Callable[[CanaryFindings, int, str], str]
"""Shows what the canary found, the number of other issues and the way back; returns a refusal, or ""."""


class Destination(NamedTuple):
    """Where an import would go, and how fast.

    organisation  id of the target's organisation, "" where it gives none
    rate          requests a second; 0 is no limit
    categories    asks Triage for the categories that it has
    """

    target: str
    organisation: str
    rate: float
    categories: Callable[[], Collection[str]]


Confirm = Callable[[Checked, Destination, str], ImporterError | None]


class Questions(NamedTuple):
    """Callbacks that decide whether to send.

    confirm       of all that was checked, before anything is sent; also gets the page of the check, "" if not `asks`;
                  returns the error that refuses, or None
    confirm_rest  of the rows that are left, after a canary: what it found, how many they are, the way back; returns a
                  refusal, or ""
    asks          whether `confirm` asks a person, who may want to look at the reports of the check before
    """

    confirm: Confirm
    confirm_rest: ConfirmRest
    asks: bool = False
