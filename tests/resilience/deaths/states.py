"""A server state as a text in which only what matters is left: no times, and names instead of values, ids and words."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from sinks.aws.numbering import version_id
from sinks.seal import SEAL_TAG
from sinks.secret import Secret
from tests.e2e.sinks import AwsPlace, VaultPlace

WORDS = re.compile(
    r"(?P<T>\d{4}-\d\d-\d\d[T ][0-9:.]+(?:Z|\+00:00)?)"
    r"|(?P<Q>(?<=\"1\.)\d+(?=\.))"
    r"|(?P<M>(?<=\.)[\w-]{43}(?=\"))"
    r"|(?P<R>\br-[0-9a-f]{8}\b)"
    r"|(?P<U>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<S>(?<![\w-])[\w-]{64}(?![\w-]))"
    r"|(?P<F>\b[0-9a-f]{16}\b)"
    r"|(?P<H>\b[0-9a-f]{8}\b)"
)

LATER = 20  # more versions than any command puts


def canonical(subject: Any) -> str:
    """Return a hash that two clients have in common when nothing but time and chance tells them apart."""
    world = subject.world
    history = [change.value for change in world.tenant.secret_history(world.client_id)]
    with subject.outside():
        sinks = [
            _vault(place, subject.versions) if isinstance(place, VaultPlace) else _aws(place) for place in world.sinks
        ]
    told = json.dumps(
        [history, sorted(history.index(value) for value in subject.met()), sinks], sort_keys=False, default=str
    )
    names = {Secret(value).fingerprint(world.client_id): f"#{value}" for value in history}
    for old, new in (
        *names.items(), (world.client_id, "CLIENT"), (world.vault.path, "PATH"), (world.own.client_id, "OWN"),
    ):  # fmt: skip
        told = told.replace(old, new)
    return hashlib.sha256(named(told).encode()).hexdigest()[:16]


def _vault(place: VaultPlace, known: dict[Any, Any]) -> Any:
    """The lock's older versions that nobody can read any more, and their numbers, make no difference.

    `known` are the versions that were read before: their data never change.
    """

    def read(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        metadata, found = place.metadata(path), {}
        for number, version in metadata.get("versions", {}).items():
            if not version["destroyed"] and not version["deletion_time"]:
                if (path, number) not in known:
                    known[path, number] = place.document(int(number), path)
                found[number] = known[path, number]
        return metadata, found

    metadata, lock = read(f"{place.path}/pending")
    tags = metadata.get("custom_metadata") or {}
    if "bridge_lock_version" in tags:
        tags = {**tags, "bridge_lock_version": int(tags["bridge_lock_version"]) == metadata["current_version"]}
    told, documents = read(place.path)
    told.pop("current_metadata_version", None)
    return told, documents, tags, list(lock.values())


def _aws(place: AwsPlace) -> Any:
    """Versions without a label are a heap: each takeover leaves one more."""
    dump = place.dump()
    labelled = [(version, sorted(stages), text) for version, (stages, text) in dump["versions"].items() if stages]
    shown = {text for _, _, text in labelled}
    heap = list(dict.fromkeys(text for stages, text in dump["versions"].values() if not stages and text not in shown))
    described = dump["described"]
    tags = sorted((tag["Key"], tag["Value"]) for tag in described.get("Tags", ()))
    return described.get("Description"), tags, labelled, heap, _is_sealed_last(dump, dict(tags))


def _is_sealed_last(dump: dict[str, Any], tags: dict[str, str]) -> bool:
    """Tell whether no version was put after the seal was made: then it proves something."""
    sequence = int(tags.get(SEAL_TAG, "1.0.").split(".")[1])
    later = (version_id(dump["described"]["ARN"], sequence + n) for n in range(1, LATER)) if sequence else ()
    return not any(version in dump["versions"] for version in later)


def named(told: str) -> str:
    """Replace whatever no two runs have in common by its kind and its number in the order of appearance."""
    known: dict[str, str] = {}
    count: dict[str, int] = {}

    def name(found: re.Match[str]) -> str:
        kind: Any = found.lastgroup
        if kind in ("T", "Q"):
            return kind
        if found[0] not in known:
            count[kind] = count.get(kind, 0) + 1
            known[found[0]] = f"{kind}{count[kind]}"
        return known[found[0]]

    return WORDS.sub(name, told)
