"""An operation's steps in their order, and what the user and the configuration ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bridge.model.operation import Operation, Strategy
from bridge.model.steps import Step
from sinks.companions import Companions
from sinks.port import Lock


@dataclass(frozen=True)
class Plan:
    """An operation's steps in their order. `notes` are what the user should know before agreeing to them.

    `says` is what the lock says that is settled: anybody may have written it who may write there.
    """

    operation: Operation
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    says: Lock | None = None
    irreversible: str | None = None


@dataclass(frozen=True)
class Wish:
    """What the user and the configuration ask of an operation.

    `over`: it takes places whatever holds them. `ends`: it makes values unreadable at its end, and with `kill` the one
    among them that is current when it begins: that value becomes no fallback, and goes only when Auth0 has refused it
    for long enough. `companions`: what becomes of them. `without_base`: no value becomes the fallback.
    """

    strategy: Strategy = Strategy.STAGED
    refresh: timedelta = timedelta()
    fence: timedelta = timedelta()
    without_fallback: bool = False
    settle: bool = True
    hook: tuple[str, ...] = ()
    keep_limit: bool = False
    ends: bool = False
    kill: bool = False
    companions: str = Companions.NONE
    without_base: bool = False
    over: bool = False
