"""What an operation is about: its lock, and the values.

It carries the secrets from the command to the requests. Plans and outcomes hold none, so they can be printed.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model.errors import Failed
from bridge.model.origin import Origin, Settable
from sinks.port import Lock
from sinks.secret import Secret


@dataclass
class OperationValues:
    """What an execution starts from.

    The execution fills in what it finds out under the lock, such as a value that Auth0 generated.
    """

    # Not frozen: a value that Auth0 generates is known only after the claims.
    lock: Lock
    """The lock that the operation writes into its sinks."""
    value: Secret | None = None
    """The value that Auth0 accepts in the end. None until it is known."""
    base: Secret | None = None
    """The value that was current when the operation began."""
    initial: Secret | None = None
    """The value that an empty sink gets as its first version."""
    origin: Origin | None = None
    """Why `value` may be set at Auth0. None means that it must not be set."""
    ending: tuple[Secret, ...] = ()
    """The values that Auth0 has to refuse before they are ended."""
    ends: tuple[str, ...] = ()
    """Fingerprints of all values that the operation has read as ending."""
    brought: Secret | None = None
    """A value that is live according to the user."""
    former: str = ""
    """The fallback that a sink has after it was tagged, in the form of `Record.former`."""
    proven: bool = False
    """Whether Auth0 has accepted `base`, so that going back to it is safe."""
    unseen: tuple[str, ...] = ()
    """URIs of the sinks that did not answer."""
    retired: tuple[str, ...] = ()
    """Fingerprints of the values that a retirement ends."""

    @property
    def settable(self) -> Settable:
        """The value together with its origin, in the form that Auth0's client takes.

        Raises:
            Failed: there is no value, or no origin that allows setting it.
        """
        # The last gate before a PATCH. Whatever way a value took, without an origin it stops here (ADR 33).
        if self.origin is None:
            raise Failed("this value must not be set at Auth0: nobody here made it, brought it or saw it accepted")
        return Settable(self.required, self.origin)

    @property
    def required(self) -> Secret:
        """The value, which has to be known by now.

        Raises:
            Failed: there is none yet.
        """
        if self.value is None:
            raise Failed("there is no value to publish")
        return self.value
