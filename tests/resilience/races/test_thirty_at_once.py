"""Thirty people do everything at once to one client: one valid state, clean refusals, one value per rotation's id."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.world import Servers, World
from tests.resilience.races.field import Field, MakeField, names
from tests.resilience.races.operators import Ended, Operators
from tests.support.proxy import Proxy

KINDS = (("vault",), ("aws",), ("vault", "aws"))
ROUNDS = 3
LEAKED = ("--compromised", "--reason", "seen in a log", "--yes")
CROWD: tuple[tuple[str, ...], ...] = (
    *[("rotate", "--no-wait")] * 7,
    *[("rotate", "--no-wait", "--takeover")] * 4,
    *[("rotate", "--no-wait", "--strategy", "auth0-generated")] * 2,
    *[("rotate", "--no-wait", *LEAKED)] * 2,
    *[("resume", "--no-wait")] * 4,
    *[("resume", "--no-wait", "--takeover")] * 4,
    *[("rollback", "--no-wait")] * 3,
    *[("retire", "--yes")] * 2,
    *[("sync",)] * 2,
)
"""What the thirty type, each with `--json`."""

WAVES = 3
BETWEEN = 0.7  # seconds; who comes later with --takeover finds somebody who waits, or is about to change Auth0
CLEAN = frozenset({0, 1, 3, 4})
"""0: done, or nothing to do. 3: on its way it was overtaken by somebody with --takeover. 4: refused by a guard.

1: a server that thirty ask at once did not answer in time; then nothing of this process may be found anywhere.
"""


@dataclass
class Staged:
    """The values that were stored as pending, by the id of the operation that they were stored for first.

    Whoever settles an operation goes on under its id, with the value that Auth0 accepts.
    """

    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def see(self, rid: str, value: str) -> None:
        """Take note of a value, unless it is known."""
        if all(value not in known for known in self.values.values()):
            self.values[rid].add(value)

    def vault(self, asked: bytes, answered: bytes) -> None:
        """See a write of a lock key that was not refused: its document names the operation."""
        document = _json(asked).get("data", {})
        told = document.get("secret-bridge") if isinstance(document, dict) else None
        done = "version" in (_json(answered).get("data") or {})
        if done and told and told.get("state") == "locked" and "client_secret" in document:
            self.see(told["bridge_lock_id"], document["client_secret"])

    def aws(self, asked: bytes, answered: bytes) -> None:
        """See a version with AWSPENDING: its label names the operation that claimed first."""
        request = _json(asked)
        own = [stage for stage in request.get("VersionStages", ()) if stage.startswith("BRIDGE:")]
        value = _json(request.get("SecretString", "{}").encode()).get("client_secret")
        if own and value and own[0] in _json(answered).get("VersionStages", ()):
            self.see(own[0].split(":")[1], value)


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def watched(servers: Servers, staged: Staged) -> Iterator[dict[str, str]]:
    """Stand between the operators and the vaults, and note what is stored as pending."""
    with ExitStack() as stack:
        vault = stack.enter_context(Proxy(servers.bao.url, watch=staged.vault))
        aws = stack.enter_context(Proxy(servers.aws_url, watch=staged.aws))
        yield {"VAULT_ADDR": vault.url, "AWS_ENDPOINT_URL": aws.url}


def assert_clean(world: World, told_to: list[tuple[str, ...]], ended: list[Ended], number: int) -> None:
    """Everybody ends with an exit status that says what became of it, in one object, and never in a traceback."""
    logs = " ".join(place.see().tags["bridge_log"] for place in world.sinks)
    for who, (command, one) in enumerate(zip(told_to, ended, strict=True)):
        told = f"{' '.join(command)}: {one.status} {one.out} {one.err}"
        assert one.status in CLEAN, told
        assert "Traceback" not in one.err, told
        assert "should not happen" not in one.out, told
        assert json.loads(one.out)["exit"] == one.status, told
        if one.status == 1:
            assert json.loads(one.out)["changed"] is False, told
            assert f"acme/{number}-{who}/" not in logs, told
        if one.status == 3:
            assert any(words in one.out for words in OVERTAKEN), told


LEAK = "had leaked"
"""So says who settled the answer to a leak: it has to be given again."""
OVERTAKEN = (
    LEAK,
    "not ours any more",
    "changed by another operation",
    "held by",
    "somebody else was faster",
    "meanwhile",
)


def assert_one_value_each(world: World, staged: Staged, before: set[str]) -> None:
    """Whatever Auth0 was ever given is some operation's one new value."""
    given = {change.value for change in world.tenant.secret_history(world.client_id)}
    new = {rid: values - before for rid, values in staged.values.items()}
    assert {rid: len(values) for rid, values in new.items() if len(values) > 1} == {}
    assert given - before <= {value for values in new.values() for value in values}


