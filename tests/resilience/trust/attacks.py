"""What the single attacks are made of: a quiet client, what others may write, and what must be so afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sinks.secret import Secret
from tests.resilience.deaths.bench import Subject
from tests.resilience.trust.forging import KNOWN

PAST, FUTURE = "2000-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"
ROTATE = ("rotate", "--no-wait")


def quiet(subject: Subject, scene: Callable[[Any], None]) -> None:
    """Set a scene, and let everything spread."""
    scene(subject)
    subject.spread()
    subject.rest()


def lock(subject: Subject, says: str, value: str | None, **more: str) -> dict[str, Any]:
    """Return a lock's document as somebody may write it who knows the form."""
    uris = " ".join(sorted(place.uri for place in subject.sinks))
    tenant = subject.see()[0].tags["bridge_tenant"]
    tags = {
        "operation": says, "id": "r-00000000", "actor": "mallory", "holder": "00000000", "started": PAST,
        "expected_end": PAST, "base": "-", "ends": "-", "reason": "-", "companions": "-", "sinks": uris,
        "client_id": subject.world.client_id, "tenant": tenant, **more,
    }  # fmt: skip
    said = {"state": "locked", **{f"bridge_lock_{name}": text for name, text in tags.items()}}
    return {"secret-bridge": said, **({} if value is None else {"client_secret": value})}


def put(subject: Subject, document: dict[str, Any]) -> None:
    """Write the lock key, as somebody may who may write nothing else."""
    place = subject.world.vault
    with subject.outside():
        place.kv.create_or_update_secret(f"{place.path}/pending", document)


def tag(subject: Subject, **tags: str | None) -> None:
    """Patch the document's metadata, as somebody may who may do nothing else."""
    with subject.outside():
        for name, text in tags.items():
            subject.world.vault.tag(name, text)


def given(subject: Subject) -> list[str]:
    """Return every value that Auth0 was ever given."""
    return [change.value for change in subject.world.tenant.secret_history(subject.world.client_id)]


def assert_sound(subject: Subject) -> None:
    """Every sink holds what Auth0 accepts, and nobody else's value was ever set there."""
    assert [place.current for place in subject.see()] == [subject.world.live] * len(subject.sinks)
    assert KNOWN not in given(subject)


def fingerprint(subject: Subject, value: str) -> str:
    """Return the value's fingerprint, as tags have it."""
    return Secret(value).fingerprint(subject.world.client_id)
