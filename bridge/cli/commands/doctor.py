"""The command that examines the set-up: doctor."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import SET_UP
from bridge.cli.options import JOBS, Jobs
from bridge.cli.output import json as as_json
from bridge.cli.output.console import Line, Tone, say, say_all
from bridge.cli.output.text import remedy
from bridge.cli.select import Clients, chosen
from bridge.fleet.jobs import spread
from bridge.model.errors import ATTENTION
from sinks.diagnosis import Severity
from sinks.rights import Role

if TYPE_CHECKING:
    from bridge.doctor import Finding
    from bridge.doctor.report import Report

WIDTH = 8
TONES = {
    Severity.OK: Tone.GOOD, Severity.NOTE: Tone.NOTICE, Severity.UNKNOWN: Tone.NOTICE, Severity.WRONG: Tone.BAD,
}  # fmt: skip
NOTHING = 1
"""The exit status if nothing could be examined."""


@command(SET_UP, example="doctor billing --role application")
def doctor(
    *,
    role: Annotated[
        Role, typer.Option("--role", metavar="ROLE", help="For whose rights: operator, application, auditor, security.")
    ] = Role.OPERATOR,
    clients: Clients,
    jobs: Jobs = JOBS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out what is as it should be.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per finding, and line.")] = False,
) -> None:
    """Look for what stands in the way at tenants, vaults, clients and sinks, with the remedy. Changes nothing.

    Exits with 5 when something is wrong, with 1 when nothing could be looked at. Without a NAME: all clients.
    """
    from bridge.doctor.examine import Examination
    from bridge.planning.role_rights import SCOPES
    from sinks.clock import SystemClock

    # Without a need for Auth0 no tenant has to be configured: an application's role is examined
    # where only its vault is known.
    about = chosen(clients, everyone=clients.empty, tenant=bool(SCOPES[role]))
    examination = Examination(about, role, os.environ, SystemClock())
    found: list[Finding] = []
    for report in examination.reports(partial(spread, jobs=jobs)):
        shown = [one for one in report.findings if not quiet or one.severity is not Severity.OK]
        found += report.findings
        say_all(_objects(shown) if json else _lines(report, shown))
    if not json:
        say(_summary(found))
    wrong = any(one.severity is Severity.WRONG for one in found)
    # 1 means that a later run may find more: no server has answered, so nothing is known about the set-up.
    raise typer.Exit(0 if not wrong else (ATTENTION if examination.looked else NOTHING))


def _objects(findings: Iterable[Finding]) -> Iterator[str]:
    for one in findings:
        yield as_json.line(
            {
                "severity": one.severity,
                "id": one.id,
                "subject": one.subject,
                "what": one.what,
                "why": one.why or None,
                "remedy": one.remedy or None,
            }
        )


def _lines(report: Report, findings: list[Finding]) -> Iterator[str]:
    if findings:
        yield Line.of((report.title, Tone.STRONG))
    for one in findings:
        kind = f"   [{one.id}]" if one.why else ""
        yield Line.of("  ", (f"{one.severity:<{WIDTH}}", TONES[one.severity]), f" {one.what}{kind}")
        if one.why:
            yield f"  {'':<{WIDTH}}   why: {one.why}"
        for number, text in enumerate(one.remedy.split("\n") if one.remedy else ()):
            yield remedy(text, f"  {'':<{WIDTH}}   ", "  " if number else "->")


def _summary(found: list[Finding]) -> Line:
    numbers = Counter(one.severity for one in found)
    parts: list[str | tuple[str, Tone | None]] = []
    for severity in (Severity.WRONG, Severity.NOTE, Severity.UNKNOWN, Severity.OK):
        if numbers[severity]:
            parts += [", "] if parts else []
            several = "s" if severity is Severity.NOTE and numbers[severity] > 1 else ""
            parts.append((f"{numbers[severity]} {severity}{several}", TONES[severity]))
    return Line.of(*parts, ". Nothing was changed.")
