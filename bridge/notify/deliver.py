"""Delivers a message to one URL by apprise. Runs in the messenger's process: nothing else imports apprise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import stamina
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML

ATTEMPTS, IN_ALL = 3, 8.0  # seconds; apprise gives each request 4 s to connect and 4 s between two pieces of an answer
PROGRAMS = (NotifyJSON, NotifyXML, NotifyForm)
"""Read by programs: their texts stay as they are."""
_MENTION = re.compile(r"@(?=(?:everyone|here|channel|all|room|group)\b)", re.IGNORECASE)
_APART = "\u200b"  # of no width


class Unknown(Exception):
    """Not a URL that apprise understands. It is not repeated: it is a secret."""


class NotTaken(Exception):
    """The service did not take the message, or did not answer."""


class Destination:
    """One URL of apprise's.

    Raises:
        Unknown: apprise does not understand it.
    """

    def __init__(self, url: str) -> None:
        asset = AppriseAsset(
            app_id="secret-bridge",
            app_desc="secret-bridge",
            app_url="",
            image_url_mask="",  # nobody's browser shall fetch pictures from a third party
            image_url_logo="",
            http_redirects=False,  # the URL is a secret: it is not sent to other hosts
            storage_mode=PersistentStoreMode.MEMORY,
            interpret_emojis=False,
            pgp_autogen=False,
            pem_autogen=False,
        )
        service = Apprise.instantiate(url, asset=asset)
        if service is None:
            raise Unknown
        self._service: NotifyBase = service
        self._own_fields = dict(service.payload_extras) if isinstance(service, NotifyJSON) else {}

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message (`Message.wire`); it is tried again for a while, so it can arrive twice.

        Raises:
            NotTaken: even so.
        """
        if isinstance(self._service, NotifyJSON):
            self._service.payload_extras = {**message["fields"], **self._own_fields}
        retry = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=IN_ALL, wait_initial=0.2, wait_max=1.0)
        retry(NotTaken, self._try, message)

    def _try(self, message: Mapping[str, Any]) -> None:
        quiet = (lambda text: text) if isinstance(self._service, PROGRAMS) else harmless
        taken = self._service.notify(
            title=quiet(message["title"]),
            body=quiet(message["body"]),
            notify_type=NotifyType(message["severity"]),
            body_format=NotifyFormat.TEXT,
        )
        if not taken:
            raise NotTaken


def harmless(text: str) -> str:
    """Keep a text from calling everybody: chat services look for these words even in plain text."""
    return _MENTION.sub(f"@{_APART}", text)
