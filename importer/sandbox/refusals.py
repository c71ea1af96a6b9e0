"""Errors: the sandbox can't start, or it refuses a request."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox can't be started as asked; the hint says what helps where `sandbox` was typed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message, self.hint = message, hint


class Refusal(Exception):
    """A request that is answered with an error in the API's envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def not_found(what: str) -> Refusal:
    """Return a 404 in the documented words: `Issue not found`."""
    return Refusal(404, "not_found", f"{what} not found")


def bad_request(message: str) -> Refusal:
    """Return a 400; the message names each invalid path."""
    return Refusal(400, "bad_request", message)
