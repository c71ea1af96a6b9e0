"""Progress: what long work reports to whoever shows it to a person."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shows a person how far the work is; units are rows, bytes, issues or operations."""

    def say(self, text: str = "") -> None: ...
    def start(self, what: str, total: int, unit: str, done: int = 0) -> None: ...
    def reach(self, done: int) -> None: ...
    def figures(self, text: str) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def wait(self) -> None: ...
    def finish(self) -> None: ...


class Unseen:
    """Shows nothing."""

    def say(self, text: str = "") -> None:
        """Nothing."""

    def start(self, what: str, total: int, unit: str, done: int = 0) -> None:
        """Nothing."""

    def reach(self, done: int) -> None:
        """Nothing."""

    def figures(self, text: str) -> None:
        """Nothing."""

    def pause(self, seconds: float) -> None:
        """Nothing."""

    def wait(self) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
