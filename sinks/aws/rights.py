"""The actions that each deed needs at AWS Secrets Manager: the one table for the check and the policies. Pure.

`tests/unit/policy` compares it with the requests that are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sinks.rights import Deed

LOOK = ("DescribeSecret", "ListSecretVersionIds")
READ = (*LOOK, "GetSecretValue")
CREATE = "CreateSecret"
"""Policies list it apart. It cannot be allowed for one secret by its ARN, which does not exist yet."""
LABEL = "UpdateSecretVersionStage"
ACTIONS = (*READ, "PutSecretValue", LABEL, "TagResource", "UntagResource", CREATE)

# Nothing needs DeleteSecret or PutResourcePolicy: the bridge cannot destroy a secret or widen access to it.
NEEDED: Mapping[Deed, tuple[str, ...]] = {
    Deed.SURVEY: LOOK,
    Deed.READ: READ,
    # Reading by label needs no listing, so an application gets this one action.
    Deed.FOLLOW: ("GetSecretValue",),
    Deed.HOLD: (*READ, "PutSecretValue", LABEL, "TagResource"),
    Deed.BEGIN: (),
    Deed.FILL: (*READ, CREATE, "PutSecretValue", LABEL),
    Deed.PROMOTE: (*READ, "PutSecretValue", LABEL, "TagResource"),
    Deed.WRITE_SIBLING_KEYS: (*READ, "PutSecretValue", LABEL, "TagResource"),
    Deed.TAG: (*READ, LABEL, "TagResource"),
    Deed.NOTE: ("TagResource",),
    Deed.REMOVE_NOTE: ("UntagResource",),
    Deed.RETIRE: (*READ, LABEL, "TagResource"),
    Deed.RETIRE_SOFTLY: (*READ, LABEL, "TagResource"),
    Deed.BRING_BACK: (*READ, LABEL, "TagResource"),
    Deed.FORGET: (*LOOK, LABEL, "UntagResource"),
}


def needed(deeds: Iterable[Deed]) -> tuple[str, ...]:
    """Return the actions that several deeds need together.

    They come in a fixed order, so that a policy's text is always the same.
    """
    found = {action for deed in deeds for action in NEEDED[deed]}
    return tuple(action for action in ACTIONS if action in found)
