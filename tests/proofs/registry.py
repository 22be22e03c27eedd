"""The proofs there are: the command of each, and the modules that it exercises."""

from __future__ import annotations

from dataclasses import dataclass

CORE = (
    "bridge.adopt", "bridge.auth0.api", "bridge.resume", "bridge.retire", "bridge.rollback", "bridge.rotate",
    "bridge.sync", "bridge.verify", "sinks.vault.sink", "sinks.aws.sink",
)  # fmt: skip
"""The operations and both sinks; what they import comes with them."""


@dataclass(frozen=True)
class Proof:
    """A proof that takes longer than a test may. `roots` are modules; `about` is its claim, for the docs."""

    command: str
    roots: tuple[str, ...]
    about: str


PROOFS: dict[str, Proof] = {
    "deaths": Proof(
        "python -m tests.deaths",
        (*CORE, "tests.deaths.__main__"),
        "killed, frozen or delayed in any server state, and finished in any way, also by one that dies: in one process",
    ),
}
