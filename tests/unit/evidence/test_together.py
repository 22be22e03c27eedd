"""What clients ask a log together: the same evidence as each alone would get, never more than the mark proves."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import httpx
import pytest

from bridge.auth0.api import Auth0, connect
from bridge.auth0.client import Client
from bridge.auth0.pace import Pacing
from bridge.config.references import resolve
from bridge.evidence.asking import LogAccess, Question
from bridge.evidence.collect import investigate
from bridge.evidence.judge import Evidence
from bridge.evidence.together import FRESH, SharedLog
from bridge.fleet.jobs import Crew, Order
from bridge.fleet.slots import SharingClock
from bridge.model.progress import Silent, Stop
from bridge.model.tenant import TenantSettings
from bridge.sandbox.auth0 import LocalAuth0
from sinks.clock import Clock, SystemClock
from tests.e2e.clock import Shifted
from tests.e2e.sinks import NO_TRUST
from tests.e2e.world import DAY

SPREAD, PATIENCE = timedelta(seconds=30), timedelta(seconds=10)
HOUR_AGO = timedelta(hours=1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DESCRIPTIONS = ("Unauthorized", "Unauthorized", "Invalid authorization code")
STRANGER = "203.0.113.9"


@dataclass
class Town:
    """A tenant with clients that rotated at different times, and its log."""

    local: LocalAuth0
    auth0: Auth0
    clock: Clock
    changes: dict[str, datetime] = field(default_factory=dict)
    window: timedelta = DAY

    def write(self, at: datetime, type_: str, client_id: str, address: str, agent: str, description: str = "") -> None:
        """Add an entry of any date, as if it came late."""
        told = {"client_id": client_id, "ip": address, "user_agent": agent}
        self.local.tenant._logs.write(at, type_, **told, description=description or None)

    def twice(self, entries: Iterable[int]) -> None:
        """Have the log show entries twice."""
        book = self.local.tenant._logs._entries
        book += [book[number] for number in entries]

    def shared(self) -> SharedLog:
        return SharedLog(self.auth0, self.clock, tuple(self.changes))

    def ask(self, client_id: str, shared: SharedLog | None = None, may_be_old: timedelta = timedelta()) -> Evidence:
        logs = LogAccess(self.auth0, self.clock, Silent(), Stop(), self.window, SPREAD, shared)
        at, read = self.clock.now(), self.clock.monotonic()
        client, change = Client(client_id, client_id), self.changes[client_id]
        return investigate(logs, Question(client, change, at, read, PATIENCE, None, may_be_old))

    def searches(self) -> int:
        return sum(request.path == "/api/v2/logs" for request in self.local.tenant.requests)

    def marks(self) -> int:
        return sum(" probe " in request.user_agent for request in self.local.tenant.requests)


def opened(local: LocalAuth0, clock: Clock, way: httpx.BaseTransport | None = None) -> Town:
    own = local.tenant.add_management_client(("read:logs", "read:clients"), "bridge")
    settings = TenantSettings("local", local.url, client_id=own.client_id, client_secret="env:OWN_SECRET")
    resolver = lambda reference: resolve(reference, {"OWN_SECRET": own.client_secret})  # noqa: E731
    pacing = Pacing(rate=10_000)
    return Town(local, connect(settings, resolver, clock, way or httpx.HTTPTransport(verify=NO_TRUST), pacing), clock)


@pytest.fixture
def town() -> Iterator[Town]:
    clock = Shifted()
    with LocalAuth0(clock=clock) as local:
        town = opened(local, clock)
        yield town
        town.auth0.tenant.http.close()


def people(town: Town, number: int, since: timedelta = 2 * DAY) -> None:
    for n in range(number):
        client_id = town.local.tenant.add_client(f"client-{n:02}", name=f"web-{n}").client_id
        town.changes[client_id] = town.clock.now() - since


def history(town: Town, random: Random, loud: str = "") -> None:
    """Fill the log with consumers, strangers, probes of the bridge, and what came twice, in no order."""
    now = town.clock.now().replace(microsecond=0) - 3 * MINUTE
    for client_id in town.changes:
        town.changes[client_id] = now - random.choice((2, 30, 100)) * timedelta(hours=1)
        for _ in range(random.randrange(8)):
            address, agent = f"10.0.0.{random.randrange(4)}", random.choice(("billing/1", "mailer/2"))
            for _ in range(random.randrange(1, 6)):
                at = now - timedelta(seconds=random.randrange(200) * 3600 // random.choice((1, 1, 60)))
                type_ = random.choice(("seccft", "sertft", "feccft", "feacft", "fertft", "fertft"))
                town.write(at, type_, client_id, address, agent, random.choice(DESCRIPTIONS))
        if random.random() < 0.5:
            town.write(now - MINUTE, "feccft", client_id, STRANGER, "curl/8", "Unauthorized")
        town.write(now, "feacft", client_id, "10.9.9.9", "secret-bridge/0.1 probe", "Unauthorized")
        # As many of one moment as do not fit on a page, and one on the edge of what is asked for.
        edge = town.changes[client_id] + SPREAD
        for second in (0, 0, 1, -1):
            town.write(edge + second * SECOND, "feccft", client_id, "10.0.0.1", "billing/1", "Unauthorized")
    for number in range(1300 if loud else 0):
        town.write(now - number * SECOND, "feccft", loud, f"198.51.100.{number % 3}", "scanner", "Unauthorized")
    town.write(now, "feccft", "somebody-else", STRANGER, "curl/8", "Unauthorized")
    town.twice(random.sample(range(len(town.local.tenant._logs._entries)), 10))


def comparable(found: Evidence) -> Evidence:
    return replace(found, at=found.change)


@pytest.mark.parametrize("loud", ["", "client-00", "client-03"])
@pytest.mark.parametrize("seed", range(4))
def test_each_client_gets_the_evidence_that_it_would_get_alone(town: Town, seed: int, loud: str) -> None:
    random = Random(f"{seed} {loud}")
    town.local.tenant.settings.log_retention = random.choice((30 * DAY, 3 * DAY))
    people(town, 6)
    history(town, random, loud)
    shared = town.shared()
    alone = {client_id: comparable(town.ask(client_id)) for client_id in town.changes}
    searches = town.searches()
    told = {c: comparable(town.ask(c, shared, random.choice((timedelta(), FRESH)))) for c in town.changes}
    # How far back the log reaches is told to the second, and it forgets while the test runs.
    assert [replace(e, unknown=()) for e in told.values()] == [replace(e, unknown=()) for e in alone.values()]
    assert [len(e.unknown) for e in told.values()] == [len(e.unknown) for e in alone.values()]
    assert any(e.sources for e in alone.values())
    assert town.searches() - searches < searches


def test_the_evidence_of_forty_clients_takes_a_handful_of_searches_and_one_mark(town: Town) -> None:
    people(town, 40)
    shared = town.shared()
    for client_id in town.changes:
        assert town.ask(client_id, shared, FRESH).sources == ()
    assert (town.searches(), town.marks()) == (3, 1)


def test_a_stranger_who_fails_at_every_client_costs_one_search_more(town: Town) -> None:
    people(town, 40)
    for client_id, change in town.changes.items():
        town.write(change + DAY, "feccft", client_id, STRANGER, "curl/8", "Unauthorized")
        town.write(change - DAY, "seccft", client_id, "10.0.0.1", "billing/1")
    shared = town.shared()
    found = [town.ask(client_id, shared, FRESH) for client_id in town.changes]
    assert all([source.address for source in each.strangers] == [STRANGER] for each in found)
    assert (town.searches(), town.marks()) == (4, 1)


def test_a_loud_client_costs_its_own_searches_and_those_of_one_try(town: Town) -> None:
    people(town, 40)
    for number in range(1300):
        town.write(town.clock.now() - HOUR_AGO - number * SECOND, "feccft", "client-05", STRANGER, "x", "Unauthorized")
    town.write(town.clock.now() - DAY, "feccft", "client-30", "10.0.0.1", "billing/1", "Unauthorized")
    town.write(town.clock.now() - 3 * DAY, "seccft", "client-30", "10.0.0.1", "billing/1")
    shared = town.shared()
    found = {client_id: town.ask(client_id, shared, FRESH) for client_id in town.changes}
    assert [source.failures for source in found["client-05"].sources] == [1300]
    assert [source.address for source in found["client-30"].sources if source.known] == ["10.0.0.1"]
    # How far back, the mark; a search that was filled, and one without the loud client; that one's own, by the page,
    # and those about its stranger and about the one consumer.
    assert town.searches() == 2 + 10 + 1 + 14 + 2
    assert town.marks() == 1


def test_a_question_that_must_not_be_old_is_answered_by_a_later_mark_only(town: Town) -> None:
    people(town, 2)
    town.write(town.clock.now() - 3 * DAY, "seccft", "client-01", "10.0.0.1", "billing/1")
    shared = town.shared()
    assert town.ask("client-00", shared).sources == ()
    town.clock.sleep(5)
    town.write(town.clock.now(), "feccft", "client-01", "10.0.0.1", "billing/1", "Unauthorized")
    at = town.clock.now()
    old = town.ask("client-01", shared, FRESH)
    assert (old.stale, town.marks()) == ((), 1)
    assert old.at < at  # it does not claim to know of the failure's time
    new = town.ask("client-01", shared)
    assert [source.address for source in new.stale] == ["10.0.0.1"]
    assert new.at >= at
    assert town.marks() == 2


def test_after_a_minute_there_is_another_mark(town: Town) -> None:
    people(town, 3)
    shared = town.shared()
    for client_id in town.changes:
        town.ask(client_id, shared, FRESH)
        town.clock.sleep(31)
    assert (town.searches(), town.marks()) == (6, 2)


def test_a_client_that_was_changed_after_the_mark_gets_one_of_its_own(town: Town) -> None:
    people(town, 2)
    shared = town.shared()
    town.ask("client-00", shared, FRESH)
    town.clock.sleep(40)
    town.changes["client-01"] = town.clock.now() - SPREAD - 5 * SECOND
    town.write(town.clock.now() - SECOND, "feccft", "client-01", "10.0.0.1", "billing/1", "Unauthorized")
    found = town.ask("client-01", shared, FRESH)
    assert [source.address for source in found.sources] == ["10.0.0.1"]
    assert town.marks() == 2


def test_a_late_log_is_unknown_to_everybody_and_waited_for_one_after_the_other_twice_only(town: Town) -> None:
    people(town, 5)
    town.local.tenant.settings.log_delay = HOUR_AGO
    shared = town.shared()
    found = [town.ask(client_id, shared, FRESH) for client_id in town.changes]
    assert all(any("the log is late" in text for text in each.unknown) for each in found)
    assert town.marks() == 5
    assert shared._failures == 2


def test_without_patience_a_client_asks_alone_or_uses_what_there_is(town: Town) -> None:
    people(town, 2)
    town.local.tenant.settings.log_delay = 3 * SECOND
    shared = town.shared()
    logs = LogAccess(town.auth0, town.clock, Silent(), Stop(), DAY, SPREAD, shared)
    hasty = Question(Client("client-00", ""), town.clock.now() - 2 * DAY, town.clock.now(), 0.0, timedelta())
    assert any("the log is late" in text for text in investigate(logs, hasty).unknown)
    assert shared._failures == 0
    town.ask("client-01", shared)
    assert not any("the log is late" in text for text in investigate(logs, hasty).unknown)


@pytest.mark.parametrize("kind", ["html", "error-before", "dropped", "truncated"])
def test_where_the_common_search_fails_each_client_asks_for_itself(town: Town, kind: str) -> None:
    people(town, 4)
    town.write(town.clock.now() - DAY, "feccft", "client-02", "10.0.0.1", "billing/1", "Unauthorized")
    shared = town.shared()
    first = town.ask("client-00", shared, FRESH)
    assert not any("tenant's logs" in text for text in first.unknown)
    town.local.tenant.fault(kind, method="GET", path="logs", count=99)
    town.clock.sleep(61)
    assert all("tenant's logs" in " ".join(town.ask(c, shared, FRESH).unknown) for c in town.changes)
    town.local.tenant.clear_faults()
    town.clock.sleep(61)
    assert [source.address for source in town.ask("client-02", shared, FRESH).sources] == ["10.0.0.1"]


def test_threads_that_share_slots_never_wait_for_each_other_for_ever() -> None:
    clock = SharingClock(SystemClock())
    with LocalAuth0(clock=SystemClock()) as local:
        town = opened(local, clock)
        people(town, 12)
        local.tenant.settings.log_delay = timedelta(seconds=0.3)
        shared = town.shared()
        began = time.monotonic()
        # More threads than slots: whoever waits for the mark must not keep the slot that its sender needs.
        order: Order[str] = Order(lambda client_id: client_id[-1])
        crew: Crew[str] = Crew(lambda client_id: town.ask(client_id, shared), 2, order)
        found = [done.value() for done in crew.results(tuple(town.changes))]
        assert len(found) == 12
        assert not any("late" in text for each in found for text in each.unknown)
        assert town.marks() < 9  # those that wait for a mark share the next one
        assert time.monotonic() - began < 60
        town.auth0.tenant.http.close()


class Narrow(httpx.HTTPTransport):
    """A way to an Auth0 that takes only the first of several clients for what is asked."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = re.sub(r'client_id:\(("[^"]*")[^)]*\)', r"client_id:\1", request.url.params.get("q", ""))
        if asked:
            request.url = request.url.copy_set_param("q", asked)
        return super().handle_request(request)


