"""`watch`: what it tells and repairs, once, whatever becomes of the log, the checkpoint and other watchers."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.auth0.logs import PAGE
from bridge.cli.select import Clients, chosen
from bridge.cli.watching import Watching
from bridge.fleet.recorded import Asked
from bridge.model.errors import BridgeError
from bridge.sandbox.auth0.limits import PLANS
from bridge.watch.decide import Decision, Kind, Tell
from bridge.watch.look import Later, see
from bridge.watch.notes import Note
from bridge.watch.telling import tell
from sinks.aws.sink import AwsSink
from tests.e2e.clock import Shifted
from tests.e2e.command import done, invoke, on
from tests.e2e.conftest import PROPAGATION, _worlds
from tests.e2e.hasty import Written, hurry
from tests.e2e.sinks import NO_TRUST
from tests.e2e.taps import Call, Trace, died, is_noting
from tests.e2e.test_several_clients import write
from tests.e2e.world import DAY, SCOPES, MakeWorld, Servers, World

LOGS = (*SCOPES, "read:logs")
AUDIENCE, AGENT = "https://api.example", "billing/1.4 python-httpx/0.27"
HOUR = timedelta(hours=1)


def called(world: World, path: str = "", method: str = "patch", client_id: str = "") -> None:
    """Have the log tell of a call of the Management API about a client."""
    request = {"method": method, "path": f"/api/v2/clients/{client_id or world.client_id}{path}"}
    world.tenant.write_log("sapi", description="Update a Client", client_id="dashboard", details={"request": request})


def in_dashboard(world: World) -> str:
    """Change a secret in the dashboard, as the log tells, and let the change spread."""
    value = world.tenant.set_in_dashboard(world.client_id)
    called(world, "/rotate-secret", "post")
    world.spread()
    return value


def update(world: World, **changes: Any) -> None:
    world.tenant.update(world.client_id, changes, "dashboard")
    called(world)
    world.spread()


def asks(world: World, secret: str, agent: str = AGENT) -> bool:
    """Ask for a token, as a consumer."""
    asked = {"grant_type": "client_credentials", "audience": AUDIENCE, "client_id": world.client_id}
    url, head = f"{world.servers.auth0.url}/oauth/token", {"User-Agent": agent}
    body = {**asked, "client_secret": secret}
    return httpx.post(url, json=body, headers=head, verify=NO_TRUST, trust_env=False).is_success


def told(world: World, *options: str, status: int = 0) -> list[str]:
    """Run `watch --once` about a world's client, and return the words for what it has seen."""
    return [each["seen"] for each in done(on(world, "watch", "--once", "--json", *options), status).objects]


@dataclass
class Shared:
    """The world of this file's tests, and what one test needs to begin with it anew."""

    world: World
    written: Written
    clock: Shifted


@pytest.fixture(scope="module")
def shared(servers: Servers) -> Iterator[Shared]:
    with pytest.MonkeyPatch.context() as patch:
        written = Written(servers.clock.shift)
        hurry(patch, servers.clock, written)
        # A worker that runs another file in between makes this one anew.
        for make in _worlds(servers, f"watched-{secrets.token_hex(3)}", patch, servers.clock, PROPAGATION):
            world = make(scopes=LOGS)
            world._written = written
            world.tenant.grant(world.client_id, AUDIENCE, ())
            world.fill()
            world.adopt()
            assert asks(world, world.s0)
            world.clock.advance(HOUR)
            world.rotate()
            yield Shared(world, written, servers.clock)


