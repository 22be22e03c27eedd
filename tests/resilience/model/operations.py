"""The commands that an operator may give: a name and the call, one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bridge.config.settings import ClientSettings
from bridge.execution.session import Job
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
"""How long readers of documents with companions keep what they have read."""

PATHS = {"vault": "secret/app", "aws": "us-east-1/app", "vault2": "secret/zoo"}

Operate = Callable[[Job], Any]

OPERATIONS: dict[str, Operate] = {
    "rotate": lambda job: rotate(job, RotateOptions(settle=False)),
    "rotate --takeover": lambda job: rotate(job, RotateOptions(settle=False, takeover=True)),
    "rotate and settle": lambda job: rotate(job, RotateOptions()),
    "generate": lambda job: rotate(job, RotateOptions(settle=False, strategy=Strategy.AUTH0_GENERATED)),
    "first rotate": lambda job: rotate(job, RotateOptions(settle=False, adopt=True)),
    "resume": lambda job: resume(job, Options(settle=False)),
    "resume --takeover": lambda job: resume(job, Options(settle=False, takeover=True)),
    "resume --discard-foreign": lambda job: resume(job, Options(settle=False, discard_foreign=True)),
    "resume --takeover, rotate": lambda job: (OPERATIONS["resume --takeover"](job), OPERATIONS["rotate"](job))[1],
    "adopt --repair, retire": lambda job: (OPERATIONS["adopt --repair"](job), OPERATIONS["retire"](job))[1],
    "resume --takeover, sync": lambda job: (OPERATIONS["resume --takeover"](job), OPERATIONS["sync"](job))[1],
    "rollback": lambda job: rollback(job, RollbackOptions(settle=False)),
    "rollback --discard": lambda job: rollback(job, RollbackOptions(settle=False, discard=True)),
    "sync": lambda job: sync(job, SyncOptions(settle=False)),
    "rotate --compromised": lambda job: rotate(job, RotateOptions(settle=False, compromised=True, reason="leak")),
    "sync --compromised": lambda job: sync(job, SyncOptions(settle=False, compromised=True, reason="leak")),
    "retire": lambda job: retire(job, Options(settle=False)),
    "retire at any age": lambda job: retire(_of_any_age(job), Options(settle=False)),
    "retire --soft": lambda job: retire(job, Options(settle=False), softly=True),
    "retire --undo": lambda job: bring_back(job, Options(settle=False)),
    "adopt": lambda job: adopt(job, AdoptOptions(settle=False)),
    "adopt --repair": lambda job: adopt(job, AdoptOptions(settle=False, repair=True)),
    "inspect": lambda job: _inspect(job),  # noqa: PLW0108  # it stands below
    "forget": lambda job: forget(job, Options(settle=False)),
}


def _of_any_age(job: Job) -> Job:
    """Return a job whose settings name no least age for a fallback."""
    return replace(job, settings=replace(job.settings, fallback_min_age=timedelta()))


@dataclass(frozen=True)
class Verdict:
    """What an inspection found, where an operation would have its outcome."""

    result: str


def _inspect(job: Job) -> Verdict:
    """Tell, by the product's own guards, whether the next rotation would begin; changes nothing."""
    seen = read(job)
    if held := [place for place in seen.places if place.lock or place.unnamed or place.foreign]:
        return Verdict(f"held: {' '.join(place.uri for place in held)}")
    if left := [place.uri for place in survey(job) if place.unsettled]:
        return Verdict(f"unsettled: {' '.join(left)}")
    found = (
        *ownership(seen.places, job.whose, adopting=False),
        *contents(seen.places, job.whose),
        *unproven(job, seen, "retire", softly=True),
    )
    return Verdict("; ".join(objection.message for objection in found) or "fit")


def program(name: str, slot: str, kinds: tuple[str, ...], switches: int = 2) -> Program:
    """Return an operator that gives a command on places of these kinds."""
    operate = OPERATIONS[name]

    def run(run: Run) -> str:
        result = operate(job(run, kinds))
        return "nothing" if result is None else getattr(result, "result", "done")

    return Program(slot, run, switches)


def job(run: Run, kinds: tuple[str, ...]) -> Job:
    """Return a job as the command line opens it, over the model."""
    sinks = {sink.uri: sink for sink in (_sink(run, kind, index) for index, kind in enumerate(kinds))}
    settings = ClientSettings("app", CLIENT_ID, TENANT, tuple(sinks), fallback_min_age=MIN_AGE)
    if kinds[0].endswith("*"):
        settings = replace(settings, companions=True, consumer_refresh=REFRESH)
    auth0: Any = ModelAuth0(run.ask)
    ordered = dict(sorted(sinks.items()))
    return Job(settings, auth0, ordered, clock=run, timing=TIMING, actor=run.program.slot, watcher=run)


def _sink(run: Run, kind: str, index: int) -> Sink:
    path = PATHS[kind.rstrip("*")]
    if kind.startswith("aws"):
        api: Any = ModelApi(run.ask, run.now, index, path.partition("/")[2])
        target, uri = parse(path, None), f"aws://{path}"
        return AwsSink(uri, target, Access(api, target, uri), clock=run, lease=TIMING.lease)
    kv: Any = ModelKv(run.ask, run.now, index)
    lock_path = path + LOCK_SUFFIX
    return VaultSink(f"vault://{path}", kv, path, "client_secret", lock_path=lock_path, clock=run, lease=TIMING.lease)
