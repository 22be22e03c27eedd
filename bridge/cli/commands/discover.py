"""The command that finds clients by the rules of the configuration: discover."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import SET_UP
from bridge.cli.options import JOBS, Config, DryRun, Json, Matching, OfTenant
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import Line, Tone, say, say_all
from bridge.cli.runner import heeding, worst
from bridge.cli.select import ELSEWHERE
from bridge.config.settings import ClientSettings
from bridge.fleet.errors import Ceased, with_origin
from bridge.fleet.jobs import Crew, in_order
from bridge.model.errors import ATTENTION, BridgeError, Usage
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.operations.discover import Configured
    from bridge.planning.discovery import Finding, Listing

TONES = {
    "collision": Tone.BAD, "new": Tone.GOOD, "changed": Tone.NOTICE, "gone": Tone.NOTICE, "unpicked": Tone.NOTICE,
    "skipped": Tone.NOTICE,
}  # fmt: skip
"""The states that are shown to people, in this order. The others are counted."""
WIDTH = 10


@command(SET_UP, example="discover --tenant eu --write")
def discover(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the clients into the file that the configuration names.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take clients out that are gone at Auth0, or that no rule picks any more.")
    ] = False,
    tenant: OfTenant = None,
    match: Matching = None,
    config: Config = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Find applications by the rules in bridge.toml: what is new, gone or in the way. --write makes them clients.

    Asks Auth0 (read:clients) and no vault. Exits with 5 when something differs, with 2 when two would share a sink.
    """
    from bridge.operations.discover import configured, unnamed

    if write and dry_run:
        raise Usage("found --write and --dry-run, expected one of them")
    began = time.monotonic()
    found = configured(_file(config))
    if write and found.settings.discovered is None:
        raise unnamed(found.path)
    run = _Run(found, prune=prune, match=tuple(match or ()))
    run.look(tuple(tenant or ()))
    if json:
        say_all(as_json.line(as_json.discovered(one)) for one in run.shown)
    else:
        say_all(line for one in run.shown for line in _lines(one))
    for name, error in run.errors.items():
        _tell(run, name, error, json=json)
    written = run.finish(write=write)
    if json:
        told = as_json.summary(Counter(str(one.state) for one in run.shown), time.monotonic() - began)
        told["summary"] |= {"file": str(found.settings.discovered or "") or None, "written": written}
        say(as_json.line(told))
    else:
        say(_summary(run, written=written, write=write))
    raise typer.Exit(worst(tuple(run.statuses(written=write))))


@dataclass
class _Run:
    """One run of the command: what it found, and what it does with it."""

    configured: Configured
    prune: bool
    match: tuple[str, ...]
    shown: tuple[Finding, ...] = ()
    errors: dict[str, BridgeError] = field(default_factory=dict)
    """The errors of tenants that could not be asked. Their clients stay as they are."""

    def look(self, only: Sequence[str]) -> None:
        """Ask the tenants, and decide."""
        from bridge.operations.discover import asked, listing, places
        from bridge.planning.discovery import decide

        tenants = asked(self.configured, only)
        crew: Crew[str] = Crew(partial(listing, self.configured), max(1, min(JOBS, len(tenants))))
        listings: list[Listing] = []
        for done in in_order(crew.results(tenants)):
            try:
                listings.append(done.value())
            except BridgeError as error:
                self.errors[done.item] = error
            except KeyboardInterrupt:
                raise Ceased("interrupted") from None
        settings = self.configured.settings
        decided = decide(listings, settings.rules, self.configured.known, places(settings), prune=self.prune)
        order = {tenant: number for number, tenant in enumerate(settings.tenants)}
        states = {state: number for number, state in enumerate(TONES)}
        self.shown = tuple(
            sorted(
                (one for one in decided if self._fits(one)),
                key=lambda one: (order[one.tenant], states.get(one.state, len(states)), one.name or one.application),
            )
        )

    def _fits(self, one: Finding) -> bool:
        texts = [text for text in (one.name, one.application) if text]
        return not self.match or any(fnmatchcase(text, glob) for text in texts for glob in self.match)

    def finish(self, *, write: bool) -> bool:
        """Check what would be written, and write it if that is wanted. Return whether the file is another one now.

        Raises:
            Usage: the configuration would have faults with it.
            Failed: it cannot be written.
        """
        from bridge.planning.discovery import State, written

        if any(one.state is State.COLLISION for one in self.shown):
            return False
        tables = written(self.shown, self.configured.known, prune=self.prune)
        self.configured.check(tables)
        if not write:
            return False
        with heeding(Stop()):  # a short write is finished rather than interrupted
            return self.configured.write(tables)

    def statuses(self, *, written: bool) -> Iterator[int]:
        """Yield the exit status of each application and of each tenant that could not be asked."""
        from bridge.planning.discovery import State, leaves

        for one in self.shown:
            if one.state is State.COLLISION:
                yield Usage.exit_status
            elif one.attention and not (
                written and (one.state in (State.NEW, State.CHANGED) or leaves(one, prune=self.prune))
            ):
                yield ATTENTION
        yield from (error.exit_status for error in self.errors.values())


def _file(config: Path | None) -> Path:
    from bridge.config.load import FILE_NAME, find

    path = find(config, os.environ)
    if path is None:
        raise Usage(f"the rules are in a configuration, and there is no {FILE_NAME} in {Path.cwd()}", hint=ELSEWHERE[0])
    return path


def _tell(run: _Run, tenant: str, error: BridgeError, *, json: bool) -> None:
    error = with_origin(run.configured.settings, ClientSettings(tenant, "", tenant, ()), error)
    if json:
        say(as_json.line({**as_json.failure(None, error), "tenant": tenant}))
    else:
        say_all(show.failed(None, error), err=True)


def _lines(one: Finding) -> Iterator[str]:
    if one.state not in TONES:
        return
    name = one.name or f'"{one.application}"'
    called = f' "{one.application}"' if one.name and one.application and one.application != one.name else ""
    where = "it stands in bridge.toml: take it out by hand" if one.explicit else ""
    said = "; ".join(filter(None, (one.reason, where, ", ".join(one.differs))))
    told = f"{name}{called} ({one.client_id}, {one.tenant}){f': {said}' if said else ''}"
    yield Line.of((f"{one.state:<{WIDTH}}", TONES[one.state]), told)
    for uri in one.table["sinks"] if one.table else ():
        yield f"{'':<{WIDTH}}  {uri}"


def _summary(run: _Run, *, written: bool, write: bool) -> str:
    from bridge.operations.discover import TABLE
    from bridge.planning.discovery import State

    numbers = Counter(str(one.state) for one in run.shown)
    parts = [f"{numbers[state]} {state}" for state in (*TONES, "managed") if numbers[state]]
    parts += [f"{numbers['ignored']} that no rule picks"] if numbers["ignored"] else []
    parts += [f"{len(run.errors)} not asked"] if run.errors else []
    file = run.configured.settings.discovered
    if written:
        then = f"Written: {file}."
    elif numbers[State.COLLISION]:
        then = "Nothing was written: change the rule, or exclude one of them."
    elif write or not any(numbers[state] for state in (State.NEW, State.CHANGED)):
        then = "Nothing was written: nothing to write."
    elif file is None:
        then = f"Nothing was written: add {TABLE}, then --write."
    else:
        then = "Nothing was written: secret-bridge discover --write does."
    if not run.prune and any(not one.explicit for one in run.shown if one.state in (State.GONE, State.UNPICKED)):
        then += " --prune takes out what is gone or unpicked."
    return f"{', '.join(parts) or 'no applications'}. {then}"
