"""What a command costs for many clients: counts at the servers and in its process, never times."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import LIMIT, environ
from tests.e2e.fleet import LOGIN, TOKEN, Fleet, fleet_of
from tests.e2e.world import MakeWorld
from tests.support import counting

FEW, MANY, JOBS = 2, 6, 4
FOREIGN = 400
"""Lines that the audit record has before: about a client that no command here is about."""
AT_AUTH0 = ("rotate", "verify", "doctor", "retire", "evidence")
"""The commands that ask Auth0."""
RECORDED = ("rotate", "retire")
"""The commands that write an audit record, for which they ask STS who is calling."""
COMMANDS = (
    ("rotate", "--no-wait"), ("verify",), ("status",), ("report", "--json"), ("doctor",), ("evidence",),
    ("retire", "--yes", "--force", "--reason", "a test"),
)  # fmt: skip
MOST_CONTEXTS = 10
"""Contexts of TLS: one for each client of a server, two or three for each one of boto3, which makes its own besides."""
MOST_UUIDS = 6
"""Calls of `uuid5` for each client: its namespace, and the id of each version that there is or will be."""
MORE = 'fallback_min_age = "0s"\n'


@pytest.fixture
def fleet(make_live: MakeWorld, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_of({f"client-{number}": make_live() for number in range(MANY)}, tmp_path, MORE) as found:
        record = tmp_path / "audit.jsonl"
        record.write_text('{"client_id": "another"}\n' * FOREIGN)
        record.chmod(0o600)
        found.variables["BRIDGE_AUDIT"] = f"file:{record}"
        assert found.run("adopt", "--all", "--yes", "--jobs", f"{JOBS}").status == 0
        yield found


def counted(fleet: Fleet, clients: int, *args: str) -> Counter[str]:
    """Run a command about the first clients in a process that counts, and return the counts of all."""
    fleet.asked.clear()
    before = {end: proxy.connections for end, proxy in fleet.proxies.items()}
    file = fleet.home / "counts.json"
    command = [sys.executable, "-m", "tests.support.counting", str(file), *args, *list(fleet.worlds)[:clients]]
    variables = environ(fleet.worlds["client-0"], fleet.home) | fleet.given()
    done = subprocess.run(command, env=variables, cwd=fleet.home, capture_output=True, text=True, check=False,
                          timeout=LIMIT)  # fmt: skip
    assert done.returncode in (0, 5), done.stdout + done.stderr
    counts = Counter(json.loads(file.read_text("utf-8")))
    counts.update({f"connections to {end}": proxy.connections - before[end] for end, proxy in fleet.proxies.items()})
    counts.update({"logins": fleet.asked[LOGIN], "tokens": fleet.asked[TOKEN], "who is calling": fleet.asked["POST /"]})
    return counts


def test_what_a_command_costs_besides_its_requests_does_not_grow_with_its_clients(fleet: Fleet) -> None:
    for command in COMMANDS:
        few, many = (counted(fleet, clients, *command, "--jobs", f"{JOBS}") for clients in (FEW, MANY))
        name = command[0]
        for what in ("tokens", "logins", counting.SESSIONS, counting.CLIENTS, counting.CONTEXTS, counting.PROXIES):
            assert many[what] == few[what], (name, what)
        assert (many["logins"], many["tokens"]) == (1, name in AT_AUTH0), name
        # One region: a client of Secrets Manager; for a record one of STS too, and doctor's has limits of its own.
        both = 1 + (name in (*RECORDED, "doctor"))
        assert (many[counting.CLIENTS], many[counting.SESSIONS], many[counting.PROXIES]) == (both,) * 3, name
        assert many[counting.CONTEXTS] <= MOST_CONTEXTS, name
        assert many["connections to Auth0"] <= JOBS + 1, name
        assert many["connections to Vault"] <= JOBS + 1, name
        assert many["connections to AWS"] <= JOBS * both, name
        assert many["who is calling"] <= JOBS, name
        assert (FOREIGN <= many[counting.LINES] < 2 * FOREIGN) == (name in RECORDED), name
        assert many[counting.UUIDS] <= MOST_UUIDS * MANY, name
