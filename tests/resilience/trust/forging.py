"""What people can write who may not read or change a secret: tags, labels and lock documents, drawn at random.

From the schema, its neighbours and noise. Each right is a family of its own: who may patch metadata, who may write the
pending key, who may move AWS's labels and write its tags.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import httpx
from hvac.exceptions import InvalidRequest

from tests.e2e.sinks import AwsPlace, VaultPlace

KNOWN = "KNOWN-to-the-forger-0123456789abcdefghijklmnopqrstuvwxyz-0123456789"
"""The value that a forger wants to be live."""
TIMES = ("2000-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "2026-11-28T00:00:00.000Z", "yesterday", "")
OPERATIONS = (
    "rotate", "rollback", "compromised", "sync", "retire", "retire-softly", "bring-back", "adopt", "forget", "settle",
    "frobnicate", "abort", "Rotate", "",
)  # fmt: skip
NOISE = ("", "-", "\u202e", "a" * 300, "../..", "{}", "0", "-1", "999999999999", "r-\x1b[31m", "none", "\n\n")
AWS_TAG = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-=._:/@"


class Forger:
    """One writer with one right, at the sinks of one client. `wrote` says what was done, for whoever reads a fault."""

    def __init__(self, subject: Any, random: Random, right: str) -> None:
        self.subject = subject
        self.random = random
        self.right = right
        self.wrote: list[str] = []

    def act(self) -> None:
        """Do one thing that this right allows."""
        choose = self.random.choice
        place = choose([p for p in self.subject.sinks if self.right != "labels" or isinstance(p, AwsPlace)] or [None])
        if place is None:
            return
        acts = AWS_ACTS if isinstance(place, AwsPlace) else VAULT_ACTS
        with self.subject.outside():
            choose(acts[self.right])(self, place)

    def note(self, what: str) -> None:
        self.wrote.append(what)

    def fingerprint(self, place: VaultPlace | AwsPlace) -> str:
        from sinks.secret import Secret

        values = [v for v in (*place.see().readable, KNOWN, self.subject.world.live) if v]
        return Secret(self.random.choice(values)).fingerprint(self.subject.world.client_id)

    def text(self, place: VaultPlace | AwsPlace, name: str) -> str:
        """Return a text for one of the bridge's own tags: right in its form, a neighbour's, or noise."""
        choose, world = self.random.choice, self.subject.world
        prints = " ".join(self.fingerprint(place) for _ in range(choose((1, 2, 3))))
        ids = self.versions(place)
        forms: dict[str, list[str]] = {
            "bridge_current": ids,
            "bridge_fallback": ids,
            "bridge_aside": [f"{prints.split()[0]} {' '.join(self.random.sample(ids, min(len(ids), choose((1, 2)))))}"],
            "bridge_promoted_at": [*TIMES],
            "bridge_recent": [prints],
            "bridge_companions": ["keep", "end", "were", "-"],
            "bridge_age": ["exact", "at least", "never"],
            "bridge_rotation": ["r-00000000", place.see().tags.get("bridge_rotation", "-")],
            "bridge_client_id": [world.client_id, "another"],
            "bridge_tenant": ["another.eu.auth0.com"],
            "bridge_sinks": ["vault://secret/other", "sha256:00"],
            "managed-by": ["secret-bridge", "terraform"],
            "bridge_seal": [f"1.{choose((0, 1, 99))}.{prints.split()[0]}.{'A' * 43}"],
        }
        return choose([*forms.get(name, []), *forms.get(name, []), choose(NOISE)])

    def versions(self, place: VaultPlace | AwsPlace) -> list[str]:
        if isinstance(place, AwsPlace):
            return [*place.versions(), "00000000-0000-0000-0000-000000000000"]
        latest = int(place.metadata().get("current_version", 1))
        return [str(n) for n in (*range(1, latest + 3), 0)]

    def lock(self, place: VaultPlace) -> dict[str, Any]:
        """Return a lock's document, with the value that the forger knows or none."""
        choose, world = self.random.choice, self.subject.world
        tags = {
            "state": choose(("locked", "locked", "idle", "open")),
            "bridge_lock_operation": choose(OPERATIONS),
            "bridge_lock_id": choose(("r-00000000", "r-1", "x", "r-\x07")),
            "bridge_lock_actor": choose(("mallory", "\u202egnp")),
            "bridge_lock_holder": choose(("00000000", "-")),
            "bridge_lock_started": choose(TIMES[:3]),
            "bridge_lock_expected_end": choose(TIMES),
            "bridge_lock_base": choose(("-", self.fingerprint(place))),
            "bridge_lock_ends": choose(("-", self.fingerprint(place))),
            "bridge_lock_reason": "-",
            "bridge_lock_companions": choose(("-", "keep")),
            "bridge_lock_sinks": choose((" ".join(sorted(p.uri for p in self.subject.sinks)), "vault://secret/other")),
            "bridge_lock_client_id": choose((world.client_id, world.client_id, "another")),
            "bridge_lock_tenant": self.subject.tenant,
            **{name: self.text(place, name) for name in choose(((), ("managed-by", "bridge_recent", "bridge_sinks")))},
        }
        for name in self.random.sample(sorted(tags), choose((0, 0, 1))):
            del tags[name]
        value = {place.key: KNOWN} if choose((True, True, False)) else {}
        return {"secret-bridge": tags, **value}