def assert_whole(world: World) -> None:
    """One current everywhere, which Auth0 accepts and nothing else; at most one fallback; nothing pending."""
    while world.tenant.accepted(world.client_id, world.live) == "maybe":
        time.sleep(0.05)
    assert world.tenant.accepted(world.client_id, world.live) == "yes"
    seen = [place.see() for place in world.sinks]
    assert {place.current for place in seen} == {world.live}
    assert {place.pending for place in seen} == {None}
    assert len({place.fallback for place in seen}) == 1
    surveyed = [sink.survey() for sink in world.session(names(world)).sinks.values()]
    assert [place.uri for place in surveyed if place.unsettled] == []
    assert len({place.record.rotation for place in surveyed if place.record}) == 1


def crowd(
    field: Field, operators: Operators, world: World, config: tuple[str, ...], told: list[tuple[str, ...]], number: int
) -> list[Ended]:
    """Let all begin, ten at the same instant; return how each ended."""
    each = len(told) // WAVES
    for first in range(0, len(told), each):
        some = list(enumerate(told))[first : first + each]
        operators.start(*(field.command(world, f"{number}-{n}", *argv, "--json", *config, uris=()) for n, argv in some))
        time.sleep(BETWEEN)
    return [one for wave in operators.join() for one in wave]


@pytest.mark.timeout(420)  # whoever settles waits for late calls, in real time
@pytest.mark.parametrize("sinks", KINDS, ids="-".join)
def test_of_thirty_who_do_everything_at_once_nobody_breaks_anything(
    make_field: MakeField, operators: Operators, servers: Servers, tmp_path: Path, sinks: tuple[str, ...]
) -> None:
    assert len(CROWD) == 30
    staged = Staged()
    with watched(servers, staged) as urls:
        field = make_field(**urls)
        (world,) = field.rotated(1, *sinks)
        before = {change.value for change in world.tenant.secret_history(world.client_id)}
        config = write_config(field, tmp_path, urls)
        for number in range(ROUNDS):
            told = Random(number).sample(CROWD, len(CROWD))
            ended = crowd(field, operators, world, config, told, number)
            assert_clean(world, told, ended, number)
            assert any(one.status == 0 for one in ended)
            operators.start(field.command(world, "last", "resume", "--takeover", "--no-wait", *config, uris=()))
            ((last,),) = operators.join()
            if last.status and LEAK in last.out:
                again = field.command(world, "last", "rotate", "--no-wait", *LEAKED, *config, uris=())
                operators.start(again)
                ((last,),) = operators.join()
            assert last.status == 0, last
            assert_one_value_each(world, staged, before)
            assert_whole(world)


def write_config(field: Field, home: Path, urls: dict[str, str]) -> tuple[str, ...]:
    """Write the configuration, with the vaults where they are watched."""
    options = field.write_config(home / "bridge.toml")
    text = (home / "bridge.toml").read_text(encoding="utf-8")
    some = field.worlds[0].environment
    for name, url in urls.items():
        text = text.replace(some[name], url)
    (home / "bridge.toml").write_text(text, encoding="utf-8")
    return options
