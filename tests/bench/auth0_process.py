"""A local Auth0 in a process of its own, so that its work is not counted as the product's or slows its thread.

`Auth0Process` is the parent's side. The child takes one JSON array a line, a command and its arguments, and answers
with one line. It ends with its standard input, so it never outlives its parent.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from bridge.sandbox.auth0 import LocalAuth0, tenant
from bridge.sandbox.auth0.directory import DASHBOARD
from bridge.sandbox.auth0.limits import PLANS, Group, Rate
from tests.bench.world import ROOT, SCOPES

SECOND = timedelta(seconds=1)
CONSUMER = "secret-bridge-consumer"  # its user agent
FAILING = 20_000  # requests that are refused before the faults are used up
KEPT_REQUESTS = 2_000_000  # ten thousand proven rotations are 200,000 of them


def most_in_a_second(moments: Sequence[datetime]) -> int:
    """Return the largest number of moments within any second."""
    most, window = 0, deque[datetime]()
    for moment in sorted(moments):
        window.append(moment)
        while moment - window[0] >= SECOND:
            window.popleft()
        most = max(most, len(window))
    return most


class Child:
    """What a parent may ask. Each public method is a command, whose answer is JSON."""

    def __init__(self, auth0: LocalAuth0) -> None:
        self._url = auth0.url
        self._tenant = auth0.tenant
        self._asked = self._logged = self._bought = 0
        self._calls: list[datetime] = []

    def url(self) -> str:
        return self._url

    def own(self) -> list[str]:
        """Add the application as which the bridge acts."""
        return list(self._tenant.add_management_client((*SCOPES, "read:logs"), name="secret-bridge"))

    def add(self, names: Sequence[str]) -> list[list[str]]:
        return [list(self._tenant.add_client(name=name)) for name in names]

    def grant(self, clients: Sequence[str], audience: str) -> None:
        """Let clients have tokens for an API."""
        for client in clients:
            self._tenant.grant(client, audience, ())

    def spread(self, seconds: float) -> None:
        """Let a change of a secret take so long until all of this Auth0 knows it. At the start it takes no time."""
        self._tenant.settings.propagation = timedelta(seconds=seconds)

    def lifetime(self, seconds: float) -> None:
        """Let tokens live so long. It is for APIs that are granted later."""
        self._tenant.settings.token_lifetime = timedelta(seconds=seconds)

    def bought(self, audience: str) -> dict[str, list[int]]:
        """Return for each client the tokens that `bridge.consumer` got, those of others, and the former's refusals.

        They are those since the last time.
        """
        logs = self._tenant.logs()
        new, self._bought = logs[self._bought :], len(logs)
        found: dict[str, list[int]] = {}
        for one in new:
            if one["type"] in ("seccft", "feccft") and one.get("audience") == audience:
                ours = one.get("user_agent") == CONSUMER
                counts = found.setdefault(one["client_id"], [0, 0, 0])
                if one["type"] == "seccft":
                    counts[0 if ours else 1] += 1
                elif ours:
                    counts[2] += 1
        return found

    def log_delay(self, seconds: float) -> None:
        """Let an entry of the log take so long to appear."""
        self._tenant.settings.log_delay = timedelta(seconds=seconds)

    def limit_logs(self, plan: str) -> None:
        """Limit the reading of the log as a plan does."""
        self._tenant.limit("read_logs", PLANS[plan]["read_logs"])

    def dashboard(self, client: str) -> list[str]:
        """Change a secret in the dashboard. Return the id and the time of its entry in the log."""
        self._tenant.set_in_dashboard(client)
        request = {"method": "post", "path": f"/api/v2/clients/{client}/rotate-secret"}
        told = {"description": "Rotate a Client Secret", "client_id": DASHBOARD, "details": {"request": request}}
        return [self._tenant.write_log("sapi", **told), self._tenant.clock.now().isoformat()]

    def asked_about(self, client: str) -> int:
        """Return how many requests there were about a client."""
        return sum(client in one.path for one in self._tenant.requests)

    def plan(self, name: str) -> None:
        """Set the limits of one of Auth0's plans."""
        self._tenant.set_plan(name)

    def limit(self, burst: int, per_second: float, group: Group = "management") -> None:
        """Limit the Management API, or another group of requests."""
        self._tenant.limit(group, Rate(burst, per_second))

    def fail(self) -> None:
        """Answer 429 and 503 in turns, whatever is asked."""
        for _ in range(FAILING // 2):
            self._tenant.fault("limited", retry_after=SECOND)
            self._tenant.fault("error-before", status=503)

    def mend(self) -> None:
        self._tenant.clear_faults()

    def arrived(self) -> int:
        """Return how many requests have arrived since the last `taken`."""
        return len(self._tenant.requests) - self._asked

    def taken(self) -> dict[str, Any]:
        """Return what has arrived since the last time: counts, and when the first and last Management call came."""
        known = self._tenant.requests
        if len(known) == KEPT_REQUESTS:
            raise RuntimeError("more requests than the tenant remembers: measure fewer rows at a time")
        requests, logs = known[self._asked :], self._tenant.logs()[self._logged :]
        self._asked += len(requests)
        self._logged += len(logs)
        calls = [one.at for one in requests if one.path.startswith("/api/v2/")]
        # A second may have begun before.
        just_before = [at for at in self._calls if calls and calls[0] - at < SECOND]
        self._calls = calls
        tokens = [one for one in logs if one["type"] == "seccft" and one.get("audience") == self._tenant.audience]
        return {
            "requests": len(requests),
            "calls": len(calls),
            "seconds": (calls[-1] - calls[0]).total_seconds() if calls else 0.0,
            "most": most_in_a_second([*just_before, *calls]),
            "tokens": len(tokens),
            "limited": sum(one["type"] == "api_limit" for one in logs),
        }

    def changes(self, clients: Sequence[str]) -> list[int]:
        """Return how often each client got another value."""
        return [len({one.value for one in self._tenant.secret_history(client)}) - 1 for client in clients]

    def values(self, clients: Sequence[str]) -> list[str]:
        """Return the value of each client."""
        return [self._tenant.secret(client) for client in clients]


class Auth0Process:
    """Use it as a context manager. `ask` gives a command to the child, and returns its answer."""

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.auth0_process"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C is for the parent, which still asks it
        )
        self.url = self.ask("url")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._process:
            self._process.communicate()  # closes its standard input

    def ask(self, command: str, *arguments: Any) -> Any:
        """Give a command, and return its answer."""
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Serve until standard input ends. A change spreads at once, unless `spread` is asked for."""
    tenant.KEPT_REQUESTS = KEPT_REQUESTS
    with LocalAuth0(timedelta(0)) as auth0:
        child = Child(auth0)
        for line in sys.stdin:
            command, *arguments = json.loads(line)
            print(json.dumps(getattr(child, command)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