OURS = (
    "bridge_current", "bridge_fallback", "bridge_aside", "bridge_promoted_at", "bridge_recent", "bridge_companions",
    "bridge_age", "bridge_rotation", "bridge_client_id", "bridge_tenant", "bridge_sinks", "managed-by", "bridge_seal",
)  # fmt: skip


def _tags(forger: Forger, place: VaultPlace | AwsPlace) -> None:
    for name in forger.random.sample(OURS, forger.random.choice((1, 1, 2, 3))):
        text: str | None = forger.text(place, name)
        if forger.random.random() < 0.15:  # now and then it is removed
            text = None
        with suppress(AssertionError, Exception):
            place.tag(name, text if text is None or isinstance(place, VaultPlace) else _aws(text))
            forger.note(f"{place.uri} {name} = {text!r}")


def _aws(text: str) -> str:
    return "".join(c if c in AWS_TAG else "_" for c in text)[:256]


def _patch(place: VaultPlace, path: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"Content-Type": "application/merge-patch+json"}
    return place._http.patch(f"metadata/{path}", json=body, headers=headers)


def _old_tags(forger: Forger, place: VaultPlace | AwsPlace) -> None:
    """Write again what the tags said before, with a genuine seal."""
    old = getattr(forger.subject, "old", None)
    if old is None:
        _tags(forger, place)
        return
    for name, text in old[forger.subject.sinks.index(place)].items():
        if name.startswith("bridge") and not name.startswith("bridge_lock"):
            place.tag(name, text)
    forger.note(f"{place.uri}: its tags from before")


def _old_labels(forger: Forger, place: AwsPlace) -> None:
    """Move FALLBACK back to where it was."""
    old = getattr(forger.subject, "old_labels", None)
    if old is None:
        _label(forger, place)
        return
    where = next((v for v, s in old[forger.subject.sinks.index(place)].items() if "FALLBACK" in s), None)
    holder = next((v for v, stages in place.versions().items() if "FALLBACK" in stages), None)
    if where and where != holder:
        more = {"RemoveFromVersionId": holder} if holder else {}
        place.client.update_secret_version_stage(
            SecretId=place.name, VersionStage="FALLBACK", MoveToVersionId=where, **more
        )
        forger.note(f"{place.uri} FALLBACK -> {where}, as before")
    _old_tags(forger, place)


def _full(forger: Forger, place: VaultPlace | AwsPlace) -> None:
    """Take all the room that there is for tags."""
    if isinstance(place, AwsPlace):
        for number in range(50):
            with suppress(Exception):
                place.tag(f"junk{number}", "x")
    else:
        there = place.metadata().get("custom_metadata") or {}
        room = 64 - len(there)
        _patch(place, place.path, {"custom_metadata": {f"junk{n}": "x" for n in range(room)}})
    forger.note(f"{place.uri} is full of tags")


def _fading(forger: Forger, place: VaultPlace) -> None:
    path = forger.random.choice((place.path, f"{place.path}/pending"))
    _patch(place, path, {"delete_version_after": "1s"})
    forger.note(f"{path} delete_version_after = 1s")


