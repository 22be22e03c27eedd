"""How a client stands, with names instead of values, ids and times: so that two runs can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sinks.seal import SEAL_TAG, Where, said
from sinks.secret import Secret
from tests.e2e import observe
from tests.e2e.sinks import ANCIENT, AwsPlace, VaultPlace, sibling_keys

if TYPE_CHECKING:
    from tests.resilience.kill.bench import Subject

POINTERS = ("bridge_current", "bridge_fallback")
"""Tags that name a version."""
SETTLED = r"^(\S+) (\S+) settle (\S+): (\S+) by .*"
PATTERNS = {r"\br-[0-9a-f]{8}\b": "ID", r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z": "TIME"}


def values(subject: Subject) -> list[str]:
    """Return every value that the client ever had, oldest first, each once."""
    return observe.values(subject.world)


def shape(subject: Subject) -> dict[str, Any]:
    """Return how both ends stand. The live value is called so; others are v0 (the first that Auth0 had), v1 …"""
    naming = _Naming(subject)
    tenant, client_id = subject.world.tenant, subject.world.client_id
    told: dict[str, Any] = {
        "auth0": [naming.value(v) for v in values(subject) if tenant.accepted(client_id, v) != "no"]
    }
    for place in subject.sinks:
        told[place.uri.partition(":")[0]] = (
            _vault(place, naming) if isinstance(place, VaultPlace) else _aws(place, naming)
        )
    return told


def differences(found: Any, expected: Any, where: str = "") -> list[str]:
    """Return what differs, one line each."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        keys = {**expected, **found}
        return [line for key in keys for line in differences(found.get(key), expected.get(key), f"{where} {key}")]
    return [] if found == expected else [f"{where.strip()}: {found!r}, undisturbed: {expected!r}"]


def ended(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same shape without its history: an answer to a leak that is given again makes one value more."""
    found: dict[str, Any] = json.loads(re.sub(r"\bv\d+\b", "former", json.dumps(told)))
    for place in found.values():
        if isinstance(place, dict):
            place["tags"].pop("bridge_recent", None)
            place["tags"].pop("bridge_log", None)
            place["versions"] = [name for name in place.get("versions", ()) if name != "ancient"]
    return found


def without(told: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return the same shape as if nobody had known these words."""
    found: dict[str, Any] = json.loads(json.dumps(told).replace(words, ""))
    return found


def locked(subject: Subject) -> bool:
    """Tell whether an operation holds a sink."""
    return any(
        _lock(place)[-1:] == ["locked"] if isinstance(place, VaultPlace) else "AWSPENDING" in place.see().labels
        for place in subject.sinks
    )


def leftovers(subject: Subject) -> list[str]:
    """Return where an operation still holds a sink, or has left something."""
    found = []
    for place in subject.sinks:
        if isinstance(place, VaultPlace):
            if _lock(place)[-1:] not in ([], ["idle"]):
                found.append(f"{place.uri}: {_lock(place)}")
        else:
            held = [label for label in place.see().labels if label == "AWSPENDING" or label.startswith("BRIDGE")]
            found += [f"{place.uri}: {label}" for label in held]
    return found


class _Naming:
    """Replaces what no two runs have in common."""

    def __init__(self, subject: Subject) -> None:
        world = subject.world
        known = {value: f"v{number}" for number, value in enumerate(values(subject))} | {ANCIENT: "ancient"}
        known |= {world.live: "live"}
        self._values, self._live = known, world.live
        prints = {Secret(value).fingerprint(world.client_id): f"#{name}" for value, name in known.items()}
        urls = {url.partition("//")[2]: end for end, url in subject.urls.items()}
        self._words = {**known, **prints, **urls, world.client_id: "CLIENT", world.vault.path: "PATH"}

    def value(self, value: str | None) -> str | None:
        return self._values.get(value, "unknown to Auth0") if value else None

    def text(self, text: str) -> str:
        for word, name in self._words.items():
            text = text.replace(word, name)
        for pattern, name in PATTERNS.items():
            text = re.sub(pattern, name, text)
        return text

    def tags(
        self, place: VaultPlace | AwsPlace, tags: Mapping[str, str], versions: Mapping[str, str | None]
    ) -> dict[str, str | None]:
        """`versions` are the values by the versions' ids."""
        told = {
            name: self._tag(name, text, versions)
            for name, text in sorted(tags.items())
            if not name.startswith(("bridge_lock", "bridge_note"))
        }
        return told | ({SEAL_TAG: self._seal(place, tags)} if SEAL_TAG in tags else {})

    def _seal(self, place: VaultPlace | AwsPlace, tags: Mapping[str, str]) -> str:
        """Tell whether a seal holds under the live value, and the fallback that it names, proven or not."""
        found = said(tags, Where(place.uri, place.key), Secret(self._live))
        return "broken" if found.former is None else f"holds, {self.text(found.fallback) or 'no fallback'}"

    def _tag(self, name: str, text: str, versions: Mapping[str, str | None]) -> str | None:
        if name == "bridge_aside":  # the versions of what was retired softly, of which AWS makes the names
            value, *named = text.split() or [""]  # how many they are depends on what an interruption wrote in between
            return f"{self.text(value)} {bool(named) and all(each in versions for each in named)}"
        return self.value(versions.get(text)) if name in POINTERS else self.text(_latest(name, text))

    def document(self, document: Mapping[str, Any] | None, key: str) -> dict[str, Any] | None:
        return (
            None
            if document is None
            else {n: self.value(what) if n in (key, *sibling_keys(key)) else what for n, what in document.items()}
        )


def _latest(name: str, text: str) -> str:
    """Return a tag's text; of the log, the latest entry. Who settled an operation says that it was this one."""
    latest = text.partition(" / ")[0] if name == "bridge_log" else text
    return re.sub(SETTLED, r"\1 \2 \4 \3", latest)


def _vault(place: VaultPlace, naming: _Naming) -> dict[str, Any]:
    metadata = place.metadata()
    numbers = sorted(metadata.get("versions", {}), key=int)
    versions = {number: (place.document(int(number)) or {}).get(place.key) for number in numbers}
    return {
        "document": naming.document(place.document(), place.key),
        "versions": [name for name, _ in groupby(naming.value(value) for value in versions.values() if value)],
        "tags": naming.tags(place, metadata.get("custom_metadata") or {}, versions),
        "limits": [metadata.get(name) for name in ("max_versions", "delete_version_after", "cas_required")],
        "lock": _lock(place)[-1:],
    }


def _lock(place: VaultPlace) -> list[str]:
    """Return the states in every version of the lock key that can be read."""
    path = f"{place.path}/pending"
    numbers = sorted(map(int, place.metadata(path).get("versions", {})))
    documents = (place.document(number, path) for number in numbers)
    return [document["secret-bridge"]["state"] for document in documents if document]


def _aws(place: AwsPlace, naming: _Naming) -> dict[str, Any]:
    """Versions without a label are left out: AWS keeps them, and each takeover leaves one more."""
    described, versions = place.describe(), place.versions()
    texts = {version: place.text(VersionId=version) or "{}" for version in versions}
    found = {version: json.loads(text).get(place.key) for version, text in texts.items()}
    holders = {stage: version for version, stages in versions.items() for stage in stages}
    current = json.loads(texts[holders["AWSCURRENT"]]) if "AWSCURRENT" in holders else None
    return {
        "document": naming.document(current, place.key or ""),
        "labels": {stage: naming.value(found[version]) for stage, version in sorted(holders.items())},
        "tags": naming.tags(place, {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}, found),
        "description": described.get("Description"),
    }
