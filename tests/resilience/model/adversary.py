"""Whoever has one right too many: what they write among tags, labels and at the lock key, one atomic step each.

Four of them: who patches metadata, who writes the lock key and reads nothing, who has also read the current value, and
who moves AWS's labels. What they want is to have a value set that they know, or an old one, or the live one gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from sinks.aws.listing import own_label
from sinks.record import Lock
from sinks.seal import NOTHING, Where
from sinks.secret import Secret
from sinks.vault.state import idle_document, lock_document
from tests.resilience.model.auth0_model import CLIENT_ID, TENANT
from tests.resilience.model.aws_model import give, holder
from tests.resilience.model.seeing import shown
from tests.resilience.model.world import BASE, VALUE_KEY, AwsPlace, Key, Labelled, VaultPlace, World, with_place

KNOWN = "KNOWN"
"""The value that they know, and want to be live."""
MINE = "forged-"
"""How the versions are named that they put in AWS."""
URIS = {"vault": "vault://secret/app", "aws": "aws://us-east-1/app"}

METADATA = ("tag:fallback", "tag:aside", "tag:unsealed", "tag:sealed", "tag:before")
PENDING = ("lock:rotate", "lock:retire", "lock:idle", "lock:text")
READERS = ("lock:rotate", "lock:sealed")
LABELS = ("label:fallback", "label:pending", "tag:sealed", "tag:before")
RIGHTS = {"metadata": METADATA, "writer": PENDING, "ex-reader": READERS, "labels": LABELS}
"""What each of them may do, one thing at a time."""


def _tags(world: World, index: int, changes: dict[str, str | None]) -> World:
    place = world.sinks[index]
    key = place if isinstance(place, AwsPlace) else place.main or Key(0, ())
    tags = {**dict(key.tags), **changes}
    kept = tuple(sorted((name, text) for name, text in tags.items() if text is not None))
    if isinstance(place, AwsPlace):
        return with_place(world, index, place._replace(tags=kept, changed=world.clock))
    return with_place(world, index, place._replace(main=place.main and place.main._replace(tags=kept)))


def _oldest(place: VaultPlace | AwsPlace) -> str | None:
    """Return the oldest version that can be read, and is not current."""
    if isinstance(place, AwsPlace):
        current = holder(place, "AWSCURRENT")
        return next((v.id for v in place.versions if v != current and VALUE_KEY in json.loads(v.text)), None)
    main = place.main or Key(0, ())
    return next((str(n) for n, _, text in main.versions if text is not None and n < main.current), None)


def _fallback(world: World, index: int) -> World | None:
    oldest = _oldest(world.sinks[index])
    return _tags(world, index, {"bridge_fallback": oldest}) if oldest else None


def _soft_deleted(world: World, index: int) -> World | None:
    """Name the version that will be current next, so that it is ended."""
    place = world.sinks[index]
    if isinstance(place, AwsPlace):
        return None
    latest = place.main.current if place.main else 0
    return _tags(world, index, {"bridge_aside": f"0123456789abcdef {latest} {latest + 1}"})


def _unsealed(world: World, index: int) -> World | None:
    return _tags(world, index, {"bridge_seal": None})


def _resealed(world: World, index: int) -> World | None:
    """Write a seal, without the value that makes it hold, which names the oldest value that can be read."""
    oldest, place = _oldest(world.sinks[index]), world.sinks[index]
    if oldest is None:
        return None
    texts = place.versions if isinstance(place, AwsPlace) else (place.main or Key(0, ())).versions
    text = next(v.text if isinstance(v, Labelled) else v[2] for v in texts if oldest in (str(v[0]),))
    old = Secret(json.loads(str(text))[VALUE_KEY]).fingerprint(CLIENT_ID)
    after = _tags(world, index, {"bridge_seal": f"1.9.{old}.{'A' * 43}", "bridge_fallback": oldest})
    return _label(after, index, "FALLBACK") if isinstance(place, AwsPlace) else after


def _before(world: World, index: int) -> World | None:
    """Write again what the tags said earlier, and pin the fallback of that time."""
    if not world.before:
        return None
    told = {name: text for name, text in world.before[index] if not name.startswith("bridge_lock")}
    after = _tags(world, index, dict[str, str | None](told))
    place, wanted = after.sinks[index], told.get("bridge_fallback")
    if isinstance(place, AwsPlace) and wanted in [version.id for version in place.versions]:
        after = with_place(after, index, give(place, "FALLBACK", wanted, world.clock))
    return after


def _written(world: World, index: int, document: str) -> World | None:
    """Write the lock key; in AWS put a version with the labels of a lock."""
    place = world.sinks[index]
    if isinstance(place, AwsPlace):
        return None
    lock = place.lock or Key(0, ())
    number = lock.current + 1
    versions = (*lock.versions, (number, world.clock, document))[-lock.limit :]
    return with_place(world, index, place._replace(lock=lock._replace(current=number, versions=versions)))


def _lock(world: World, operation: str) -> Lock:
    """Return a lock of theirs that counts as dead."""
    kinds = sorted(URIS["aws" if isinstance(p, AwsPlace) else "vault"] for p in world.sinks)
    end = BASE + timedelta(seconds=1)
    return Lock(operation, "r-00000000", "mallory", BASE, end, CLIENT_ID, TENANT, tuple(kinds), holder="00000000")


def _rotating(world: World, index: int) -> World | None:
    place, lock = world.sinks[index], _lock(world, "rotate")
    if isinstance(place, AwsPlace):
        label = own_label(lock.id, lock)
        number = sum(v.id.startswith(MINE) for v in place.versions)
        version = Labelled(f"{MINE}{number}", world.clock, json.dumps({VALUE_KEY: KNOWN}), (label,))
        taken = give(place._replace(versions=(*place.versions, version)), "AWSPENDING", version.id, world.clock)
        return with_place(world, index, taken)
    document = lock_document(lock, VALUE_KEY, Secret(KNOWN), NOTHING)
    return _written(world, index, json.dumps(json.loads(document.reveal_text()), sort_keys=True))


def _retiring(world: World, index: int) -> World | None:
    document = lock_document(_lock(world, "retire"), VALUE_KEY, None, NOTHING)
    return _written(world, index, json.dumps(json.loads(document.reveal_text()), sort_keys=True))


def _idle(world: World, index: int) -> World | None:
    document = idle_document(_lock(world, "rotate"), "done", NOTHING)
    return _written(world, index, json.dumps(json.loads(document.reveal_text()), sort_keys=True))


def _text(world: World, index: int) -> World | None:
    return _written(world, index, json.dumps({"another team": "x"}))


def _sealed(world: World, index: int) -> World | None:
    """Write an idle record whose seal holds, and names the oldest value that can be read."""
    place = world.sinks[index]
    if isinstance(place, AwsPlace) or place.main is None or place.lock is None:
        return None
    current, oldest = shown(place).current, _oldest(place)
    text = next((t for n, _, t in place.main.versions if oldest and n == int(oldest)), None)
    if current is None or text is None:
        return None
    old = Secret(json.loads(text)[VALUE_KEY]).fingerprint(CLIENT_ID)
    own = NOTHING.changed(
        dict[str, str | None](place.main.tags), Where(URIS["vault"], VALUE_KEY), Secret(current),
        place.lock.current + 1, old,
    )  # fmt: skip
    document = idle_document(_lock(world, "rotate"), "done", own)
    return _written(world, index, json.dumps(json.loads(document.reveal_text()), sort_keys=True))


def _label(world: World, index: int, label: str) -> World | None:
    place = world.sinks[index]
    oldest = _oldest(place)
    if not isinstance(place, AwsPlace) or oldest is None:
        return None
    return with_place(world, index, give(place, label, oldest, world.clock))


def _pending_label(world: World, index: int) -> World | None:
    """Put AWSPENDING, and the label of a lock, on an old version."""
    after = _label(world, index, "AWSPENDING")
    lock = _lock(world, "rollback")
    return after and _label(after, index, own_label(lock.id, lock))


ACTS: dict[str, Callable[[World, int], World | None]] = {
    "tag:fallback": _fallback, "tag:aside": _soft_deleted, "tag:unsealed": _unsealed,
    "tag:sealed": _resealed, "tag:before": _before,
    "lock:rotate": _rotating, "lock:retire": _retiring, "lock:idle": _idle, "lock:text": _text, "lock:sealed": _sealed,
    "label:fallback": lambda world, index: _label(world, index, "FALLBACK"), "label:pending": _pending_label,
}  # fmt: skip
