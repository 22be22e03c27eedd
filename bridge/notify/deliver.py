"""Delivers a message to one URL with apprise.

This module runs in the messenger's process. No other module imports apprise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import stamina
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML

# apprise gives each request 4 s to connect and 4 s between two pieces of an answer.
# All attempts together have to end before the caller gives up (`post.LIMIT`).
ATTEMPTS, IN_ALL = 3, 8.0  # how many attempts, and seconds for all of them together
PROGRAMS = (NotifyJSON, NotifyXML, NotifyForm)
"""Services whose readers are programs. Their texts are sent unchanged."""
# Words that notify everybody in Slack, Teams, Discord and similar services.
_MENTION = re.compile(r"@(?=(?:everyone|here|channel|all|room|group)\b)", re.IGNORECASE)
_APART = "\u200b"  # a space of zero width


class Unknown(Exception):
    """The text is not a URL that apprise understands.

    The exception does not repeat the URL, because it is a secret.
    """


class NotTaken(Exception):
    """The service did not accept the message, or did not answer."""


class Destination:
    """One apprise URL, opened once and used for every message to it.

    Raises:
        Unknown: apprise does not understand the URL.
    """

    def __init__(self, url: str) -> None:
        asset = AppriseAsset(
            app_id="secret-bridge",
            app_desc="secret-bridge",
            app_url="",
            image_url_mask="",  # readers' browsers must not fetch pictures from a third party
            image_url_logo="",
            http_redirects=False,  # the URL is a secret, which a redirect would send to another host
            storage_mode=PersistentStoreMode.MEMORY,
            interpret_emojis=False,
            pgp_autogen=False,
            pem_autogen=False,
        )
        service = Apprise.instantiate(url, asset=asset)
        # apprise returns None for a URL that it does not understand, and only logs why, with the URL.
        if service is None:
            raise Unknown
        self._service: NotifyBase = service
        self._own_fields = dict(service.payload_extras) if isinstance(service, NotifyJSON) else {}

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message (`Message.wire`), with retries.

        A service whose answer was lost gets the message again, so a message can arrive twice.

        Raises:
            NotTaken: the last attempt failed too.
        """
        if isinstance(self._service, NotifyJSON):
            # A field that the URL itself sets takes precedence.
            self._service.payload_extras = {**message["fields"], **self._own_fields}
        # `NotTaken` alone is retried: it has no text, so nothing that a retry hook might log holds the URL.
        retry = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=IN_ALL, wait_initial=0.2, wait_max=1.0)
        retry(NotTaken, self._try, message)

    def _try(self, message: Mapping[str, Any]) -> None:
        """Make one attempt.

        Mentions are only broken up for services that people read.

        Raises:
            NotTaken: the service did not accept the message.
        """
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
    """Break up mentions such as `@everyone`, so that a text cannot notify a whole channel.

    Chat services look for these words even in plain text.
    """
    return _MENTION.sub(f"@{_APART}", text)
