"""Policies for Vault and OpenBao, in HCL. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sinks.errors import BadAddress
from sinks.rights import Block, Deed, Role
from sinks.vault.address import Target
from sinks.vault.rights import LEAST, TOGETHER, mount_of, needed
from sinks.vault.settings import Settings

Deeds = frozenset[Deed]

REFERENCE = frozenset({Deed.READ})
"""What resolving a reference needs at a sink."""
SETTINGS = "optional: the mount's limits are checked"
"""The comment behind a rule that commands can do without."""
LISTING = "optional, OpenBao only: many documents are looked at together, and everything in the folder can be"
"""The comment behind a rule that is printed as a comment: HashiCorp's Vault refuses a policy with its capabilities."""
WHY: tuple[Mapping[str, tuple[str, str]], Mapping[str, tuple[str, str]]] = (
    {
        "data": ("read the values", "publish"),
        "metadata": ("ages, versions and tags", "write tags"),
        "destroy": ("", "end what is retired"),
        "delete": ("", "retire --soft"),
        "undelete": ("", "retire --undo"),
    },
    {
        "data": ("the next value and the lock", "store it, and hold the sink"),
        "metadata": ("whether an operation is under way", "its tags, and how many versions it keeps"),
        "destroy": ("", "end values that the lock has held"),
    },
)
"""What each endpoint is needed for, of the document and of its lock key: to read, and to change."""
WILD = re.compile(r'\*|(?:^|/)\+(?:/|$)|\{\{|\$\{|["\\\x00-\x1f\x7f]')
"""What a policy would not take literally in a path, or cannot hold there."""


@dataclass(frozen=True)
class Document:
    """A document below its mount, the name of its lock key, and the deeds that are asked of it."""

    mount: str
    name: str
    lock: str
    asked: Deeds


@dataclass(frozen=True)
class Rule:
    """One line of a policy: the capabilities at one of KV's endpoints, for one name below a mount."""

    mount: str
    endpoint: str
    name: str
    capabilities: tuple[str, ...]
    why: str

    @property
    def path(self) -> str:
        """The path as requests name it.

        Policies speak of API paths, in which KV's endpoint follows the mount.
        """
        return f"{self.mount}/{self.endpoint}/{self.name}"


def policy(name: str, settings: Settings, asked: Mapping[Target, Deeds], role: Role, mounts: tuple[str, ...]) -> Block:
    """Return what a role needs for the given sinks in one Vault. `asked` holds the deeds for each sink.

    Raises:
        BadAddress: a policy cannot name one of the paths.
    """
    documents = _documents(asked, settings.pending_suffix, mounts)
    space = f", namespace {settings.namespace} (write it there)" if settings.namespace else ""
    told = [f"{name}: Vault at {settings.url}{space}; role {role}", _mounts(documents)]
    if any(Deed.HOLD in document.asked for document in documents):
        told.append("the token keeps Vault's policy 'default' (sys/capabilities-self)")
    lines = [*_lines(_rules(documents), settings=role is not Role.APPLICATION)]
    if role is not Role.APPLICATION:
        lines += _listings(documents)
    return _block(name, documents, told, lines)


def credentials(targets: Iterable[Target], mounts: tuple[str, ...]) -> Block:
    """Return what reading references needs, in the Vault that the environment names.

    Raises:
        BadAddress: a policy cannot name one of the paths.
    """
    documents = _documents(dict.fromkeys(targets, REFERENCE), Settings.pending_suffix, mounts)
    told = ["vault: the Vault at VAULT_ADDR; the bridge's own credentials, to which the configuration refers"]
    return _block("vault", documents, [*told, _mounts(documents)], _lines(_rules(documents)))


def _documents(asked: Mapping[Target, Deeds], suffix: str, mounts: tuple[str, ...]) -> tuple[Document, ...]:
    """Return the documents of sinks. Several sinks may be keys of one document.

    Raises:
        BadAddress: a path holds something that a policy would not take literally.
    """
    found = []
    # Several sinks may be keys of one document. A policy has one block for a path.
    by_path: dict[str, Deeds] = {}
    for target, deeds in asked.items():
        by_path[target.path] = by_path.get(target.path, frozenset()) | deeds
    for path, deeds in by_path.items():
        # A wildcard in a path would open the documents of other clients, too. HCL has no escape for it.
        if wild := WILD.search(path + suffix):
            raise BadAddress(
                f"{path}{suffix}: found {wild.group()!r}, expected a path that a Vault policy takes literally",
                hint="name other clients here, and write this one's policy by hand",
            )
        mount = mount_of(path, mounts)
        name = path[len(mount) + 1 :]
        found.append(Document(mount, name, name + suffix, deeds))
    return tuple(found)


def _rules(documents: Iterable[Document]) -> list[Rule]:
    return [
        Rule(document.mount, endpoint, name, capabilities, _why(reasons[endpoint], capabilities))
        for document in documents
        for name, rights, reasons in zip((document.name, document.lock), needed(document.asked), WHY, strict=True)
        for endpoint, capabilities in rights.items()
    ]


def _why(reasons: tuple[str, str], capabilities: tuple[str, ...]) -> str:
    reads, changes = "read" in capabilities, set(capabilities) - {"read"}
    return "; ".join(reason for reason, asked in zip(reasons, (reads, changes), strict=True) if asked and reason)


def _mounts(documents: Iterable[Document]) -> str:
    # Only a person can check this guess: without a request nothing tells where a mount's name ends.
    mounts = ", ".join(dict.fromkeys(document.mount for document in documents))
    return f"mounts: {mounts}; one with a slash in its name has to be told: --mount"


def _block(name: str, documents: Iterable[Document], told: Iterable[str], lines: Iterable[str]) -> Block:
    text, mounts = "\n".join(lines), tuple(dict.fromkeys(document.mount for document in documents))
    return Block(name, "hcl", tuple(told), text, text, mounts=mounts)


def _lines(rules: list[Rule], *, settings: bool = False) -> Iterator[str]:
    """Yield the lines of a policy. With `settings`, its role may read the mounts' settings too."""
    width = max(len(rule.path) for rule in rules) + 2
    for rule in rules:
        yield f"{_line(rule.path, rule.capabilities, width)}  # {rule.why}"
    for mount in dict.fromkeys(rule.mount for rule in rules if settings):
        yield f"{_line(f'{mount}/config', ('read',), width)}  # {SETTINGS}"


def _listings(documents: Iterable[Document]) -> Iterator[str]:
    """Yield a comment for each folder that has enough documents to be listed."""
    folders = Counter((each.mount, "".join(each.name.rpartition("/")[:2])) for each in documents)
    for (mount, folder), count in folders.items():
        if count >= LEAST:
            yield f"# {_line(f'{mount}/detailed-metadata/{folder}', TOGETHER, 0)}  # {LISTING}"


def _line(path: str, capabilities: tuple[str, ...], width: int) -> str:
    quoted, listed = f'"{path}"', ", ".join(f'"{each}"' for each in capabilities)
    return f"path {quoted:<{width}} {{ capabilities = [{listed}] }}"
