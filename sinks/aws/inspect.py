"""Facts about the caller and about one secret at AWS. Nothing is changed, and other modules judge the facts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.aws.address import parse
from sinks.aws.api import Api
from sinks.aws.connection import connector, identifier
from sinks.aws.errors import Missing, translated
from sinks.aws.listing import CURRENT, PROOF
from sinks.aws.settings import Settings
from sinks.errors import Conflict, SinkError

if TYPE_CHECKING:
    from sinks.aws.address import Target
    from sinks.aws.responses import Described, Listed
    from sinks.clock import Clock
    from sinks.shared import Shared

TIMEOUT = timedelta(seconds=10)
READS = 2


@dataclass(frozen=True)
class Caller:
    """The identity that AWS sees.

    `arn` is that of a user, or of a session of a role.
    """

    account: str
    arn: str


class Inspector:
    """Asks AWS about one secret.

    Its connections are those of `shared`. Every method may raise `SinkError`. `may_read`, `may_label` and `may_decrypt`
    raise `Denied` where a right is missing.
    """

    def __init__(self, name: str, target: str, settings: Settings, clock: Clock, shared: Shared) -> None:
        self.target: Target = parse(target, settings)
        self._settings = settings
        self._shared = shared
        self._uri = f"{name}://{self.target.canonical}"
        connect = connector(settings, self.target.region, TIMEOUT, shared, attempts=READS)
        self._api = Api(connect, self.target.secret_id, self._uri, clock)

    def caller(self) -> Caller | None:
        """Ask who is calling (sts:GetCallerIdentity, which needs no permission).

        Returns None where there is no answer, or where a role is configured.
        """
        if self._settings.role_arn is not None:
            return None  # the role's own name says who is calling
        with suppress(SinkError), translated("sts:GetCallerIdentity", self._uri):
            arn = identifier(self._settings, self.target.region, TIMEOUT, self._shared)()["arn"]
            return Caller(arn.split(":")[4], arn)
        return None

    def describe(self) -> Described:
        """Read tags and settings (DescribeSecret).

        A secret that does not exist is a result too (`Described.exists`).
        """
        return self._api.describe()

    def labelled(self) -> Listed | None:
        """Return the current version, from one page of the listing.

        None: there is no such secret, or no current version on that page.
        """
        # One page is enough for a check of the right. Current is nearly always on the first.
        with suppress(Missing):
            return next((version for version in self._api.page().versions if CURRENT in version.stages), None)
        return None

    def may_read(self) -> None:
        """Check the right to read values, with a label that no version has.

        AWS refuses this request only to callers that may read no value.
        """
        self._api.staged(PROOF)

    def may_label(self, current: str) -> None:
        """Check the right to move labels, by the removal of a label from a version that does not have it.

        AWS refuses this request only to callers that may move none.
        """
        with suppress(Conflict):
            self._api.label(PROOF, remove=current)

    def may_decrypt(self) -> bool:
        """Read the current value, which is dropped, and return True.

        There is no other way to check the right to decrypt: AWS has no dry run for it.
        """
        self._api.staged(CURRENT)
        return True
