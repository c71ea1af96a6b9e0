"""The mapping's model of groups that live for many nights, and of what becomes of them once they are finished."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from importer.mapping.texts import Strict, Text

WhenFinished = Literal["?", "reopen", "add"]


class Finished(Strict):
    """What a new occurrence does to an issue that a person has finished. `?` is not decided: a check refuses."""

    done: WhenFinished = Field("?", description="Of an issue that is `done`: `reopen` sets `todo`, `add` only adds.")
    closed: WhenFinished = Field("?", description="The same for an issue that is `closed`.")

    @property
    def reopens(self) -> tuple[str, ...]:
        """The statuses that a new occurrence ends."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) == "reopen")


class Recurring(Strict):
    """A group that lives for many nights: each row is an occurrence of its issue."""

    occurrence: list[Text] = Field(
        min_length=1, description="Texts that tell an occurrence from others of its issue: call and turn."
    )
    finished: Finished = Field(
        default_factory=Finished, description="What new occurrences do to a finished issue; must be decided."
    )
    severity: Literal["raise", "keep"] = Field(
        "raise", description="`raise`: the worst of all occurrences, while nobody else has changed it; or `keep`."
    )
