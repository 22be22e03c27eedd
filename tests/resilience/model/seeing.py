"""What a sink shows to its readers, taken from the model's raw state without the product's own judgement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from tests.resilience.model.aws_model import holder
from tests.resilience.model.world import BASE, OTHER_KEY, VALUE_KEY, AwsPlace, Key, VaultPlace, World

NEXT_KEY, PREVIOUS_KEY = f"{VALUE_KEY}_next", f"{VALUE_KEY}_previous"
KEYS = (VALUE_KEY, NEXT_KEY, PREVIOUS_KEY)

MARGIN = 60.0
"""Seconds after which a claim that has no name yet counts as dead (`Timing.margin`)."""


@dataclass(frozen=True)
class Shown:
    """One sink at one moment. `held` are all values that can still be read there, `ends` when its lock may be taken.

    `whole` says that current can be read and stands once. `urgent`: the answer to a leak holds it.
    """

    current: str | None
    pending: str | None
    fallback: str | None
    held: frozenset[str]
    sibling: str | None
    locked: bool
    ends: float
    managed: bool
    whole: bool
    coming: str | None
    former: str | None
    urgent: bool

    @property
    def beside(self) -> set[str | None]:
        """The values that a reader of the latest document may try."""
        return {self.current, self.coming, self.former}

    @property
    def candidates(self) -> set[str | None]:
        """The values that a reader of this sink may try."""
        return {self.current, self.pending, self.fallback}


@lru_cache(maxsize=200_000)
def shown(place: VaultPlace | AwsPlace) -> Shown:
    """Return what a sink shows."""
    return _vault(place) if isinstance(place, VaultPlace) else _aws(place)


def locks_end(world: World) -> float:
    """Return when the last of the locks there are may be taken over."""
    return max((s.ends for s in map(shown, world.sinks) if s.locked), default=0.0)


def _vault(place: VaultPlace) -> Shown:
    main, lock = place.main or Key(0, ()), place.lock or Key(0, ())
    tags = dict(main.tags)
    documents = {number: _parsed(text) for number, _, text in main.versions}
    latest = documents.get(main.current, {})
    told = _parsed({number: text for number, _, text in lock.versions}.get(lock.current))
    inner = told.get("secret-bridge", {})
    tagged = int(tags.get("bridge_fallback", "0"))
    locked = inner.get("state") == "locked"
    values = [
        d.get(key) for d in (*documents.values(), *(_parsed(text) for _, _, text in lock.versions)) for key in KEYS
    ]
    return Shown(
        current=latest.get(VALUE_KEY),
        pending=told.get(VALUE_KEY) if locked else None,
        fallback=documents.get(tagged, {}).get(VALUE_KEY) if 0 < tagged < main.current else None,
        held=frozenset(v for v in values if v),
        sibling=latest.get(OTHER_KEY),
        locked=locked,
        ends=_clock(inner["bridge_lock_expected_end"]) if locked else 0.0,
        managed="bridge_rotation" in tags,
        whole=bool(latest) or main.current == 0,
        coming=latest.get(NEXT_KEY),
        former=latest.get(PREVIOUS_KEY),
        urgent=locked and inner.get("bridge_lock_operation") == "compromised",
    )


def _aws(place: AwsPlace) -> Shown:
    tags = dict(place.tags)
    current, pending, fallback = (holder(place, stage) for stage in ("AWSCURRENT", "AWSPENDING", "FALLBACK"))
    if fallback and fallback in (current, pending):
        fallback = next((v for v in place.versions if v.id == tags.get("bridge_fallback")), None)
    document = _parsed(current.text if current else None)
    own = bool(pending and any(stage.startswith("BRIDGE:") for stage in pending.stages))
    named = own and tags.get("bridge_lock_chain") in (pending_chain(place), None)
    ends = _clock(tags["bridge_lock_expected_end"]) if named and "bridge_lock_expected_end" in tags else 0.0
    return Shown(
        current=document.get(VALUE_KEY),
        pending=_parsed(pending.text).get(VALUE_KEY) if pending and pending != current else None,
        fallback=_parsed(fallback.text).get(VALUE_KEY) if fallback else None,
        held=frozenset(v for v in (_parsed(v.text).get(key) for v in place.versions if v.stages for key in KEYS) if v),
        sibling=document.get(OTHER_KEY),
        locked=pending is not None and (own or pending != current),
        ends=max(ends, pending.made + MARGIN) if pending else 0.0,
        managed="bridge_rotation" in tags,
        whole=current is not None or not place.versions,
        coming=document.get(NEXT_KEY),
        former=document.get(PREVIOUS_KEY),
        urgent=bool(pending and any(":compromised:" in stage for stage in pending.stages)),
    )


def pending_chain(place: AwsPlace) -> str | None:
    """Return the operation that holds AWSPENDING, by the bridge's own label."""
    version = holder(place, "AWSPENDING")
    label = next((s for s in version.stages if s.startswith("BRIDGE:")), None) if version else None
    return label.removeprefix("BRIDGE:").partition(":")[0] if label else None


@lru_cache(maxsize=50_000)
def _parsed(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _clock(text: str) -> float:
    return (datetime.fromisoformat(text) - BASE).total_seconds()
