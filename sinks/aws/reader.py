"""Reads a secret in AWS for an application. It needs `secretsmanager:GetSecretValue`, and reads by label only.

A policy can deny reading by version id (`sinks.aws.policy`), so retired values are out of its reach.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from sinks.aws.listing import CURRENT, FALLBACK, OWN, PENDING, ends_of
from sinks.aws.state import document_in
from sinks.errors import Denied, Refused
from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.record import Record

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.aws.address import Target
    from sinks.aws.api import Api
    from sinks.aws.responses import Got
    from sinks.document import Document
    from sinks.secret import Secret

LOG = logging.getLogger(__name__)


class AwsReader:
    """One secret with the value at the target's key (`sinks.reader.Reader`).

    It never lists versions, so an application's policy needs no more than the right to read values.
    """

    def __init__(self, uri: str, api: Api, target: Target) -> None:
        self.uri = uri
        self._api = api
        self._key = target.key
        self._describes = True

    def latest(self) -> Latest:
        """Read the version labelled AWSCURRENT (`Reader.latest`).

        The answer says neither when it was promoted nor which version is the fallback.

        Raises:
            Refused: there is nothing, or no text at the key.
        """
        got = self._api.staged(CURRENT)
        if got is None:
            raise Refused(f"there is nothing to read at {self.uri}", "check the region, the name and the account")
        value = self._value(got)
        if value is None:
            document = self._document(got)
            told = document.lacks(self._key, self.uri) if document and self._key else f"there is no value at {self.uri}"
            raise Refused(told, "choose one with #KEY, or ?bare for the whole text")
        return Latest(value, got.version, got.at)

    def pending(self) -> Next:
        """Read the version labelled AWSPENDING, whose own label describes the operation (`Reader.pending`).

        Nothing is pending where that version is also current and has no label of the bridge, as after native rotation.
        """
        got = self._api.staged(PENDING)
        label = next((stage for stage in sorted(got.stages) if stage.startswith(OWN)), None) if got else None
        if got is None or (CURRENT in got.stages and label is None):  # native rotation leaves the label on current
            return NOTHING_NEXT
        return Next(self._value(got), frozenset(ends_of(label) if label else ()))

    def fallback(self, latest: Latest) -> Secret | None:
        """Read the version labelled FALLBACK (`Reader.fallback`).

        None: there is no such version, or it is the one that `latest` has read.
        """
        got = self._api.staged(FALLBACK)
        return self._value(got) if got and got.version != latest.version else None

    def promoted(self, latest: Latest) -> datetime | None:
        """Read the tags for it, where this reader may (`secretsmanager:DescribeSecret`, `Reader.promoted`).

        After one denial it does not ask again.
        """
        if latest.promoted or not self._describes:
            return latest.promoted
        with suppress(Denied):
            record = Record.from_tags(self._api.describe().tags)
            return record.promoted_at if record else None
        # A missing right rarely comes back, and asking each time would fill CloudTrail with denials.
        self._describes = False
        return None

    def close(self) -> None:
        """Close the connections (`Reader.close`)."""
        self._api.close()

    def _value(self, got: Got) -> Secret | None:
        document = self._document(got)
        return document.get(self._key) if document else None

    def _document(self, got: Got) -> Document | None:
        return document_in(got.text, self.uri, bare=self._key is None)
