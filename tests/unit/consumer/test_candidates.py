"""What the values are that an application is given, how often its vault is asked, and what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta

import hvac
import pytest

from bridge.consumer import ClientSecret, Kind, SecretUnavailable
from bridge.consumer.loading import Flight
from sinks.errors import BadAddress
from tests.e2e.taps import Call, Trace, died
from tests.e2e.world import DAY, MakeWorld, World
from tests.support.proxy import Answer, Proxy
from tests.unit.consumer.asking import Application, a_while, applications, soon


class Counting(Proxy):
    """A proxy before Vault; `asked` are the documents that were read."""

    def __init__(self, world: World) -> None:
        self.asked: list[str] = []
        super().__init__(world.servers.bao.url, gate=self._note)

    def _note(self, what: str, ask: Callable[[], Answer]) -> Answer:
        if "/data/" in what:
            self.asked.append(what)
        return ask()


def adopted(world: World) -> World:
    world.fill()
    world.adopt()
    world.clock.advance(DAY)
    return world


def test_current_is_the_only_one_that_is_read_while_it_is_accepted(world: World) -> None:
    adopted(world)
    for application in applications(world):
        assert [application.ask() for _ in range(3)] == [world.s0] * 3
        assert application.stages == ["current"]
        assert application.kinds == [Kind.REFRESHED]


def test_a_pending_value_that_auth0_has_is_found_remembered_and_told(world: World) -> None:
    adopted(world)
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    died(world, "auth0.set_secret")
    world.spread()
    for application in waiting:
        assert application.ask() == world.live
        assert application.stages == ["current", "pending"]
        assert application.kinds[-1] == Kind.PENDING_USED
        assert application.ask() == world.live
        assert application.stages == ["pending"]


def test_a_fallback_that_auth0_has_again_is_found_and_told(world: World) -> None:
    adopted(world)
    world.rotate()
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    for application in waiting:
        assert application.ask() == world.s0
        assert application.kinds[-1] == Kind.FALLBACK_USED


def test_after_a_rotation_the_new_value_is_read_at_the_first_refusal(world: World) -> None:
    adopted(world)
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    world.rotate()
    for application in waiting:
        assert application.ask() == world.live
        assert application.stages == ["current", "current"]
        assert Kind.FALLBACK_USED not in application.kinds


def test_when_no_change_is_in_sight_a_refusal_of_all_ends_at_once(world: World) -> None:
    adopted(world)
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    for application in waiting:
        began = world.clock.monotonic()
        assert application.ask() is None
        assert application.stages == ["current"]
        assert world.clock.monotonic() - began < 5
        assert application.kinds[-1] == Kind.ALL_REFUSED


def test_while_a_change_may_be_spreading_it_goes_on(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="aws"))
    world.rotate()
    (application,) = applications(world)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    began = world.clock.monotonic()
    assert application.ask() is None
    assert 25 <= world.clock.monotonic() - began < 40  # the rotation is 90 s ago by then
    a_while(world, 90)
    began = world.clock.monotonic()
    assert application.ask() is None
    assert world.clock.monotonic() - began < 5


def test_a_leaked_value_is_no_candidate_and_no_key(world: World) -> None:
    adopted(world)
    world.rotate()
    leaked = world.live
    waiting = applications(world)
    for application in waiting:
        assert {key.reveal() for key in application.secret.verification_keys()} == {leaked, world.s0}
    trace = Trace(world.clock)
    seen: list[set[str]] = []

    def look(call: Call) -> None:
        if call.end == "auth0" and call.changes:
            seen.extend({k.reveal() for k in a.secret.verification_keys()} for a in applications(world))

    trace.after = look
    world.rotate(trace, compromised=True, reason="seen", settle=True)
    assert seen == [{world.live}] * 2
    for application in applications(world):
        assert [key.reveal() for key in application.secret.verification_keys()] == [world.live]


def test_the_last_good_values_serve_while_the_vault_is_away_but_not_for_ever(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    with Proxy(world.servers.bao.url) as proxy:
        environ = {**world.environment, "VAULT_ADDR": proxy.url}
        application = Application(world, world.uris[0], environ=environ, max_stale=timedelta(hours=2))
        assert application.ask()
        application.secret.close()
    a_while(world, 3600)
    assert application.ask() == world.s0
    assert soon(lambda: application.kinds[-1] == Kind.READ_FAILED)
    a_while(world, 3601)
    with pytest.raises(SecretUnavailable, match="cannot be read"):
        application.ask()
    application.close()


def test_a_thousand_threads_ask_the_vault_once(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    with Counting(world) as proxy:
        application = Application(world, world.uris[0], environ={**world.environment, "VAULT_ADDR": proxy.url})
        gate, found = threading.Barrier(1000), []

        def first() -> None:
            gate.wait()
            found.append(next(iter(application.secret.candidates())).reveal())

        threads = [threading.Thread(target=first) for _ in range(1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [world.s0] * 1000
        assert len(proxy.asked) == 1
        application.close()


def test_a_value_is_read_ahead_in_the_background_and_the_place_once_for_each_time(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    with Counting(world) as proxy:
        application = Application(world, world.uris[0], environ={**world.environment, "VAULT_ADDR": proxy.url})
        assert application.ask()
        a_while(world, 239)
        assert application.ask()
        assert len(proxy.asked) == 1
        a_while(world, 2)
        since = world.clock.monotonic()
        assert application.ask()  # served from what is known
        application.secret._cache.load(after=since).result(10)
        assert len(proxy.asked) == 2
        application.close()


def test_who_is_woken_by_a_reading_finds_it_kept(world: World) -> None:
    adopted(world)
    for application in applications(world):
        assert application.ask()
        cache, kept = application.secret._cache, list[bool]()
        reading = cache.load(whole=True, after=world.clock.monotonic())
        reading.add_done_callback(lambda done, cache=cache, kept=kept: kept.append(cache.snapshot is done.result()))
        reading.result(10)
        assert soon(lambda kept=kept: kept == [True])


def test_coroutines_have_the_same(world: World) -> None:
    adopted(world)
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    died(world, "auth0.set_secret")
    world.spread()

    async def ask(application: Application) -> str | None:
        async for candidate in application.secret.candidates():
            if application.accepts(candidate):
                candidate.accepted()
                return candidate.reveal()
        return None

    async def everyone() -> list[str | None]:
        return list(await asyncio.gather(*(ask(application) for application in waiting for _ in range(5))))

    assert set(asyncio.run(everyone())) == {world.live}


def test_a_reader_that_may_not_see_the_pending_value_does_without_and_says_so_once(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    path = world.vault.path
    policy = f'path "secret/data/{path}" {{ capabilities = ["read"] }}'
    token = reader_token(world, path.replace("/", "-"), policy)
    application = Application(world, world.uris[0], environ={**world.environment, "VAULT_TOKEN": token})
    assert application.ask()
    world.rotate()
    for _ in range(2):
        assert application.ask() == world.live
        a_while(world, 400)
    assert [event.why for event in application.events if event.kind is Kind.READ_FAILED and "pending" in event.why]
    assert len([event for event in application.events if "a pending value is never seen" in event.why]) == 1
    application.close()


def reader_token(world: World, name: str, policy: str) -> str:
    client = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    client.sys.create_or_update_policy(name, policy)
    token: str = client.auth.token.create(policies=[name])["auth"]["client_token"]
    client.adapter.close()
    return token


def test_a_new_token_is_used_when_the_old_one_has_ended(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    policy = f'path "secret/data/{world.vault.path}*" {{ capabilities = ["read"] }}'
    environ = dict(world.environment)
    environ["VAULT_TOKEN"] = reader_token(world, world.vault.path.replace("/", "-"), policy)
    application = Application(world, world.uris[0], environ=environ)
    assert application.ask()
    client = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    client.auth.token.revoke(environ["VAULT_TOKEN"])
    client.adapter.close()
    environ["VAULT_TOKEN"] = reader_token(world, world.vault.path.replace("/", "-"), policy)
    a_while(world, 301)
    assert application.ask() == world.s0
    assert Kind.READ_FAILED not in application.kinds
    application.close()


def test_a_hook_that_fails_stops_nothing_and_no_value_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    adopted(world)

    def broken(_event: object) -> None:
        raise ValueError(world.s0)

    caplog.set_level(logging.DEBUG)
    for application in applications(world, on_event=broken):
        assert application.ask() == world.s0
    assert "hook for consumer events failed" in caplog.text
    assert world.s0 not in caplog.text


@pytest.mark.parametrize("uri", ["vault://secret", "ftp://secret/x", "secret/x", "aws://us-east-1"])
def test_an_address_that_cannot_be_meant_so_is_refused_at_once(uri: str) -> None:
    with pytest.raises(BadAddress):
        ClientSecret("AbC", uri, environ={"VAULT_ADDR": "https://vault.example:8200"})


def test_a_forked_process_reads_for_itself(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    application = Application(world, world.uris[0])
    assert application.ask()
    application.secret._cache._loading._flying = Flight(whole=False)  # the parent is reading as it forks
    a_while(world, 301)
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if application.ask() == world.s0 else 2
        os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    application.close()
