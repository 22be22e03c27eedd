"""The capabilities that each deed needs at Vault: the one table for the check and the policies. Pure.

`tests/unit/policy` compares it with the requests that are made to a real server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sinks.rights import Deed

Rights = Mapping[str, tuple[str, ...]]
"""Capabilities by KV's endpoint: {"data": ("read",)}."""

ENDPOINTS = ("data", "metadata", "destroy", "delete", "undelete")
CAPABILITIES = ("create", "read", "update", "patch")
TOGETHER = ("list", "scan")
"""What listing a folder with its metadata needs at OpenBao. No deed needs it: without it, keys are read one by one."""
LEAST = 10
"""How many of our documents a folder must have to be listed."""

# Tags need `patch` and never `update`: a POST to metadata would replace the tags of others. Nothing needs `delete` on
# the lock key, because it is never deleted.
NEEDED: Mapping[Deed, tuple[Rights, Rights]] = {
    Deed.SURVEY: ({"metadata": ("read",)}, {"metadata": ("read",)}),
    Deed.READ: ({"data": ("read",), "metadata": ("read",)}, {"data": ("read",)}),
    Deed.FOLLOW: ({"data": ("read",)}, {"data": ("read",)}),
    Deed.HOLD: ({}, {"data": ("read", "update"), "metadata": ("patch",), "destroy": ("update",)}),
    Deed.BEGIN: ({}, {"data": ("create",)}),  # created once, because the lock key is never deleted
    Deed.FILL: ({"data": ("create", "read"), "metadata": ("read", "patch")}, {}),
    Deed.PROMOTE: ({"data": ("read", "update"), "metadata": ("read", "patch")}, {}),
    Deed.WRITE_SIBLING_KEYS: ({"data": ("read", "update"), "metadata": ("patch",)}, {}),
    Deed.TAG: ({"data": ("read",), "metadata": ("read", "patch")}, {}),
    Deed.NOTE: ({"metadata": ("patch",)}, {}),
    Deed.REMOVE_NOTE: ({"metadata": ("patch",)}, {}),
    Deed.RETIRE: ({"data": ("read",), "metadata": ("read", "patch"), "destroy": ("update",)}, {}),
    Deed.RETIRE_SOFTLY: ({"data": ("read",), "metadata": ("read", "patch"), "delete": ("update",)}, {}),
    Deed.BRING_BACK: ({"metadata": ("read", "patch"), "undelete": ("update",)}, {}),
    Deed.FORGET: ({"metadata": ("read", "patch")}, {}),
}
"""The rights on the document, and the rights on its lock key."""


def needed(deeds: Iterable[Deed]) -> tuple[Rights, Rights]:
    """Return what several deeds need together: on the document, and on its lock key.

    Endpoints and capabilities come in a fixed order, so that a policy's text is always the same.
    """
    tables = [NEEDED[deed] for deed in deeds]
    return _together(table[0] for table in tables), _together(table[1] for table in tables)


def _together(several: Iterable[Rights]) -> Rights:
    found: dict[str, set[str]] = {}
    for rights in several:
        for endpoint, capabilities in rights.items():
            found.setdefault(endpoint, set()).update(capabilities)
    return {each: tuple(c for c in CAPABILITIES if c in found[each]) for each in ENDPOINTS if each in found}


def mount_of(path: str, mounts: Iterable[str]) -> str:
    """Return the mount of a path: the longest of `mounts` that is a prefix, else the path's first part.

    A mount's name may contain slashes, so the first part alone may be wrong.
    """
    return max((m for m in mounts if path.startswith(f"{m}/")), key=len, default=path.partition("/")[0])
