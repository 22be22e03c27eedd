"""Recognises other tools that claim a sink, by its tags. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sinks.record import MANAGED_BY, MANAGER

CLAIMS = frozenset({"managedby", "provisionedby", "provisioner", "createdby"})
"""Tags whose value names a manager. Case and separators are ignored in a tag's name."""
WORDS = {
    "terraform": "Terraform", "opentofu": "OpenTofu", "external-secrets": "External Secrets", "pulumi": "Pulumi",
    "crossplane": "Crossplane", "ansible": "Ansible", "secretsync": "a secret sync", "cloudformation": "CloudFormation",
}  # fmt: skip
"""How each manager is named in a finding, by a word that its tags contain."""
STACK = "aws:cloudformation:"
"""The prefix of the tags that CloudFormation writes."""
LOUD = 60  # characters of a tag's value that are shown, at most


def managers(tags: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Yield each tag that names another manager, the manager, and whether the bridge refuses the sink because of it.

    `managed-by` is the tag with which the bridge, External Secrets and others claim a sink, so a foreign value there
    is refused. The other tags say which tool created the sink, which may have nothing more to do with it.
    """
    stack = False
    for tag, value in tags.items():
        if tag == MANAGED_BY:
            if value != MANAGER:
                yield tag, WORDS.get(value.lower(), value[:LOUD]), True
        elif tag.startswith(STACK):
            if not stack:  # CloudFormation writes several tags, and one finding is enough
                yield tag, f"CloudFormation (stack {tags.get(f'{STACK}stack-name', '?')})", True
            stack = True
        elif named := _named(tag, value):
            yield tag, named, False


def _named(tag: str, value: str) -> str | None:
    plain = re.sub(r"[^a-z]", "", tag.lower())
    if plain in CLAIMS:
        return next((named for word, named in WORDS.items() if word in value.lower()), None)
    found = next((named for word, named in WORDS.items() if word in tag.lower()), None)
    # A tag such as `terraform: false` says that the tool does not manage the sink.
    return None if value.lower() in ("false", "no", "0") else found
