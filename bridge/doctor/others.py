"""Who else says that a place is theirs, by its tags. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sinks.record import MANAGED_BY, MANAGER

CLAIMS = frozenset({"managedby", "provisionedby", "provisioner", "createdby"})
"""Tags whose value names a manager, whatever stands between their words."""
WORDS = {
    "terraform": "Terraform", "opentofu": "OpenTofu", "external-secrets": "External Secrets", "pulumi": "Pulumi",
    "crossplane": "Crossplane", "ansible": "Ansible", "secretsync": "a secret sync", "cloudformation": "CloudFormation",
}  # fmt: skip
STACK = "aws:cloudformation:"
LOUD = 60  # characters of a tag's value that are shown


def managers(tags: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Yield each tag that names another manager, whom it names, and whether the bridge refuses the place for it.

    `managed-by` is what the bridge itself, External Secrets and others write to claim a place; the others say who made
    it, which may be all that they do.
    """
    stack = False
    for tag, value in tags.items():
        if tag == MANAGED_BY:
            if value != MANAGER:
                yield tag, WORDS.get(value.lower(), value[:LOUD]), True
        elif tag.startswith(STACK):
            if not stack:
                yield tag, f"CloudFormation (stack {tags.get(f'{STACK}stack-name', '?')})", True
            stack = True
        elif named := _named(tag, value):
            yield tag, named, False


def _named(tag: str, value: str) -> str | None:
    plain = re.sub(r"[^a-z]", "", tag.lower())
    if plain in CLAIMS:
        return next((named for word, named in WORDS.items() if word in value.lower()), None)
    found = next((named for word, named in WORDS.items() if word in tag.lower()), None)
    return None if value.lower() in ("false", "no", "0") else found