def _lock_tags(forger: Forger, place: VaultPlace) -> None:
    tags = {k: v for k, v in forger.lock(place)["secret-bridge"].items() if k.startswith("bridge_lock")}
    _patch(place, f"{place.path}/pending", {"custom_metadata": {k: str(v)[:500] for k, v in tags.items()}})
    forger.note(f"{place.uri}/pending is tagged as a lock")


def _write_lock(forger: Forger, place: VaultPlace) -> None:
    path, document = f"{place.path}/pending", forger.lock(place)
    with suppress(InvalidRequest):
        place.kv.create_or_update_secret(path, document)
        forger.note(f"{path} = {json.dumps(document)}")


def _write_noise(forger: Forger, place: VaultPlace) -> None:
    path = f"{place.path}/pending"
    document = forger.random.choice(
        ({}, {"a": 1, "b": [1]}, {place.key: KNOWN}, {"secret-bridge": "x"}, {"secret-bridge": {"state": ["locked"]}},
         {"secret-bridge": {"state": "locked"}, place.key: KNOWN}, {"other team": {"c": None}}),
    )  # fmt: skip
    place.kv.create_or_update_secret(path, document)
    forger.note(f"{path} = {json.dumps(document)}")


def _replay(forger: Forger, place: VaultPlace) -> None:
    """Write an older genuine document of the lock key again."""
    path = f"{place.path}/pending"
    numbers = [*place.metadata(path).get("versions", {})]
    older = [document for n in numbers if (document := place.document(int(n), path))]
    if older:
        place.kv.create_or_update_secret(path, forger.random.choice(older))
        forger.note(f"{path}: an older document once more")


def _label(forger: Forger, place: AwsPlace) -> None:
    stage = forger.random.choice(("FALLBACK", "AWSPENDING", "AWSPENDING"))
    holders = {s: v for v, stages in place.versions().items() for s in stages}
    to = forger.random.choice([*place.versions()] or [""])
    more = {"RemoveFromVersionId": holders[stage]} if stage in holders else {}
    if stage in holders and holders[stage] == to:
        return
    with suppress(Exception):
        place.client.update_secret_version_stage(SecretId=place.name, VersionStage=stage, MoveToVersionId=to, **more)
        forger.note(f"{place.uri} {stage} -> {to}")
    if forger.random.random() < 0.5:
        own = f"BRIDGE:r-00000000:{forger.random.choice(OPERATIONS)}:{forger.fingerprint(place)}::00000000"
        with suppress(Exception):
            place.client.update_secret_version_stage(SecretId=place.name, VersionStage=own[:256], MoveToVersionId=to)
            forger.note(f"{place.uri} {own} -> {to}")


def _unlabel(forger: Forger, place: AwsPlace) -> None:
    labels = [(s, v) for v, stages in place.versions().items() for s in stages if s not in ("AWSCURRENT", "THEIRS")]
    if labels:
        stage, version = forger.random.choice(labels)
        with suppress(Exception):
            place.client.update_secret_version_stage(
                SecretId=place.name, VersionStage=stage, RemoveFromVersionId=version
            )
            forger.note(f"{place.uri} {stage} taken off {version}")


def _put(forger: Forger, place: AwsPlace) -> None:
    """Put a version with the labels of a lock, and with the value that the forger knows."""
    operation = forger.random.choice(OPERATIONS)
    own = f"BRIDGE:r-00000000:{operation}:{forger.fingerprint(place)}::00000000"
    labels = ["AWSPENDING", *([own[:256]] if forger.random.random() < 0.7 else [])]
    text = forger.random.choice((json.dumps({place.key: KNOWN}), "no JSON", '{"secret-bridge-lock": "r-0 0"}'))
    with suppress(Exception):
        place.client.put_secret_value(SecretId=place.name, SecretString=text, VersionStages=labels)
        forger.note(f"{place.uri} put {text[:40]} with {labels}")


Act = Callable[[Forger, Any], None]
VAULT_ACTS: dict[str, list[Act]] = {
    "metadata": [_tags, _tags, _tags, _old_tags, _full, _fading, _lock_tags],
    "pending": [_write_lock, _write_lock, _write_lock, _write_noise, _replay],
}
AWS_ACTS: dict[str, list[Act]] = {
    "metadata": [_tags, _tags, _old_tags, _full],
    "pending": [_put],
    "labels": [_tags, _old_labels, _label, _label, _unlabel],
}
RIGHTS = ("metadata", "pending", "labels")
