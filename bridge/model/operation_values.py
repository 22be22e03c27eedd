"""What an operation is about: its lock, and the values."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model.errors import Failed
from bridge.model.origin import Origin, Settable
from sinks.port import Lock
from sinks.secret import Secret


@dataclass
class Facts:
    """What an execution starts from.

    `value` is the one that Auth0 shall accept in the end, `base` the one that was current when the operation began,
    `initial` what an empty place gets first. `origin` says why the value may be set at Auth0; None: it must not be.
    `ending` are the values that Auth0 has to refuse before they are ended. `ends` are the fingerprints of all values
    that the operation has read as ending, and `retired` those of what a retirement finds to end. `brought` is a value
    that the user says is live. `former` is the fallback that an adoption leaves the places with (`Record.former`).
    `proven`: Auth0 has accepted `base`, so that going back to it is safe. `unseen` are places that did not answer.
    """

    lock: Lock
    value: Secret | None = None
    base: Secret | None = None
    initial: Secret | None = None
    origin: Origin | None = None
    ending: tuple[Secret, ...] = ()
    ends: tuple[str, ...] = ()
    brought: Secret | None = None
    former: str = ""
    proven: bool = False
    unseen: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def settable(self) -> Settable:
        """The value, as Auth0's client takes it.

        Raises:
            Failed: there is none, or nothing says that it may be set.
        """
        if self.origin is None:
            raise Failed("this value must not be set at Auth0: nobody here made it, brought it or saw it accepted")
        return Settable(self.required, self.origin)

    @property
    def required(self) -> Secret:
        """The value.

        Raises:
            Failed: there is none yet.
        """
        if self.value is None:
            raise Failed("there is no value to publish")
        return self.value