@pytest.fixture
def world(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A client in order that `watch` has looked at."""
    world = shared.world
    hurry(monkeypatch, shared.clock, shared.written)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    called(world, client_id="foreign")  # an entry for the checkpoint, in a log that may have none yet
    world.clock.advance(HOUR)
    told(world)
    assert told(world) == []
    assert "bridge_note_watchlog" in world.aws.see().tags
    yield world
    world.tenant.clear_faults()
    world.clock.advance(HOUR)
    on(world, "resume")
    on(world, "sync")
    world.spread()


def test_a_change_in_the_dashboard_is_told_once_and_that_it_is_over(world: World) -> None:
    in_dashboard(world)
    (first,) = done(on(world, "watch", "--once", "--json"), 5).objects
    assert (first["client"], first["client_id"], first["attention"]) == (world.client_id, world.client_id, True)
    assert first["seen"] == "drift"
    assert f"secret-bridge sync {world.client_id}" in first["next"]
    assert all(place.uri in first["message"] for place in world.sinks)
    assert told(world, status=5) == []
    done(on(world, "sync"))
    world.spread()
    called(world)
    world.spread()
    assert told(world) == ["in-order"]
    assert told(world) == []


def test_a_further_change_is_told_again(world: World) -> None:
    in_dashboard(world)
    assert told(world, status=5) == ["drift"]
    in_dashboard(world)
    assert told(world, status=5) == ["drift"]
    assert told(world, status=5) == []


def test_a_change_after_a_repair_is_told_again_whatever_the_log_tells(world: World) -> None:
    in_dashboard(world)
    assert told(world, status=5) == ["drift"]
    done(on(world, "sync"))
    world.tenant.set_in_dashboard(world.client_id)
    world.clock.advance(HOUR)
    assert told(world, status=5) == ["drift"]


def test_a_rotation_by_the_bridge_and_another_client_are_nothing(world: World) -> None:
    foreign = world.tenant.add_client(name="foreign")
    world.tenant.set_in_dashboard(foreign.client_id)
    called(world, "/rotate-secret", "post", foreign.client_id)
    world.rotate()
    assert told(world) == []
    before = world.dump()
    world.tenant.set_in_dashboard(foreign.client_id)
    called(world, "/rotate-secret", "post", foreign.client_id)
    assert told(world) == []
    assert world.dump() == before


def test_while_an_operation_holds_the_client_nothing_is_told_and_its_interruption_is(world: World) -> None:
    died(world, "auth0.set_secret")
    called(world)
    assert told(world) == []
    world.clock.advance(10 * PROPAGATION)
    assert told(world, status=5) == ["interrupted"]
    done(on(world, "resume"))
    world.clock.advance(HOUR)
    assert told(world) == ["settled"]


def test_a_deleted_application_is_told_once_and_that_it_is_back(world: World) -> None:
    client = world.tenant._clients.pop(world.client_id)
    called(world, method="delete")
    world.spread()
    assert told(world, status=5) == ["deleted"]
    assert told(world, status=5) == []
    world.tenant._clients[world.client_id] = client
    called(world)
    world.spread()
    assert told(world) == ["back"]


def test_another_authentication_or_other_grants_are_told_once(world: World) -> None:
    update(world, token_endpoint_auth_method="client_secret_basic")
    assert told(world, status=5) == ["method"]
    update(world, grant_types=["client_credentials", "password"])
    assert told(world, status=5) == ["grants"]
    assert told(world) == []
    update(world, token_endpoint_auth_method="client_secret_post", grant_types=["client_credentials"])
    assert told(world, status=5) == ["method", "grants"]


def test_a_known_consumer_that_fails_is_named_once_and_told_again_when_it_stops(world: World) -> None:
    assert not asks(world, world.s0)
    assert not asks(world, world.s0, "stranger/1")
    (first,) = done(on(world, "watch", "--once", "--json"), 5).objects
    assert first["seen"] == "failing"
    assert f"127.0.0.1 {AGENT}: 1 failure" in first["message"]
    assert not asks(world, world.s0)
    assert told(world, status=5) == []
    world.clock.advance(2 * HOUR)
    (last,) = done(on(world, "watch", "--once", "--json")).objects
    assert last["seen"] == "stopped"
    assert f"127.0.0.1 {AGENT}: 2 failures" in last["message"]
    assert told(world) == []


LOST: dict[str, Callable[[World, str], str | None]] = {
    "lost": lambda _, note: None,
    "of a made-up entry": lambda _, note: f"90020991231 {note.partition(' ')[2]}",
    "of the future": lambda _, note: note.replace("Z 1", "Z 9"),
    "not one": lambda _, note: "watched all of it",
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_without_a_checkpoint_every_client_is_looked_at(world: World, lost: Callable[[World, str], str | None]) -> None:
    """The entry about the change is older than what is read without one."""
    name = "bridge_note_watchlog"
    in_dashboard(world)
    world.clock.advance(HOUR / 2)
    called(world, client_id="foreign")
    world.vault.tag(name, None)
    world.aws.tag(name, lost(world, world.aws.see().tags[name]))
    assert told(world, status=5) == ["drift"]


def test_an_entry_that_the_log_has_forgotten_counts_as_lost(world: World) -> None:
    in_dashboard(world)
    world.tenant.settings.log_retention, world.tenant.settings.log_delay = timedelta(seconds=1), timedelta()
    world.clock.advance(timedelta(seconds=5))
    assert told(world, status=5) == ["drift"]
    world.tenant.settings.log_retention = 30 * DAY


def test_what_the_log_never_tells_is_found_by_the_round(world: World) -> None:
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    assert told(world) == []
    world.clock.advance(HOUR)
    assert told(world, status=5) == ["drift"]


def test_a_watcher_that_died_before_it_told_something_only_delays_it(world: World) -> None:
    first, *_ = sorted(world.sinks, key=lambda place: place.uri)
    in_dashboard(world)
    at = int(world.clock.now().timestamp())
    first.tag("bridge_note_watch", f"{first.see().tags.get('bridge_note_watch', '')} by=0a1b2c3d:{at}".strip())
    assert told(world) == []
    world.clock.advance(timedelta(minutes=1))
    assert told(world, status=5) == ["drift"]


class Meanwhile(Shifted):
    """A clock. Whoever sleeps by it lets something else happen."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._work()


DRIFT = Tell(Kind.DRIFT, "drift")


def test_of_two_watchers_that_have_seen_the_same_one_tells(world: World) -> None:
    """The second one reads the note before the first one writes its word, and writes its own while the first waits."""
    read, may_write, wrote = threading.Event(), threading.Event(), threading.Event()
    trace = Trace(world.clock)
    first, second = world.session(), world.session(trace=trace)
    seen, ours, theirs = see(first), list[Tell](), list[Tell]()
    told = Decision((DRIFT,), Note({"drift": seen.at}))

    def before(call: Call) -> None:
        if is_noting(call):
            read.set()
            may_write.wait(20)

    def after(call: Call) -> None:
        if is_noting(call):
            wrote.set()

    trace.before, trace.after = before, after
    other = threading.Thread(target=tell, args=(second, seen, told, theirs.append), daemon=True)
    other.start()
    assert read.wait(20)
    first.clock = Meanwhile(lambda: (may_write.set(), wrote.wait(20)))
    with pytest.raises(Later):
        tell(first, seen, told, ours.append)
    other.join(20)
    assert (ours, theirs) == ([], [DRIFT])
    assert list(see(world.session()).note.told) == ["drift"]


def test_a_watcher_whose_look_took_long_tells_nothing_that_was_told_meanwhile(world: World) -> None:
    session, ours, theirs = world.session(), list[Tell](), list[Tell]()
    seen = see(session)
    told = Decision((DRIFT,), Note({"drift": seen.at}))
    tell(session, seen, told, theirs.append)
    with pytest.raises(Later):
        tell(session, seen, told, ours.append)
    with pytest.raises(Later):
        tell(session, seen, Decision((), Note(method="0a1b2c3d")), ours.append)
    assert (ours, theirs) == ([], [DRIFT])


def test_a_watcher_that_comes_while_another_one_tells_waits(world: World) -> None:
    first, second = world.session(), world.session()
    seen, waited = see(first), list[timedelta]()

    def come() -> None:
        with pytest.raises(Later) as later:
            see(second)
        waited.append(later.value.wait)

    first.clock = Meanwhile(come)
    ours = list[Tell]()
    tell(first, seen, Decision((DRIFT,), seen.note), ours.append)
    assert (len(ours), len(waited)) == (1, 1)


def test_a_limit_is_waited_out(world: World) -> None:
    in_dashboard(world)
    world.tenant.fault("limited", path="/logs", count=9, retry_after=timedelta(seconds=40))
    assert told(world, status=5) == ["drift"]


def test_a_long_log_is_read_within_the_limits_of_a_plan(world: World) -> None:
    for _ in range(12 * PAGE):
        world.tenant.write_log("seccft", client_id="foreign")
    in_dashboard(world)
    world.tenant.set_plan("paid")
    try:
        assert told(world, status=5) == ["drift"]
        assert not [entry for entry in world.tenant.logs() if entry["type"] == "api_limit"]
    finally:
        for group in PLANS["paid"]:
            world.tenant.limit(group, None)


def test_what_cannot_be_read_is_told_and_costs_nobody_else(world: World) -> None:
    world.tenant.fault("error-before", path=f"/clients/{world.client_id}", count=999)
    world.clock.advance(2 * HOUR)
    assert told(world, status=1) == ["not-looked-at"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--interval", "1"), "greater than or equal to 2"),
        (("--every", "0"), "greater than or equal to 1"),
        (("--all",), "No such option"),
    ],
)
def test_what_cannot_be_meant_is_refused(world: World, options: tuple[str, ...], expected: str) -> None:
    ended = on(world, "watch", "--once", *options)
    assert ended.status == 2
    assert expected in ended.err


