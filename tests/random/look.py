"""One reading of the world: what is true after a step, by the servers' own interfaces and not the product's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.places import AwsPlace, VaultPlace, foreign
from tests.e2e.world import World

OWN_LABEL = "BRIDGE:"
THEIRS = "THEIRS"
LOCK = "secret-bridge"


@dataclass(frozen=True)
class Look:
    """One place. `held` are the values that a labelled or readable version holds, the lock's included.

    `substance` is all that a command that says "nothing was changed" must leave as it was. `locks` counts the readable
    versions of Vault's lock key, `own` the bridge's own labels in AWS.
    """

    current: str | None
    fallback: str | None
    pending: str | None
    held: frozenset[str]
    beside: Mapping[str, Any]
    tags: Mapping[str, str]
    substance: Mapping[str, Any] = field(repr=False)
    versions: int = 0
    locks: int = 0
    own: int = 0


@dataclass(frozen=True)
class Sight:
    """Both ends at one moment. `met` are the values that Auth0 may accept, `live` is the one that it stores.

    `brief` are those that others have set and that were replaced since: Auth0 forgets them within 30 s.
    """

    live: str
    met: frozenset[str]
    brief: frozenset[str]
    changes: int
    places: Mapping[str, Look]

    @property
    def held(self) -> frozenset[str]:
        return frozenset(value for look in self.places.values() for value in look.held)

    @property
    def unheld(self) -> frozenset[str]:
        """The values that Auth0 may accept and no place holds."""
        return self.met - self.held


class Eyes:
    """Reads a world. A version's content never changes, so each is read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._documents: dict[tuple[str, str, str], dict[str, Any]] = {}

    def sight(self) -> Sight:
        world = self._world
        client = world.tenant.client(world.client_id)
        met = client.live.met(world.tenant.clock.monotonic(), world.tenant.settings.propagation)
        places = {place.uri: self._look(place) for place in world.places}
        known = ("creation", world.own.client_id)
        others = {change.value for change in client.live.changes if change.by not in known}
        brief = frozenset(others - {world.live})
        return Sight(world.live, frozenset(met), brief, len(client.live.changes), places)

    def _look(self, place: VaultPlace | AwsPlace) -> Look:
        return self._vault(place) if isinstance(place, VaultPlace) else self._aws(place)

    def _vault(self, place: VaultPlace) -> Look:
        meta, lock_meta = place.metadata(), place.metadata(f"{place.path}/pending")
        main = self._versions(place, place.path, meta)
        lock = self._versions(place, f"{place.path}/pending", lock_meta)
        tags: dict[str, str] = meta.get("custom_metadata") or {}
        latest = main.get(str(meta.get("current_version")), {})
        newest = lock.get(str(lock_meta.get("current_version")), {})
        pending = newest.get(place.key) if newest.get(LOCK, {}).get("state") == "locked" else None
        values = [document.get(place.key) for document in (*main.values(), *lock.values())]
        beside = {"document": {k: v for k, v in latest.items() if k != place.key}, "tags": foreign(tags)}
        return Look(
            current=latest.get(place.key),
            fallback=main.get(tags.get("bridge_fallback", "-"), {}).get(place.key),
            pending=pending,
            held=frozenset(value for value in values if value),
            beside=beside,
            tags=tags,
            substance={"documents": main, "tags": tags, "pending": pending, "limit": meta.get("max_versions")},
            versions=len(main),
            locks=len(lock),
        )

    def _versions(self, place: VaultPlace, path: str, meta: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the versions that can be read."""
        found = {}
        for number, told in (meta.get("versions") or {}).items():
            if told["destroyed"] or told["deletion_time"]:
                continue
            key = (path, number, told["created_time"])
            if key not in self._documents:
                self._documents[key] = place.document(int(number), path) or {}
            found[number] = self._documents[key]
        return found

    def _aws(self, place: AwsPlace) -> Look:
        described, stages = place.describe(), all_versions(place)
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
        labels = {stage: json.loads(place._text(v)) for v, found in stages.items() for stage in found}
        values = {stage: document.get(place.key) for stage, document in labels.items()}
        current = labels.get("AWSCURRENT", {})
        theirs = {k: v for k, v in labels.items() if not k.startswith(OWN_LABEL)}
        plain = {k: v for k, v in tags.items() if not k.startswith("bridge_lock_")}
        return Look(
            current=values.get("AWSCURRENT"),
            fallback=values.get("FALLBACK"),
            pending=values.get("AWSPENDING"),
            held=frozenset(value for stage, value in values.items() if value and stage != THEIRS),
            beside={
                "document": {k: v for k, v in current.items() if k != place.key},
                "tags": foreign(tags),
                "label": next((v for v, found in stages.items() if THEIRS in found), None),
                "description": described.get("Description"),
            },
            tags=tags,
            substance={"labels": theirs, "tags": plain, "description": described.get("Description")},
            versions=len(stages),
            own=sum(stage.startswith(OWN_LABEL) for stage in values),
        )


def all_versions(place: AwsPlace) -> dict[str, list[str]]:
    """Return the labels of every version, from as many pages as there are."""
    found: dict[str, list[str]] = {}
    more: dict[str, str] = {}
    while True:
        answer = place.client.list_secret_version_ids(SecretId=place.name, IncludeDeprecated=True, **more)
        found |= {v["VersionId"]: v.get("VersionStages", []) for v in answer["Versions"]}
        if "NextToken" not in answer:
            return found
        more = {"NextToken": answer["NextToken"]}