def test_an_auth0_that_does_not_understand_the_common_search_hides_nobody() -> None:
    clock = Shifted()
    with LocalAuth0(clock=clock) as local:
        town = opened(local, clock, Narrow(verify=NO_TRUST))
        people(town, 6)
        for client_id, change in town.changes.items():
            town.write(change + DAY, "feccft", client_id, "10.0.0.1", "billing/1", "Unauthorized")
            town.write(change - DAY, "seccft", client_id, "10.0.0.1", "billing/1")
        shared = town.shared()
        found = [town.ask(client_id, shared, FRESH) for client_id in town.changes]
        assert all([source.address for source in each.sources if source.known] == ["10.0.0.1"] for each in found)
        town.auth0.tenant.http.close()


def test_how_far_the_log_reaches_is_asked_once_a_minute_and_never_overstated(town: Town) -> None:
    first = town.clock.now().replace(microsecond=0) - DAY
    town.write(first, "seccft", "client-00", "10.0.0.1", "billing/1")
    shared = town.shared()
    assert shared.begins() is not None
    town.clock.sleep(50)
    later = shared.begins()
    assert later is not None
    assert timedelta(seconds=50) <= later - first < timedelta(seconds=55)
    assert town.searches() == 1
    town.clock.sleep(10)
    assert shared.begins() == first
    assert town.searches() == 2
