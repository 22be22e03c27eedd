"""One foreign text in every place of what the command line shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.audit.reading import Recorded, summary
from bridge.auth0.client import Objection
from bridge.auth0.probe import Verdict
from bridge.cli.commands.doctor import _lines as doctor_lines
from bridge.cli.output import json as as_json
from bridge.cli.output import sightings, status_table
from bridge.cli.output import text as show
from bridge.config.settings import ClientSettings
from bridge.doctor.report import Report as Examined
from bridge.evidence.judge import Evidence, Source
from bridge.model.client_ref import ClientRef
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused, Usage
from bridge.model.operation import Operation
from bridge.model.outcome import At, Outcome, Propagated, Standing, Stopped
from bridge.model.plan import Plan
from bridge.operations.verify import Verified
from bridge.planning.guards import refuse
from bridge.planning.status import Status, judge
from bridge.report.figures import Looked, Report, Unread, rows
from bridge.watch.decide import Kind, Tell
from sinks.port import SinkState
from tests.unit.planning.sinks import CLIENT, DAY, NEW, NOW, OLD, TENANT, URIS, lock, place, record

BILLING = ClientSettings("billing", CLIENT, "main", URIS, owner="ops")
REF = ClientRef(CLIENT, TENANT, "billing", URIS)


def states(text: str) -> list[tuple[SinkState, ...]]:
    """Return sinks with a foreign text in their locks, records, labels, notes or names."""
    held = place(lock=lock(actor=text, id=text, operation=text), fallback=NEW)
    noted = place(record=record(OLD, log=(text, text), audit=text, rotation=text), noted={"bridge_retirement": text})
    return [
        (held, replace(held, uri=URIS[0])),
        (noted, replace(noted, uri=URIS[0])),
        (place(foreign=text), place(URIS[0])),
        (place(manager=text), place(URIS[0])),
        (place(record=record(OLD, client_id=text)), place(URIS[0])),
        (place(record=record(OLD, sinks=(text,))), place(URIS[0])),
        (place(text, record=None), place(URIS[0])),
    ]


def statuses(text: str) -> list[Status]:
    """Return what `status` finds about these sinks."""
    settings = replace(BILLING, owner=text)
    return [judge(settings, REF, found) for found in states(text)]


def errors(text: str) -> list[BridgeError]:
    """Return errors with a foreign text in each part."""
    told = Standing("r-1", Operation.ROTATE, text, (text, text), text, text, text, text, text, text)
    found: list[BridgeError] = [kind(text, text) for kind in (Failed, Refused, Incomplete)]
    found += [Usage(text, text, hint=text), Refused(text, (text, text), more=(text,)), Stopped(told)]
    try:
        refuse(objection for _ in range(2) if (objection := _objection(text)))
    except Refused as error:
        found.append(error)
    return found


def _objection(text: str) -> Objection:
    return Objection("self", text, text)


def outcomes(text: str) -> list[Outcome]:
    """Return outcomes with a foreign text in versions, notes and locks."""
    plan = Plan(Operation.SETTLE, (), (text,), lock(actor=text, operation=text), text)
    at = {text: At(text, text, (text,)), URIS[0]: At(None, text)}
    done = Outcome(
        "billing", CLIENT, Operation.SETTLE, "r-1", plan, "finished", at, Propagated(True, 1, 1), notes=(text,)
    )
    return [done, replace(done, operation=Operation.ROTATE, result="done", audit=text), replace(done, result="planned")]


def evidence(text: str) -> Evidence:
    """Return evidence about sources that chose their agents themselves."""
    source = Source(text, text, 1, NOW, NOW, known_until=NOW)
    return Evidence(NOW - DAY, NOW, DAY, (source, replace(source, known_until=None)), (text,), notes=(text,))


def verdicts(text: str) -> tuple[Verified, ...]:
    """Return what `verify` finds."""
    return (Verified(text, text, Verdict.REFUSED, text, Verdict.ACCEPTED, (text,), changed=(text,)),)


def examined(text: str) -> Examined:
    """Return what `doctor` finds."""
    report = Examined(text, text)
    report.wrong("client-public", text, name=text, client=text)
    report.unknown("doctor-stopped", text, hint=text)
    return report


def report(text: str) -> Report:
    """Return a report on these sinks."""
    named = replace(BILLING, owner=text)
    looked = [Looked(named, REF, found, (Unread(text, text),)) for found in states(text)]
    return Report(NOW, "1", text, text, rows(looked, NOW, {"billing": (text, text)}), ())


def lines(text: str) -> Iterable[str]:
    """Yield every line that a command prints for people."""
    for error in errors(text):
        yield from show.failed(BILLING, error)
    for done in outcomes(text):
        yield from show.outcome(done)
        yield from show.plan(done.plan)
    for width in (None, 60, 120):
        yield from status_table.statuses(statuses(text), width)
    yield from show.evidence("billing", evidence(text))
    yield from show.verified("billing", verdicts(text))
    yield sightings.line("billing", Tell(Kind.DRIFT, text, text))
    for found in states(text):
        yield from show.history("billing", found, 20)
    told = examined(text)
    yield from doctor_lines(told, told.findings)
    begin = {
        "at": text,
        "client": text,
        "command": text,
        "options": [text],
        "reason": text,
        "host": text,
        "proven": {text: {"arn": text}},
    }
    yield summary(Recorded(begin, {"outcome": text, "operations": [{"rotation": text}]}))


def objects(text: str) -> Iterable[dict[str, object]]:
    """Yield every object that a command prints with --json."""
    yield from (as_json.failure(BILLING, error) for error in errors(text))
    yield from map(as_json.outcome, outcomes(text))
    yield from map(as_json.status, statuses(text))
    yield as_json.evidence(BILLING, evidence(text))
    yield as_json.verified(BILLING, verdicts(text))
    yield sightings.as_object("prod", BILLING, Tell(Kind.DRIFT, text, text), NOW)
    yield from map(as_json.report, report(text).rows)
    yield as_json.nothing(BILLING, text)
