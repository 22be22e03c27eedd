"""What must be seen after an operation, told once for all tests."""

from __future__ import annotations

from typing import Any

from tests.e2e.places import ANCIENT
from tests.e2e.world import World


def values_met(world: World) -> set[str]:
    """Return every value that Auth0 may accept at this moment."""
    tenant = world.tenant
    client = tenant.client(world.client_id)
    return set(client.live.met(tenant.clock.monotonic(), tenant.settings.propagation))


def beside(world: World) -> list[dict[str, Any]]:
    """Return everything in the places that is not the bridge's."""
    return [place.beside() for place in world.places]


def assert_rotated(
    world: World, *, old: str | None, untouched: list[dict[str, Any]] | None = None, edited: bool = False
) -> None:
    """Both places hold what Auth0 accepts as current, `old` as fallback (None: no fallback), and nothing pending.

    `edited`: somebody wrote meanwhile, so AWSPREVIOUS is whatever stood before that.
    """
    assert world.live != old
    assert values_met(world) == {world.live}
    for place in world.places:
        assert place.current() == world.live
        assert place.fallback() == old
        assert place.pending() is None
        assert place.tags()["managed-by"] == "secret-bridge"
        assert set(place.readable()) <= {world.live, old, ANCIENT}
    assert not [label for label in world.aws.labels() if label.startswith("BRIDGE")]
    if old is not None and not edited:
        assert world.aws.value(VersionStage="AWSPREVIOUS") == old
    if untouched is not None:
        assert beside(world) == untouched
    assert not any(place.unsettled for place in (sink.survey() for sink in world.job().sinks.values()))


def shape(world: World) -> dict[str, Any]:
    """Return how a world stands, with the values' names instead of the values: two runs can be compared by it."""
    past = [change.value for change in world.tenant.secret_history(world.client_id)]
    names = dict.fromkeys(past, "now") | dict.fromkeys(past[:-1], "before") | {past[-1]: "now", None: None}

    def named(value: str | None) -> str | None:
        return names.get(value, "unknown to Auth0")

    aws, vault = world.aws, world.vault
    return {
        "vault": {
            "current": named(vault.current()),
            "fallback": named(vault.fallback()),
            "readable": sorted(str(named(value)) for value in set(vault.readable())),
            "tags": sorted(vault.tags()),
            "beside": vault.beside(),
        },
        "aws": {
            "labels": {label: named(aws.value(VersionStage=label)) for label in aws.labels()},
            "tags": sorted(name for name in aws.tags() if not name.startswith("bridge_lock")),
            "beside": {name: told for name, told in aws.beside().items() if name != "label"},
        },
        "unsettled": [place.uri for place in (sink.survey() for sink in world.job().sinks.values()) if place.unsettled],
    }
