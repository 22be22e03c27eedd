"""What must be seen after an operation, told once for all tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.e2e.sinks import ANCIENT, Snapshot
from tests.e2e.world import World


def values(world: World) -> list[str]:
    """Return every value that the client ever had at Auth0, the oldest first, each once.

    The bridge sets the same value again where an answer was lost. That is no further change.
    """
    return list(dict.fromkeys(change.value for change in world.tenant.secret_history(world.client_id)))


def values_met(world: World) -> set[str]:
    """Return every value that Auth0 may accept at this moment."""
    tenant = world.tenant
    client = tenant.client(world.client_id)
    return set(client.live.met(tenant.clock.monotonic(), tenant.settings.propagation))


def beside(world: World) -> list[dict[str, Any]]:
    """Return everything in the sinks that is not the bridge's."""
    return [place.see().beside for place in world.sinks]


def unsettled(world: World) -> list[str]:
    """Return the sinks that an operation holds or left something in."""
    return [place.uri for place in (sink.survey() for sink in world.onlooker.sinks.values()) if place.unsettled]


def assert_rotated(
    world: World, *, old: str | None, untouched: list[dict[str, Any]] | None = None, edited: bool = False,
    kept: str | None = None,
) -> None:  # fmt: skip
    """Both sinks hold what Auth0 accepts as current, `old` as fallback (None: no fallback), and nothing pending.

    `edited`: somebody wrote meanwhile, so AWSPREVIOUS is whatever stood before that. `kept` may be readable too, where
    Vault's lock key was: a pending value that was given back.
    """
    assert values_met(world) == {world.live}
    assert world.live != old
    vault, aws = seen = [place.see() for place in world.sinks]
    for place in seen:
        assert place.current == world.live
        assert place.fallback == old
        assert place.pending is None
        assert place.tags["managed-by"] == "secret-bridge"
        assert place.readable <= {world.live, old, ANCIENT, kept}
    assert not [label for label in aws.labels if label.startswith("BRIDGE")]
    assert vault.tags["bridge_rotation"] == aws.tags["bridge_rotation"]
    if old is not None and not edited:
        assert aws.labels["AWSPREVIOUS"] == old
    if untouched is not None:
        assert [place.beside for place in seen] == untouched
    assert unsettled(world) == []


UNTOLD = ("bridge_lock", "bridge_note")


def shape(world: World) -> dict[str, Any]:
    """Return how a world stands, with the values' names instead of the values: two runs can be compared by it.

    Left out are older versions of Vault's lock key: what was given back, and Auth0 never accepted, stays readable.
    Notes too: who dies between a retirement and its note takes that with them, and nothing decides by it.
    """
    past = [change.value for change in world.tenant.secret_history(world.client_id)]
    names: dict[str | None, str | None] = {**dict.fromkeys(past[:-1], "before"), past[-1]: "now", None: None}

    def named(seen: Snapshot) -> dict[str, Any]:
        def name(value: str | None) -> str | None:
            return names.get(value, "unknown to Auth0")

        kept = seen.left - names.keys()
        plain = replace(
            seen,
            current=name(seen.current),
            fallback=name(seen.fallback),
            pending=name(seen.pending),
            readable=frozenset(str(name(value)) for value in seen.readable - kept),
            left=frozenset(),
            tags=dict.fromkeys((tag for tag in seen.tags if not tag.startswith(UNTOLD)), ""),
            labels={label: name(value) for label, value in seen.labels.items()},
            beside={told: what for told, what in seen.beside.items() if told != "label"},
        )
        return dict(vars(plain))

    return {
        **{place.uri.partition(":")[0]: named(place.see()) for place in world.sinks},
        "unsettled": unsettled(world),
    }
