"""The HTTP adapter under hvac: a deadline for each call, no redirects, the server's clock, retries of reads only.

hvac itself has no deadline for one call and repeats nothing. An adapter is the one point that every request passes.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from sinks import request_ids
from sinks.clock import Clock
from sinks.errors import Expired, Unavailable

LOG = logging.getLogger(__name__)
CONNECT = 3.05
"""Seconds to connect."""
READ = 10.0
"""Seconds to wait for an answer, where there is no deadline."""


class Adapter(HTTPAdapter):
    """The adapter that sends hvac's requests. `deadline` is the monotonic end of the next call, or None.

    Only GET is retried, by urllib3. A write whose answer is lost may have been done, so the caller reads first.
    """

    def __init__(self, clock: Clock, server_name: str | None) -> None:
        self._clock = clock
        self._tls: dict[str, Any] = (
            {"server_hostname": server_name, "assert_hostname": server_name} if server_name else {}
        )
        self.deadline: float | None = None
        self._date: datetime | None = None
        self._date_read = 0.0
        retry = Retry(
            total=3,
            backoff_factor=0.2,
            allowed_methods={"GET"},
            # Without 503: a sealed server answers with it, and waiting does not unseal it.
            status_forcelist={429, 502, 504},
            raise_on_status=False,
            redirect=0,
        )
        super().__init__(max_retries=retry)
        self._patient, self._once = self.max_retries, Retry(total=0, read=False, redirect=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set the configured server name for TLS.

        requests has no setting for it, so urllib3's pool is told directly.
        """
        kwargs.update(self._tls)
        super().init_poolmanager(*args, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request within the deadline.

        Raises:
            Expired: the deadline passed before the request was sent, or before it was answered.
            Unavailable: the server redirects. The token is not sent to another address.
        """
        deadline = self.deadline
        left = READ if deadline is None else deadline - self._clock.monotonic()
        if left <= 0:
            raise Expired("the call was not sent: its lease had ended")
        # Under a deadline nothing is retried here, not even a connection: a retry could end after the lease.
        self.max_retries = self._patient if deadline is None else self._once
        kwargs["timeout"] = (min(CONNECT, left), min(READ, left))
        response = super().send(request, *args, **kwargs)
        # Method, path and status only: queries and bodies may hold secrets.
        LOG.debug("%s %s -> %d", request.method, request.path_url.partition("?")[0], response.status_code)
        # requests' timeout is for each read from the socket, so a server that answers in drops can exceed it.
        if deadline is not None and self._clock.monotonic() > deadline:
            response.close()
            raise Expired("the call was answered after its lease had ended")
        if response.is_redirect:
            response.close()
            raise Unavailable(
                "this Vault server is a standby, or stands behind a redirect; the token was not sent on",
                f"set VAULT_ADDR to the active node ({response.headers.get('Location', '?').split('/v1/')[0]})",
            )
        if "Date" in response.headers:
            self._date, self._date_read = parsedate_to_datetime(response.headers["Date"]), self._clock.monotonic()
        if request_ids.wanted(changes=request_ids.changing(request.method), status=response.status_code):
            request_ids.note("vault", _request_id(response))
        return response

    def now(self) -> datetime:
        """Return the server's clock, from the Date of its latest answer (whole seconds, as in HTTP).

        Before the first answer this is the machine's own time.
        """
        if self._date is None:
            return datetime.now(UTC)
        return self._date + timedelta(seconds=self._clock.monotonic() - self._date_read)


def _request_id(response: requests.Response) -> object:
    # An answer without a body (204) has no id.
    text = response.content  # outside of try: an error here must be the one that hvac would meet
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body.get("request_id") if isinstance(body, dict) else None
