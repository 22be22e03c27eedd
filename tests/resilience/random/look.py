"""One reading of the world: what is true after a step, by the servers' own interfaces and not the product's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sinks.seal import SEAL_TAG, Where, said
from sinks.secret import Secret
from tests.e2e.sinks import AwsPlace, VaultPlace, foreign, sibling_keys
from tests.e2e.world import World

OWN_LABEL = "BRIDGE:"
THEIRS = "THEIRS"
LOCK = "secret-bridge"
NOTE = "bridge_note_"
UNREAD = "what nobody has read"


@dataclass(frozen=True)
class Look:
    """One sink. `held` are the values that a labelled or readable version holds, the lock's included.

    `substance` is all that a command that says "nothing was changed" must leave as it was. `locks` counts the readable
    versions of Vault's lock key without those that were kept on purpose, `own` the bridge's own labels in AWS.
    `sibling_keys` are the coming and the former value in the latest document, `keeps` tells whether the sink says that
    it has them. `soft_deleted` is what was retired softly.
    `notes` are what was recorded of the tenant's log.
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
    sibling_keys: tuple[str | None, ...] = (None, None)
    keeps: bool = False
    soft_deleted: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def stray(self) -> frozenset[str]:
        """What the sibling keys say although no version holds it as its value."""
        return frozenset(value for value in self.sibling_keys if value) - self.held


@dataclass(frozen=True)
class Sight:
    """Both ends at one moment. `met` are the values that Auth0 may accept, `live` is the one that it stores.

    `brief` are those that others have set and that were replaced since: Auth0 forgets them within 30 s. `theirs`: they
    have set the live one.
    """

    live: str
    met: frozenset[str]
    brief: frozenset[str]
    changes: int
    sinks: Mapping[str, Look]
    theirs: bool = False

    @property
    def given_up(self) -> frozenset[str]:
        """The values that others replaced at Auth0 a moment ago, and took from every stage as well."""
        staged = {value for look in self.sinks.values() for value in (look.current, look.fallback, look.pending)}
        return self.met - {self.live} - staged if self.theirs else frozenset()

    @property
    def held(self) -> frozenset[str]:
        return frozenset(value for look in self.sinks.values() for value in look.held)

    @property
    def unheld(self) -> frozenset[str]:
        """The values that Auth0 may accept and no sink holds."""
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
        sinks = {place.uri: self._look(place) for place in world.sinks}
        known = ("creation", world.own.client_id)
        others = {change.value for change in client.live.changes if change.by not in known}
        brief = frozenset(others - {world.live})
        return Sight(world.live, frozenset(met), brief, len(client.live.changes), sinks, theirs=world.live in others)

    def _look(self, place: VaultPlace | AwsPlace) -> Look:
        return self._vault(place) if isinstance(place, VaultPlace) else self._aws(place)

    def _vault(self, place: VaultPlace) -> Look:
        meta, lock_meta = place.metadata(), place.metadata(f"{place.path}/pending")
        main = self._versions(place, place.path, meta)
        lock = self._versions(place, f"{place.path}/pending", lock_meta)
        tags: dict[str, str] = meta.get("custom_metadata") or {}
        latest = main.get(str(meta.get("current_version")), {})
        newest = lock.get(str(lock_meta.get("current_version")), {})
        pending = newest.get(place.key) if locked(newest) else None
        kept = (lock_meta.get("custom_metadata") or {}).get("bridge_lock_kept", "").split()
        values = [document.get(place.key) for document in (*main.values(), *lock.values())]
        ours, first = sibling_keys(place.key), soft_deleted_in(tags)
        others = {k: v for k, v in latest.items() if k not in (place.key, *ours)}
        return Look(
            current=latest.get(place.key),
            fallback=main.get(tags.get("bridge_fallback", "-"), {}).get(place.key),
            pending=pending,
            held=frozenset(value for value in values if value),
            beside={"document": others, "tags": foreign(tags)},
            tags=tags,
            substance={
                "documents": main,
                "tags": plain(tags),
                "pending": pending,
                "limit": meta.get("max_versions"),
            },
            versions=len(main),
            locks=len(lock.keys() - kept),
            sibling_keys=tuple(latest.get(name) for name in ours),
            keeps=tags.get("bridge_companions") == "keep",
            soft_deleted=self._before(place, meta, first) if first else None,
            notes=notes_in(tags),
        )

    def _before(self, place: VaultPlace, meta: dict[str, Any], version: str) -> str:
        """Return what a version held that cannot be read now; a word where it was never read."""
        made = (meta.get("versions") or {}).get(version, {}).get("created_time")
        document = self._documents.get((place.path, version, made), {})
        return str(document.get(place.key) or UNREAD)

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
        # A lock without a value is no more than what Vault's lock key says.
        locks = {stage for stage, document in labels.items() if set(document) == {f"{LOCK}-lock"}}
        theirs = {k: v for k, v in labels.items() if not k.startswith(OWN_LABEL) and k not in locks}
        ours, first = sibling_keys(place.key), soft_deleted_in(tags)
        soft_deleted = json.loads(place._text(first)).get(place.key) if first in stages else None
        return Look(
            current=values.get("AWSCURRENT"),
            fallback=values.get("FALLBACK"),
            pending=values.get("AWSPENDING"),
            held=frozenset(value for stage, value in values.items() if value and stage != THEIRS),
            beside={
                "document": {k: v for k, v in current.items() if k not in (place.key, *ours)},
                "tags": foreign(tags),
                "label": next((v for v, found in stages.items() if THEIRS in found), None),
                "description": described.get("Description"),
            },
            tags=tags,
            substance={
                "labels": theirs,
                "tags": resealed(plain(tags), Where(place.uri, place.key), values.get("AWSCURRENT")),
                "description": described.get("Description"),
            },
            versions=len(stages),
            own=sum(stage.startswith(OWN_LABEL) for stage in values),
            sibling_keys=tuple(current.get(name) for name in ours),
            keeps=tags.get("bridge_companions") == "keep",
            soft_deleted=soft_deleted or UNREAD if first else None,
            notes=notes_in(tags),
        )


def locked(document: Mapping[str, Any]) -> bool:
    """Tell whether the newest version of Vault's lock key says that somebody holds the sink."""
    return bool(document.get(LOCK, {}).get("state") == "locked")


def soft_deleted_in(tags: Mapping[str, str]) -> str | None:
    """Return the first version that was retired softly."""
    words = tags.get("bridge_aside", "-").split()
    return words[1] if len(words) > 1 else None


def notes_in(tags: Mapping[str, str]) -> dict[str, str]:
    """Return what was recorded of the tenant's log, by the names of its notes."""
    recorded = (f"{NOTE}seen", f"{NOTE}sources")
    return {name.removeprefix(NOTE): text for name, text in tags.items() if name.startswith(recorded)}


def plain(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags by which anybody decides."""
    return {name: text for name, text in tags.items() if not name.startswith((NOTE, "bridge_lock_"))}


def resealed(tags: dict[str, str], where: Where, current: str | None) -> dict[str, str | None]:
    """Return tags with what their seal says in its place: a claim that is given back seals the same anew."""
    former = said(tags, where, Secret(current)).former if current else None
    return {**tags, SEAL_TAG: former}


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
