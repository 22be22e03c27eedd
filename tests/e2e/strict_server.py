"""Strict moto over HTTP in a thread of this process, so that tests can move its clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.strict_moto import make_strict


class _Handler(WSGIRequestHandler):
    """Keeps connections alive, logs nothing, and leaves the date to moto, whose clock the tests move."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        """Stay silent: what arrives holds secrets."""


def app() -> Any:
    """Return moto's application; which service is meant is looked for only where it is not the usual one."""
    secrets, others = create_backend_app("secretsmanager"), DomainDispatcherApplication(create_backend_app)
    secrets.debug = False  # moto switches it on, and Flask then makes a class for each request

    def serve(environ: dict[str, Any], start: Any) -> Any:
        usual = environ.get("HTTP_X_AMZ_TARGET", "").startswith("secretsmanager.")
        return (secrets if usual else others)(environ, start)

    return serve


@contextmanager
def strict_server() -> Iterator[str]:
    """Serve on loopback; yields the address."""
    make_strict()
    server = make_server("127.0.0.1", 0, app(), threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of its class, not its type
    server.block_on_close = False  # type: ignore[attr-defined]  # clients keep their connections
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="strict-moto", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