def test_without_the_right_to_read_logs_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own = world.tenant.add_management_client(SCOPES, name="secret-bridge")
    monkeypatch.setenv("AUTH0_CLIENT_ID", own.client_id)
    monkeypatch.setenv("AUTH0_CLIENT_SECRET", own.client_secret)
    for options in (("--once",), ()):
        ended = on(world, "watch", *options)
        assert ended.status == 1
        assert "read:logs" in ended.err


def test_clients_that_are_not_managed_are_nothing_and_keep_no_checkpoint(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = sorted((make_hasty(scopes=LOGS) for _ in range(4)), key=lambda world: world.client_id)
    worlds = dict(zip(("nobody", "empty", "billing", "orders"), made, strict=True))
    write(tmp_path, worlds)
    for name in ("nobody", "billing", "orders"):
        worlds[name].fill()
    for name in ("billing", "orders"):
        done(invoke("adopt", name, "--yes"))
        worlds[name].spread()
    in_dashboard(worlds["nobody"])
    for _ in range(2):
        ended = done(invoke("watch", "--once", "--json"))
        assert (ended.objects, ended.err) == ([], "")
    kept = ["bridge_note_watchlog" in worlds[name].vault.see().tags for name in ("nobody", "billing", "orders")]
    assert kept == [False, True, True]
    in_dashboard(worlds["orders"])
    assert [each["seen"] for each in done(invoke("watch", "--once", "--json"), 5).objects] == ["drift"]
    called(worlds["orders"])
    worlds["orders"].spread()
    ended = done(invoke("watch", "--once", "--json"), 5)
    assert (ended.objects, ended.err) == ([], "1 client still needs attention, told before: orders\n")


def test_what_is_told_is_kept_where_the_client_is_managed(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its sinks is not adopted yet. It gets neither the client's note nor the checkpoint."""
    monkeypatch.chdir(tmp_path)
    world = make_hasty(scopes=LOGS)
    world.fill()
    write(tmp_path, {"billing": world})
    file = tmp_path / "bridge.toml"
    both = file.read_text("utf-8")
    file.write_text(both.replace(f'"eu://secret/{world.vault.path}", ', ""), "utf-8")
    done(invoke("adopt", "billing", "--yes"))
    file.write_text(both, "utf-8")
    called(world)
    world.spread()
    in_dashboard(world)
    invoke("watch", "--once")
    assert [each["seen"] for each in invoke("watch", "--once", "--json").objects] == []
    assert [sorted(name for name in place.see().tags if "note" in name) for place in (world.vault, world.aws)] == [
        [], ["bridge_note_watch"],
    ]  # fmt: skip


def test_a_start_that_failed_writes_the_checkpoint_no_more_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(Asked("watch"), 1, json=True)
    found = chosen(Clients(names=[world.client_id], sink=list(world.uris)))
    (follower,) = watching.followers(found, timedelta(seconds=10), HOUR)
    world.tenant.fault("error-before", path="/logs", count=20)
    with pytest.raises(BridgeError):
        follower.once()
    world.tenant.clear_faults()
    written = list[str]()
    note = AwsSink.note

    def counted(sink: AwsSink, notes: Mapping[str, str | None]) -> None:
        written.extend(notes)
        note(sink, notes)

    monkeypatch.setattr(AwsSink, "note", counted)
    called(world, client_id="foreign")
    world.clock.advance(HOUR)
    follower.once()
    assert written == ["watchlog"]


def test_a_client_is_repaired_where_the_configuration_says_so(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    worlds = {name: make_hasty(scopes=LOGS) for name in ("billing", "orders")}
    write(tmp_path, worlds)
    file, record = tmp_path / "bridge.toml", tmp_path / "audit"
    file.write_text(f'{file.read_text()}on_drift = "sync"\n[audit]\nto = "file:{record}"\n')
    for name, world in worlds.items():
        world.fill()
        done(invoke("adopt", name, "--yes"))
        world.spread()
    done(invoke("watch", "--once"))
    values = [in_dashboard(world) for world in worlds.values()]
    found = done(invoke("watch", "--once", "--json"), 5).objects
    assert sorted((each["client"], each["seen"]) for each in found) == [("billing", "drift"), ("orders", "repaired")]
    assert [{place.see().current for place in world.sinks} for world in worlds.values()] == [
        {worlds["billing"].s0}, {values[1]},
    ]  # fmt: skip
    assert '"command":"watch"' in record.read_text().replace(" ", "")
    # One of the two clients that hold the checkpoint is taken out.
    file.write_text(file.read_text().replace("[clients.billing]", "[clients.ledger]"))
    assert done(invoke("watch", "--once", "--json", "orders")).objects == []
