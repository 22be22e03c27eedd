"""Clients by the dozen on real servers in real time, and what operators on the command line do to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.e2e.clock import Real
from tests.e2e.observe import values
from tests.e2e.world import Servers, World
from tests.resilience.races.operators import Command, Ended
from tests.support.strict_moto import controls

LONG_AGO = 3600.0  # seconds
SPREAD = timedelta(seconds=1)
AWS_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}


@dataclass
class Field:
    """The servers, and the propagation time that operators go by; Auth0's own is as short as it can be told from none.

    `urls` may put something between the operators and the servers: by the name of the variable that names one.
    """

    servers: Servers
    name: str
    propagation: timedelta
    urls: Mapping[str, str] = field(default_factory=dict)
    worlds: list[World] = field(default_factory=list)

    def filled(self, count: int, *sinks: str) -> list[World]:
        """Make clients with a value in their sinks, which were left alone for long and are not the bridge's yet."""
        controls.clock = lambda: time.time() - LONG_AGO
        made = [World(self.servers, f"{self.name}-{number}", Real()) for number in range(count)]
        for world in made:
            world.sinks = tuple(getattr(world, place) for place in sinks)
            for place in world.sinks:
                place.fill(world.s0)
        controls.clock = time.time
        self.worlds += made
        return made

    def adopted(self, count: int, *sinks: str) -> Iterator[World]:
        """Make clients, and adopt each one's sinks when it is asked for.

        They were released just then. So whoever wins the next race has to wait while holding the sinks, and the loser,
        however late it is scheduled, meets it there.
        """
        settings = self.servers.auth0.tenant.settings
        for world in self.filled(count, *sinks):
            settings.propagation = self.propagation
            world.adopt(uris=names(world))
            settings.propagation = SPREAD
            yield world

    def rotated(self, count: int, *sinks: str) -> list[World]:
        """Make clients whose sinks were adopted and rotated just now, with a fallback that Auth0 refuses."""
        settings = self.servers.auth0.tenant.settings
        worlds = self.filled(count, *sinks)
        for world in worlds:
            settings.propagation = self.propagation
            world.rotate(uris=names(world), adopt=True)
            settings.propagation = SPREAD
        return worlds

    def write_config(self, path: Path) -> tuple[str, ...]:
        """Write a configuration in which fallbacks may be retired at once; return the options that name it."""
        some = self.worlds[0].environment
        lines = [
            *("[tenants.local]", f'domain = "{some["AUTH0_DOMAIN"]}"', 'client_id = "env:AUTH0_CLIENT_ID"'),
            *('client_secret = "env:AUTH0_CLIENT_SECRET"', f'propagation = "{self.propagation.seconds}s"'),
            *("[vaults.vault]", 'type = "vault"', f'url = "{some["VAULT_ADDR"]}"'),
            *("[vaults.aws]", 'type = "aws"', f'endpoint_url = "{some["AWS_ENDPOINT_URL"]}"'),
            *("[defaults]", 'fallback_min_age = "0s"', 'min_interval = "0s"'),
        ]
        for number, world in enumerate(self.worlds):
            lines += [f"[clients.client{number}]", 'tenant = "local"', f'client_id = "{world.client_id}"']
            lines += [f"sinks = {names(world)}".replace("'", '"')]
        path.write_text("\n".join(lines), encoding="utf-8")
        return ("--config", str(path))

    def command(self, world: World, who: str, *argv: str, uris: Sequence[str] | None = None) -> Command:
        """Return what operator `who` types; sinks follow as options."""
        named = names(world) if uris is None else uris
        sinks = [word for uri in named for word in ("--sink", uri)]
        return Command((argv[0], world.client_id, *argv[1:], *sinks), self.environ(world, who))

    def environ(self, world: World, who: str) -> dict[str, str]:
        return {
            **world.environment,
            **self.urls,
            "AUTH0_AUDIENCE": world.tenant.audience,
            "BRIDGE_PROPAGATION": f"{self.propagation // timedelta(milliseconds=1)}ms",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": f"acme/{who}",
            "GITHUB_RUN_ID": "4711",
            "HOME": "/nonexistent",
        }

    def close(self) -> None:
        for world in self.worlds:
            world.close()


MakeField = Callable[..., Field]


def names(world: World) -> list[str]:
    return [place.uri for place in world.sinks]


def assert_whole(world: World, *, changes: int = 1, fallback: int | None = -2) -> None:
    """Auth0 was changed so often, and accepts only what is current; `fallback` is which value; nothing is pending."""
    past = values(world)
    assert len(past) == changes + 1
    while world.tenant.accepted(world.client_id, past[-1]) == "maybe":
        time.sleep(0.05)
    assert [world.tenant.accepted(world.client_id, value) for value in past] == ["no"] * changes + ["yes"]
    for seen in (place.see() for place in world.sinks):
        assert seen.current == past[-1]
        assert seen.fallback == (None if fallback is None else past[fallback])
        assert seen.pending is None
    surveyed = [sink.survey() for sink in world.session(names(world)).sinks.values()]
    assert [place.uri for place in surveyed if place.unsettled] == []


def winners(rounds: Sequence[Sequence[Ended]]) -> list[int]:
    """Return which operator of each round ended well; the others were refused."""
    found = []
    for ended in rounds:
        statuses = sorted(one.status for one in ended)
        assert statuses == [0] + [4] * (len(ended) - 1), [(one.status, one.err) for one in ended]
        found.append([one.status for one in ended].index(0))
    return found
