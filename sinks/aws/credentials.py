"""Credentials that are obtained again when they end, however they were obtained.

boto3 renews temporary credentials before they end. It knows nothing of an answer that says they have ended already, and
never renews those of a role that a program has assumed itself.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from botocore.credentials import Credentials, DeferredRefreshableCredentials, create_assume_role_refresher

from sinks.aws.errors import WRONG_SETTINGS, NoLogin, translated
from sinks.aws.variables import CORRECT, source_faults
from sinks.errors import BadAddress, SinkError

ENDED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidClientTokenId",
    "UnrecognizedClientException",
})  # fmt: skip
"""The codes of answers by which credentials have ended, or are not known any more."""
SESSION_NAME, RENEWALS = "secret-bridge", "secret-bridge renewals"


class Renewed(Credentials):  # type: ignore[misc]  # botocore publishes no types
    """What `obtain` returns, until an answer says that it has ended. Then `obtain` is asked once more.

    `obtain` returns botocore's credentials, or None where there are none. It is called when a request is signed.
    """

    def __init__(self, obtain: Callable[[], Any]) -> None:
        super().__init__("", "", method="secret-bridge")
        self._obtain = obtain
        self._found: Any = None
        self._lock = threading.Lock()
        self.renewals = 0
        """How often they were obtained anew."""

    def get_frozen_credentials(self) -> Any:
        """Return the credentials of this moment. boto3 renews those that end soon. None: there are none."""
        with self._lock:
            if self._found is None:
                self._found = self._obtain()
            return self._found.get_frozen_credentials() if self._found else None

    def renew(self, renewals: int) -> bool:
        """Obtain them anew, and return whether others came.

        `renewals` is the count when the refused request was made. Where another thread has obtained others since, those
        are the answer.
        """
        with self._lock:
            if self.renewals != renewals:
                return True
            former = self._found.get_frozen_credentials() if self._found else None
            self._found, self.renewals = self._obtain(), renewals + 1
            return bool((self._found.get_frozen_credentials() if self._found else None) != former)


class Source:
    """A source of credentials, whose errors become ours. `load` is called at the first signature."""

    def __init__(self, load: Callable[[], Any], uri: str) -> None:
        self._load = functools.cache(load)
        self._uri = uri

    def get_frozen_credentials(self) -> Any:
        """Return the credentials of this moment, or None where there are none.

        Raises:
            BadAddress: a variable that names where to get them leads nowhere.
            NoLogin: there are none to be had.
        """
        try:
            found = self._load()
            return found.get_frozen_credentials() if found else None
        except SinkError:
            raise
        # Sources are files, programs and servers, and there is no list of what reading them raises.
        except Exception as error:  # noqa: BLE001
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> SinkError:
        if wrong := source_faults(os.environ):
            return BadAddress("; ".join(wrong), CORRECT)
        if isinstance(error, WRONG_SETTINGS):
            return BadAddress(
                f"the AWS profile for {self._uri} cannot be used ({type(error).__name__})",
                "check profile (AWS_PROFILE) and its section in ~/.aws/config",
            )
        if isinstance(error, RuntimeError):  # botocore's, for new credentials that have ended already
            return NoLogin(
                f"the AWS credentials for {self._uri} have ended, and new ones too",
                "check this machine's clock (and AWS_CREDENTIAL_EXPIRATION), or log in again",
            )
        # The file or program that a profile names is not there.
        named = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
        return NoLogin(
            f"no usable AWS credentials for {self._uri} ({type(error).__name__}{named})",
            "log in (aws sso login, a profile, a role), or set role_arn; then run the same command again",
        )


class Provided:
    """Gives a session its credentials, in place of AWS's usual chain."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        """Return them (the interface of botocore's `CredentialResolver`)."""
        return self._credentials


def assumed(connect: Callable[[], Any], role_arn: str, uri: str) -> Any:
    """Return the credentials of a role, which are obtained when first needed, and again before they end.

    `connect` makes a client of STS.
    """

    def refresh() -> Any:
        with translated("sts:AssumeRole", uri):
            sts = connect()
            try:
                return create_assume_role_refresher(sts, role(role_arn))()
            finally:
                sts.close()

    return DeferredRefreshableCredentials(refresh, "sts-assume-role")


def role(role_arn: str) -> dict[str, str]:
    """Return the parameters of AssumeRole."""
    return {"RoleArn": role_arn, "RoleSessionName": SESSION_NAME}


def renew_with(client: Any, service: str, credentials: Renewed) -> None:
    """Have a client repeat a request once with new credentials, where it was refused because of the old ones.

    Such a request was not carried out, so that repeating a write is safe.
    """

    def begun(context: Any, **_: object) -> None:
        context[RENEWALS] = credentials.renewals

    def again(response: Any, request_dict: Any, **_: object) -> float | None:
        code = response[1].get("Error", {}).get("Code") if response else None
        context = request_dict["context"]
        if code not in ENDED or context.get(SESSION_NAME):
            return None
        context[SESSION_NAME] = True
        return 0.0 if credentials.renew(context.get(RENEWALS, 0)) else None  # the pause in seconds

    client.meta.events.register(f"before-call.{service}", begun)
    client.meta.events.register(f"needs-retry.{service}", again)
