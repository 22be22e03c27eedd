"""The connections under the HTTP adapter: each piece is sent in time, and the head of an answer has an end."""

from __future__ import annotations

import threading
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sinks import alarm
from sinks.wire import Timed

READ = 10.0
"""Seconds for the head of an answer, and again for its body, where there is no deadline."""


class _Ending:
    """A connection whose answer's head has an end. The timeout of a socket begins anew with each byte."""

    sock: Any
    timeout: Any

    def getresponse(self) -> Any:
        over, sock = threading.Event(), self.sock

        def end() -> None:
            over.set()
            with suppress(OSError):
                # Not the method of an `SSLSocket`, which would take the TLS state away from the thread that reads.
                socket.shutdown(sock, SHUT_RDWR)

        ending = alarm.after(float(self.timeout or READ), end)
        try:
            response = super().getresponse()  # type: ignore[misc]  # of urllib3's connection
        except Exception:
            if over.is_set():
                raise TimeoutError from None
            raise
        finally:
            ending.cancel()
        if over.is_set():  # a head that was cut off looks like a short one
            raise TimeoutError
        return response


class _Plain(_Ending, Timed, HTTPConnection):
    pass


class _Tls(_Ending, Timed, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


POOLS = {"http": _PlainPool, "https": _TlsPool}
