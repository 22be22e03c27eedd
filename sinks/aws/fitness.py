"""Decides what makes a secret unfit to be managed: its settings, and what it has no room for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sinks.aws.errors import deleted
from sinks.aws.listing import FALLBACK
from sinks.aws.state import CHAIN_TAG, CURRENT_TAG, FALLBACK_TAG, FROM_TAG
from sinks.errors import Refused
from sinks.record import LOCK_FIELDS, LOCK_PREFIX, OPERATION_NOTES, OWN_PREFIX, SIBLING_KEYS_TAG, note_tags, stamp
from sinks.seal import COVERED, SEAL_TAG

if TYPE_CHECKING:
    from sinks.aws.listing import Listing
    from sinks.aws.responses import Described

TAG_LIMIT, LABEL_LIMIT = 50, 20
"""Tags of one secret, and labels of one version, at most (AWS's quotas). Tags of AWS itself do not count."""
SYSTEM = "aws:"
"""The prefix of AWS's own tags."""
NOTES = frozenset(note_tags(dict.fromkeys(OPERATION_NOTES)))
"""The tags that an operation writes beside its record."""
OURS = frozenset({
    *COVERED, SEAL_TAG, SIBLING_KEYS_TAG, CURRENT_TAG, FALLBACK_TAG, CHAIN_TAG, FROM_TAG,
    *(f"{LOCK_PREFIX}{name}" for name in LOCK_FIELDS),
})  # fmt: skip
"""The tags that a secret can get from its operations. `tests/unit/sinks/aws` compares it with what is written."""
AUTH0_TYPE = "Auth0OAuthClientSecret"
"""The type of the secrets in which AWS itself rotates an Auth0 application's client secret."""
EXTERNAL = "is a managed external secret (Type {type}): AWS rotates it at {partner}, and decides over its keys"
ORDINARY = "put its JSON into an ordinary secret of another name, and name that"


def refusal(uri: str, region: str, name: str, described: Described, listing: Listing) -> Refused | None:
    """Return why a sink must not be managed as it is, or None.

    The reasons are another secret's answer, a scheduled deletion, AWS's own rotation, a replica, replicas that are not
    in sync, and labels that contradict each other.
    """
    if not described.exists:
        return None
    if described.name != name:
        return Refused(f"{uri} is answered by the secret '{described.name}'", "write its full name or full ARN")
    if described.deleted:
        return deleted(uri, f" at {stamp(described.deleted)}")
    found = next(_managed_elsewhere(uri, region, name, described), None)
    if found is None and (label := listing.doubled()):
        return Refused(
            f"the versions of {uri} contradict each other: {label} stands twice or nowhere", "repair its labels"
        )
    return found


def _managed_elsewhere(uri: str, region: str, name: str, described: Described) -> Iterator[Refused]:
    if described.type:
        yield Refused(f"{uri} {external(described.type)}", moving(described.type, name, rotates=described.rotates))
    if described.rotates:
        yield Refused(
            f"{uri} is rotated by AWS itself (RotationEnabled): two rotations would undo each other",
            f"aws secretsmanager cancel-rotate-secret --secret-id {name}",
        )
    if described.primary_region not in (None, region):
        yield Refused(
            f"{uri} is a replica of the secret in {described.primary_region} (PrimaryRegion) and cannot be written to",
            f"use aws://{described.primary_region}/{name}",
        )
    if described.primary_arn:
        yield Refused(
            f"{uri} is a replica of {described.primary_arn} in another account (CrossAccountPrimary) and cannot be"
            " written to",
            f"use aws://{described.primary_arn}",
        )
    for where, status in described.replicas:
        if status != "InSync":
            yield Refused(
                f"the replica of {uri} in {where} is not in sync (ReplicationStatus is {status})",
                "wait until it is, or repair it: aws secretsmanager describe-secret shows why",
            )


def external(kind: str) -> str:
    """Describe a managed external secret, as the end of a sentence."""
    return EXTERNAL.format(type=kind, partner="Auth0" if kind == AUTH0_TYPE else "that partner")


def moving(kind: str, name: str, *, rotates: bool) -> str:
    """Return how to move from AWS's own rotation to the bridge's."""
    first = f"aws secretsmanager cancel-rotate-secret --secret-id {name}, then " if rotates else ""
    key = " with #clientSecret" if kind == AUTH0_TYPE else ""
    return f"{first}{ORDINARY}{key}"


def crowded(uri: str, tags: Mapping[str, str], *, noting: bool = True) -> Refused | None:
    """Return why a secret has no room for the tags of an operation, or None. `noting`: it leaves notes, too."""
    ours = {tag for tag in tags if tag.startswith(OWN_PREFIX)} | OURS | (NOTES if noting else set())
    own = [tag for tag in tags if tag not in ours and not tag.startswith(SYSTEM)]
    over = len(own) + len(ours) - TAG_LIMIT
    if over <= 0:
        return None
    return Refused(
        f"{uri} has {len(own)} tags of its own; AWS takes {TAG_LIMIT}, and secret-bridge needs up to {len(ours)}",
        f"remove {over} of its own tags",
    )


def labelled_full(uri: str, listing: Listing) -> Refused | None:
    """Return why the current version has no room for the label that makes it the fallback, or None."""
    current = listing.get(listing.current)
    if current is None or len({*current.stages, FALLBACK}) <= LABEL_LIMIT:
        return None
    return Refused(
        f"version {current.id} of {uri} has {len(current.stages)} labels; AWS takes {LABEL_LIMIT}, and secret-bridge"
        f" needs one for {FALLBACK}",
        "remove one: aws secretsmanager update-secret-version-stage --remove-from-version-id",
    )
