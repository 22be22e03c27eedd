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
    """A proof that takes longer than a test may. `about` is its claim, for the docs.

    `roots` are the modules that it exercises; `without` are packages that they import and that prove nothing.
    """

    command: str
    roots: tuple[str, ...]
    about: str
    without: tuple[str, ...] = ("bridge.cli", "bridge.config", "tests.proofs")


PROOFS: dict[str, Proof] = {
    "deaths": Proof(
        "python -m tests.deaths",
        (*CORE, "tests.deaths.bench", "tests.deaths.play"),
        "killed, frozen or delayed in any server state, and finished in any way, also by one that dies: in one process",
    ),
    "model": Proof(
        "python -m tests.model",
        (*CORE, "tests.model.search", "tests.model.scenarios"),
        "every interleaving of operators, sleepers and strangers, with a crash between any two calls, on model servers",
    ),
    "random": Proof(
        "python -m tests.random",
        (*CORE, "tests.random.machine", "tests.random.servers"),
        "random commands, deaths, faults and foreign writes, one after the other, on real servers",
    ),
    "kill": Proof(
        "python -m tests.kill",
        (*CORE, "tests.deaths.play", "tests.kill.bench"),
        "the same cases by real processes, killed and stopped by real signals, on real servers over real connections",
    ),
}
