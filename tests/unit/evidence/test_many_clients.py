"""How often a command over many clients asks the log, and that each client is judged as if it were alone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bridge.evidence.checkpoint import latest
from bridge.evidence.together import SharedLog
from bridge.operations.evidence import evidence_of
from tests.e2e.command import Ended, invoke
from tests.e2e.test_several_clients import write
from tests.e2e.world import DAY, MakeWorld, World
from tests.unit.evidence.tenancy import AUDIENCE, BILLING, HOUR, LOGS, Tenancy

BY_ITSELF = 3
"""What a client without failures costs: how far back the log reaches, the mark, the failures."""


def fleet(make: MakeWorld, number: int, directory: Path, more: str = "") -> dict[str, World]:
    """Make clients with a document in Vault each, adopted, and with their configuration."""
    worlds = {f"client-{n}": make(scopes=LOGS, ends="vault") for n in range(number)}
    write(directory, worlds, more)
    file = directory / "bridge.toml"
    file.write_text(re.sub(r', "use1://[^"]*"', "", file.read_text("utf-8")), "utf-8")
    for world in worlds.values():
        world.tenant.grant(world.client_id, AUDIENCE, ())
        world.fill()
    assert invoke("adopt", "--all", "--yes").status == 0
    return worlds


def asked(worlds: dict[str, World], *command: str) -> tuple[Ended, int, int]:
    """Run a command. Return how it ended, how often it asked the log, and how many marks it left."""
    tenant = next(iter(worlds.values())).tenant
    before = len(tenant.requests)
    ended = invoke(*command)
    seen = tenant.requests[before:]
    marks = sum(bool(re.search(r" probe [0-9a-f]{12}$", request.user_agent)) for request in seen)
    return ended, sum(request.path == "/api/v2/logs" for request in seen), marks


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("number", "searches"), [(1, BY_ITSELF), (6, 3), (40, 3)])
def test_the_number_of_searches_does_not_grow_with_that_of_the_clients(
    make_hasty: MakeWorld, home: Path, number: int, searches: int
) -> None:
    worlds = fleet(make_hasty, number, home)
    first = worlds["client-0"]
    first.clock.advance(2 * DAY)
    ended, logs, marks = asked(worlds, "evidence", "--all", "--json")
    assert len(ended.objects) == number
    assert (logs, marks) == (searches, 1)


def test_recording_takes_one_search_more_and_knows_the_same_as_one_by_one(make_hasty: MakeWorld, home: Path) -> None:
    worlds = fleet(make_hasty, 6, home)
    for world in worlds.values():
        assert Tenancy(world).asks(BILLING)
    first = worlds["client-0"]
    first.clock.advance(HOUR)
    ended, logs, marks = asked(worlds, "evidence", "--all", "--record")
    assert ended.status in (0, 5), ended.told
    assert (logs, marks) == (4, 1)
    together = [notes(world) for world in worlds.values()]
    for name in worlds:
        assert invoke("evidence", name, "--record").status in (0, 5)
    assert [notes(world)["bridge_note_sources0"] for world in worlds.values()] == [
        each["bridge_note_sources0"] for each in together
    ]


def test_a_checkpoint_claims_no_more_than_its_searches_know_and_never_less_than_before(
    make_hasty: MakeWorld, home: Path
) -> None:
    first, other = fleet(make_hasty, 2, home).values()
    first.clock.advance(timedelta(seconds=110 - first.clock.now().second))  # checkpoints are kept to the minute
    shared = SharedLog(first.session().auth0, first.clock, (first.client_id, other.client_id))

    def until(world: World, shared: SharedLog | None) -> datetime:
        session = world.session()
        session.shared_log = shared
        evidence_of(session, record=True)
        kept = latest(sink.survey().noted for sink in session.sinks.values())
        assert kept is not None
        return kept.until

    marked = until(first, shared)
    first.clock.advance(timedelta(seconds=15))
    assert until(other, shared) == marked
    later = until(other, None)
    assert later > marked
    assert until(other, shared) == later


def notes(world: World) -> dict[str, str]:
    return {name: text for name, text in world.sinks[0].see().tags.items() if name.startswith("bridge_note_")}


def test_of_several_clients_only_the_one_with_a_stale_consumer_is_not_retired(
    make_hasty: MakeWorld, home: Path
) -> None:
    worlds = fleet(make_hasty, 4, home, more='evidence = "require"')
    first, late = worlds["client-0"], worlds["client-2"]
    assert Tenancy(late).asks(BILLING)
    first.clock.advance(DAY + HOUR)
    assert invoke("rotate", "--all", "--no-wait").status == 0
    first.clock.advance(DAY + HOUR)
    assert not Tenancy(late).asks(BILLING)
    first.clock.advance(HOUR)
    ended, _, marks = asked(worlds, "retire", "--all", "--yes")
    assert ended.status == 4
    ends = {found[1]: found[2] for found in re.finditer(r"client=(\S+) exit=(\d)", ended.out)}
    assert ends == {"client-0": "0", "client-1": "0", "client-2": "4", "client-3": "0"}
    assert f"YES   127.0.0.1 {BILLING}" in ended.err
    assert marks == 4  # one after the other: each mark has to be later than what was read of its client
