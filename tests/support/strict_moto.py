"""The sandbox's AWS with controls: it refuses, throttles, loses answers, and its clock can be moved.

How strict it is stands in `bridge.sandbox.moto_server`, once for tests and for users of the sandbox. `make_strict()`
once per process, before or inside `mock_aws`; `python -m tests.support.strict_moto --port 5000` serves the same over
HTTP. Each rule has a test in `tests/unit/sinks/aws`.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from botocore.exceptions import ReadTimeoutError
from moto.secretsmanager.models import secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

from bridge.sandbox import moto_server
from bridge.sandbox.moto_server import KEPT_VERSIONS, PAGE, StrictBackend

__all__ = ["KEPT_VERSIONS", "Controls", "controls", "make_strict"]


@dataclass
class Controls:
    """What the server shall do to its callers. `clock` dates versions; `page` is how many a listing shows at once.

    `deny` holds actions ("PutSecretValue"), `kms` makes every use of a value fail for want of the key. `faults` maps an
    action to what happens to its next calls, in order: "throttle" and "error" do nothing, "lost" does it and answers
    nothing, "cut" does it and answers half. `described` is added to each description, for what moto does not know.
    """

    deny: set[str] = field(default_factory=set)
    kms: bool = False
    faults: dict[str, list[str]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    page: int = PAGE
    described: dict[str, Any] = field(default_factory=dict)

    def reset(self) -> None:
        """Behave again."""
        self.deny, self.kms, self.faults, self.clock, self.page = set(), False, {}, time.time, PAGE
        self.described = {}


controls = Controls()
_one_at_a_time = threading.RLock()


class ControlledBackend(StrictBackend):
    """The secrets of one region, by the clock and the pages of the controls."""

    __module__ = StrictBackend.__module__  # moto finds a service's URLs by it

    def now(self) -> float:
        return controls.clock()

    @property
    def page(self) -> int:  # type: ignore[override]  # as tests set it
        return controls.page


def _fault(code: int, kind: str, message: str) -> Any:
    return code, {"status": str(code)}, json.dumps({"__type": kind, "Message": message})


def _refused(response: Any, action: str) -> Any:
    secret = response._get_param("SecretId") or response._get_param("Name")
    if action in controls.deny:
        told = f"is not authorized to perform: secretsmanager:{action} on resource: {secret}"
        return _fault(400, "AccessDeniedException", f"User: arn:aws:iam::123456789012:user/x {told}")
    if controls.kms and action in ("GetSecretValue", "PutSecretValue", "CreateSecret"):
        return _fault(400, "AccessDeniedException", "Access to KMS is not allowed")
    return None


def _call(response: Any, original: Callable[[Any], Any]) -> Any:
    action = response._get_action()
    fault = next(iter(controls.faults.get(action, ())), None)
    if fault:
        controls.faults[action].pop(0)
    if fault == "throttle":
        return _fault(400, "ThrottlingException", "Rate exceeded")
    if fault == "error":
        return _fault(500, "InternalServiceError", "An error occurred on the server side.")
    answer = _refused(response, action) or original(response)
    if action == "DescribeSecret" and controls.described and answer[0] == 200:
        answer = answer[0], answer[1], json.dumps(json.loads(answer[2]) | controls.described)
    if fault == "lost":
        raise ReadTimeoutError(endpoint_url="moto")
    if fault == "cut":
        return answer[0], answer[1], "{}"
    return answer


def _dated(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call_action(response: Any) -> Any:
        with _one_at_a_time:
            status, headers, body = _call(response, original)
        now = datetime.fromtimestamp(controls.clock(), UTC)
        return status, {**headers, "date": format_datetime(now, usegmt=True)}, body

    return call_action


def make_strict() -> Controls:
    """Make this process's moto strict; twice is once. Return what its server can be told to do."""
    if secretsmanager_backends.backend is not ControlledBackend:
        moto_server.make_strict(ControlledBackend)
        SecretsManagerResponse.call_action = _dated(SecretsManagerResponse.call_action)  # type: ignore[method-assign]  # in place
    return controls


def main() -> None:
    """Serve strict moto on loopback until interrupted."""
    from moto.server import ThreadedMotoServer

    parser = argparse.ArgumentParser(prog="python -m tests.support.strict_moto", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; the address is printed when it serves")
    parser.add_argument("--deny", action="append", default=[], help="an action to deny, for example PutSecretValue")
    given = parser.parse_args()
    make_strict().deny.update(given.deny)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=given.port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
