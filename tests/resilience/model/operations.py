"""The commands that an operator may give: a name and the call, one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bridge.config.settings import ClientSettings
from bridge.execution.session import Session
from bridge.execution.snapshot import read, survey
from bridge.model.operation import Strategy
from bridge.model.timing import Timing
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from bridge.operations.unproven import unproven
from bridge.planning.guards import contents, ownership
from sinks.aws.access import Access
from sinks.aws.address import parse
from sinks.aws.sink import AwsSink
from sinks.port import Sink
from sinks.vault.sink import VaultSink
from tests.resilience.model.auth0_model import CLIENT_ID, PROPAGATION, TENANT, ModelAuth0
from tests.resilience.model.aws_model import ModelApi
from tests.resilience.model.program import Program, Run
from tests.resilience.model.vault_model import LOCK_SUFFIX, ModelKv

TIMING = Timing(timedelta(seconds=PROPAGATION))
MIN_AGE = timedelta(seconds=40)
"""How old a fallback has to be before it may be retired here: more than a change takes to spread."""

REFRESH = timedelta(seconds=20)
"""How long readers of documents with sibling keys keep what they have read."""

PATHS = {"vault": "secret/app", "aws": "us-east-1/app", "vault2": "secret/zoo"}

Operate = Callable[[Session], Any]

OPERATIONS: dict[str, Operate] = {
    "rotate": lambda session: rotate(session, RotateOptions(settle=False)),
    "rotate --takeover": lambda session: rotate(session, RotateOptions(settle=False, takeover=True)),
    "rotate and settle": lambda session: rotate(session, RotateOptions()),
    "generate": lambda session: rotate(session, RotateOptions(settle=False, strategy=Strategy.AUTH0_GENERATED)),
    "first rotate": lambda session: rotate(session, RotateOptions(settle=False, adopt=True)),
    "resume": lambda session: resume(session, Options(settle=False)),
    "resume --takeover": lambda session: resume(session, Options(settle=False, takeover=True)),
    "resume --discard-foreign": lambda session: resume(session, Options(settle=False, discard_foreign=True)),
    "resume --takeover, rotate": lambda session: (
        OPERATIONS["resume --takeover"](session),
        OPERATIONS["rotate"](session),
    )[1],
    "adopt --repair, retire": lambda session: (OPERATIONS["adopt --repair"](session), OPERATIONS["retire"](session))[1],
    "resume --takeover, sync": lambda session: (OPERATIONS["resume --takeover"](session), OPERATIONS["sync"](session))[
        1
    ],
    "rollback": lambda session: rollback(session, RollbackOptions(settle=False)),
    "rollback --discard": lambda session: rollback(session, RollbackOptions(settle=False, discard=True)),
    "sync": lambda session: sync(session, SyncOptions(settle=False)),
    "rotate --compromised": lambda session: rotate(
        session, RotateOptions(settle=False, compromised=True, reason="leak")
    ),
    "sync --compromised": lambda session: sync(session, SyncOptions(settle=False, compromised=True, reason="leak")),
    "retire": lambda session: retire(session, Options(settle=False)),
    "retire at any age": lambda session: retire(_of_any_age(session), Options(settle=False)),
    "retire --soft": lambda session: retire(session, Options(settle=False), softly=True),
    "retire --undo": lambda session: bring_back(session, Options(settle=False)),
    "adopt": lambda session: adopt(session, AdoptOptions(settle=False)),
    "adopt --repair": lambda session: adopt(session, AdoptOptions(settle=False, repair=True)),
    "inspect": lambda session: _inspect(session),  # noqa: PLW0108  # it stands below
    "forget": lambda session: forget(session, Options(settle=False)),
}


def _of_any_age(session: Session) -> Session:
    """Return a job whose settings name no least age for a fallback."""
    return replace(session, settings=replace(session.settings, fallback_min_age=timedelta()))


@dataclass(frozen=True)
class Verdict:
    """What an inspection found, where an operation would have its outcome."""

    result: str


def _inspect(session: Session) -> Verdict:
    """Tell, by the product's own guards, whether the next rotation would begin; changes nothing."""
    seen = read(session)
    if held := [place for place in seen.sinks if place.lock or place.unnamed or place.foreign]:
        return Verdict(f"held: {' '.join(place.uri for place in held)}")
    if left := [place.uri for place in survey(session) if place.unsettled]:
        return Verdict(f"unsettled: {' '.join(left)}")
    found = (
        *ownership(seen.sinks, session.client_ref, adopting=False),
        *contents(seen.sinks, session.client_ref),
        *unproven(session, seen, "retire", softly=True),
    )
    return Verdict("; ".join(objection.message for objection in found) or "fit")


def program(name: str, slot: str, kinds: tuple[str, ...], switches: int = 2) -> Program:
    """Return an operator that gives a command on sinks of these kinds."""
    operate = OPERATIONS[name]

    def run(run: Run) -> str:
        result = operate(session(run, kinds))
        return "nothing" if result is None else getattr(result, "result", "done")

    return Program(slot, run, switches)


def session(run: Run, kinds: tuple[str, ...]) -> Session:
    """Return a job as the command line opens it, over the model."""
    sinks = {sink.uri: sink for sink in (_sink(run, kind, index) for index, kind in enumerate(kinds))}
    settings = ClientSettings("app", CLIENT_ID, TENANT, tuple(sinks), fallback_min_age=MIN_AGE)
    if kinds[0].endswith("*"):
        settings = replace(settings, sibling_keys=True, consumer_refresh=REFRESH)
    auth0: Any = ModelAuth0(run.ask)
    ordered = dict(sorted(sinks.items()))
    return Session(settings, auth0, ordered, clock=run, timing=TIMING, actor=run.program.slot, watcher=run)


def _sink(run: Run, kind: str, index: int) -> Sink:
    path = PATHS[kind.rstrip("*")]
    if kind.startswith("aws"):
        api: Any = ModelApi(run.ask, run.now, index, path.partition("/")[2])
        target, uri = parse(path, None), f"aws://{path}"
        return AwsSink(uri, target, Access(api, target, uri), clock=run, lease=TIMING.lease)
    kv: Any = ModelKv(run.ask, run.now, index)
    lock_path = path + LOCK_SUFFIX
    return VaultSink(f"vault://{path}", kv, path, "client_secret", lock_path=lock_path, clock=run, lease=TIMING.lease)
