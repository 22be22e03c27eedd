"""What an operation is about: its lock, and the values."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import Failed
from sinks.port import Lock
from sinks.secret import Secret


@dataclass
class Facts:
    """What an execution starts from.

    `value` is the one that Auth0 shall accept in the end, `base` the one that was current when the operation began,
    `initial` what an empty place gets first. `ending` are the values that Auth0 has to refuse before they are ended.
    `retired` are the fingerprints of what a retirement finds to end; its lock does not name them.
    """

    lock: Lock
    value: Secret | None = None
    base: Secret | None = None
    initial: Secret | None = None
    ending: tuple[Secret, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def required(self) -> Secret:
        """The value.

        Raises:
            Failed: there is none yet.
        """
        if self.value is None:
            raise Failed("there is no value to publish")
        return self.value
