"""The output for people: lines of text from data. Pure.

No secret can get here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.audit.records import RESULTS
from bridge.cli.output.console import Line, Tone
from bridge.cli.output.wrapping import commands
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.outcome import Stopped
from bridge.planning.sink_record import ANCHOR, RETIREMENT
from sinks.clock import span
from sinks.record import TAG_LIMIT, stamp
from sinks.versions import short

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings
    from bridge.evidence.judge import Evidence
    from bridge.model.outcome import Outcome, Propagated, Standing
    from bridge.model.plan import Plan
    from bridge.operations.verify import Verified
    from bridge.planning.due import Held
    from sinks.port import SinkState

UNCHANGED = "Nothing was changed."


def failed(client: ClientSettings | None, error: BridgeError) -> Iterator[str]:
    """Yield the lines for an error, with the client's name if it is about one client.

    All faults of a usage error are shown, so that they can be corrected at once.
    """
    yield from failure(error, f"{client.name}: " if client else "", error.faults)


def failure(error: BridgeError, prefix: str, faults: Sequence[str]) -> Iterator[str]:
    """Yield the lines for an error: its `faults`, whether something was changed, and the hint.

    `prefix` comes before the first line. An operation that stopped after its first write is shown as its `standing`.
    """
    if isinstance(error, Stopped):
        yield from standing(error.standing, prefix)
        return
    tone = Tone.NOTICE if error.exit_status == Refused.exit_status else Tone.BAD
    yield Line.of(prefix, (title(error), tone), f": {faults[0]}")
    yield from (f"  {text}" for text in faults[1:])
    # The first question after an error. It is answered only where it is certain: with `Incomplete`,
    # something may have been changed.
    if error.exit_status in (Failed.exit_status, Refused.exit_status):
        yield f"  {UNCHANGED}"
    yield from (remedy(text) for text in error.hints)


def remedy(text: str, margin: str = "  ", mark: str = "->") -> Line:
    """Return what to do as a line of its own, with an arrow before it. The commands in it stand out."""
    return Line.of(margin, (mark, Tone.COMMAND), " ", *emphasised(text))


def emphasised(text: str) -> Iterator[str | tuple[str, Tone | None]]:
    """Yield the parts of a text, in which commands to copy stand out."""
    end = 0
    for start, stop in commands(text):
        yield text[end:start]
        yield text[start:stop], Tone.COMMAND
        end = stop
    yield text[end:]


def title(error: BridgeError) -> str:
    """Return the word that an error begins with. One stands out, because something has to be settled."""
    word = RESULTS[error.exit_status]
    return word.upper() if error.exit_status == Incomplete.exit_status else word.capitalize()


def standing(told: Standing, prefix: str) -> Iterator[str]:
    """Yield the lines for an operation that stopped on its way: the five answers, and one warning.

    The answers are: why it stopped, which value Auth0 accepts, what is stored, when it began, and what to do.
    """
    yield Line.of(("INCOMPLETE", Tone.BAD), f" {prefix}{told.operation} {told.id}")
    yield _answer("Why", told.why)
    yield _answer("Production", told.production)
    for number, text in enumerate(told.stored):
        yield _answer("" if number else "Stored in", text)
    yield _answer("Began", told.began)
    if told.first:
        yield _answer("First", told.first)
    yield _answer("Do", f"{told.next}      (safe to repeat, from any machine)")
    yield _answer("", told.until)
    if told.dont:
        yield _answer("Don't", told.dont)


def _answer(label: str, text: str) -> Line:
    return Line.of("  ", (f"{label:<12}", Tone.STRONG), " ", *emphasised(text))


def plan(chosen: Plan) -> Iterator[str]:
    """Yield the numbered steps of a plan, and the notes that the user should read before agreeing.

    A plan that settles an interruption begins with what the lock says. Other writers may have forged that.
    """
    if chosen.says:
        lock = chosen.says
        yield f"Settling {lock.operation} {lock.id}, begun {stamp(lock.started)} by {lock.actor}, says its lock:"
    yield from (f"  {number:>2} {step}" for number, step in enumerate(chosen.steps, 1))
    yield from (Line.of("  ", ("Note", Tone.NOTICE), f" {text}") for text in chosen.notes)
    for uri in chosen.creates:
        yield Line.of("  ", ("NEW SECRET", Tone.NOTICE), f" {uri} does not exist yet; it is created")
    # Last, so that it is right above the question.
    if chosen.irreversible:
        yield Line.of("  ", ("Note", Tone.NOTICE), f" {chosen.irreversible}")


def outcome(done: Outcome) -> Iterator[str]:
    """Yield the lines for the outcome of an operation, or the plan after a dry run."""
    if done.result == "planned":
        yield f"{done.client}  dry run: nothing was changed. It would:"
        yield from plan(done.plan)
        return
    told = headline(done)
    yield Line.of(done.client, (told.removeprefix(done.client), None if done.exit_status else Tone.GOOD))
    for uri, at in done.sinks.items():
        if at.current:
            yield f"  {uri}  {short(at.current)} current, {short(at.fallback) if at.fallback else 'no'} fallback"
        elif at.fallback:
            yield f"  {uri}  {short(at.fallback)} fallback"
        if at.retired:
            yield f"  {uri}  retired: {', '.join(map(short, at.retired))}"
    if done.propagated and done.propagated.proven:
        yield Line.of("  ", ("proven", Tone.GOOD), proven(done.propagated).removeprefix("proven"))
    yield from (Line.of("  ", *emphasised(note)) for note in done.notes)
    if done.audit:
        yield f"  {recorded(done.audit)}"
    if done.retire_from and done.retire_by:
        yield f"  fallback may be retired from {stamp(done.retire_from)[:16]}Z, must be by {done.retire_by:%Y-%m-%d}"


def proven(seen: Propagated) -> str:
    """Return what the probes have shown after a change, whichever way it went.

    While a change spreads Auth0 refuses the new value now and then. That is no failure, so it is named as what it is.
    """
    early = seen.asked - seen.accepted
    spread = f"; {early} came too early" if early else ""
    old = f" and refuses the one before ({seen.refused} of {seen.asked_old})" if seen.asked_old else ""
    return f"proven: Auth0 accepts the current value ({seen.asked} probes in {seen.seconds:.0f} s{spread}){old}"


def recorded(anchor: str) -> str:
    """Return the line that names an attempt's place in the audit record.

    `anchor` is "SEQ:MAC". In the log of a CI job it serves as an anchor that the bridge's account cannot change.
    """
    return f"Record: audit seq {anchor.partition(':')[0]} (anchor {anchor})"


def headline(done: Outcome) -> str:
    """Return the outcome of an operation in one line.

    It says nothing about whether the change is proven. The lines below it do.
    """
    from bridge.model.operation import Operation

    if done.operation is Operation.SETTLE:
        return f"{done.client}  {settled(done)}"
    verbs = {
        Operation.ROTATE: "rotated",
        Operation.ROLLBACK: "rolled back",
        Operation.COMPROMISED: "rotated after a leak",
        Operation.SYNC: "synced",
        Operation.RETIRE: "retired",
        Operation.RETIRE_SOFTLY: "retired softly; 'retire --undo' brings it back, 'retire' ends it,",
        Operation.BRING_BACK: "fallback brought back",
        Operation.ADOPT: "adopted",
        Operation.FORGET: "forgotten: tags removed, values stay",
    }
    return f"{done.client}  {verbs[done.operation]} in {done.seconds:.0f} s ({done.id})"


def settled(done: Outcome) -> str:
    """Return how an interrupted operation was settled, and which operation and actor its lock named.

    What the lock said may have been written by others, so it is given as its word.
    """
    says = done.plan.says
    which = f"{says.operation} {says.id}, begun by {says.actor}" if says else ""
    if done.result == "cleaned-up":
        return "nothing was interrupted; cleaned up what was left"
    if not done.published:
        return f"given back {which}: Auth0 accepts what is current"
    return f"finished {which}" if which else "published what Auth0 accepts"


def summary(words: Mapping[str, int], seconds: float) -> str:
    """Return how many clients of a run ended in which way, as a line."""
    told = ", ".join(f"{count} {word}" for word, count in words.items())
    return f"{clients(sum(words.values()))} in {span(timedelta(seconds=seconds))}: {told}"


def held(found: Iterable[tuple[ClientSettings, Held]]) -> str:
    """Return how many clients are due and wait for their windows, and when the next one opens, as a line."""
    waits = [wait for _, wait in found]
    first = min(waits, key=lambda wait: (wait.until is None, wait.until))
    are = "is due and waits for its window" if len(waits) == 1 else "are due and wait for their window"
    return f"{clients(len(waits))} {are}; the next one opens {first.shown}{first.cause}"


def clients(number: int) -> str:
    """Return a number of clients in words."""
    return f"{number} client{'s' if number != 1 else ''}"


def evidence(client: str, found: Evidence) -> Iterator[str]:
    """Yield when the secret changed, and the answers to who still fails with an old value."""
    from bridge.evidence.judge import lines, minute

    yield f"{client}  changed {minute(found.change)}; a consumer counts for {span(found.window)} after a failure"
    rows = lines(found, most=50)
    width = max(len(name) for name, _ in rows)
    yield from (f"  {name:<{width}}  {text}" for name, text in rows)


def verified(client: str, found: Sequence[Verified]) -> Iterator[str]:
    """Yield a line for each sink with Auth0's verdicts about its current value and its fallback.

    A row that needs attention is marked at its end.
    """
    from bridge.auth0.probe import Verdict

    for one in found:
        good, bad = Tone.GOOD, Tone.BAD
        of_current = one.current_verdict, good if one.current_verdict is Verdict.ACCEPTED else bad
        parts: list[str | tuple[str, Tone | None]] = [
            f"{client}  {one.uri}  current {short(one.current) if one.current else '-'}: ",
            of_current,
        ]
        if one.fallback:
            refused = one.fallback_verdict is Verdict.REFUSED
            parts += [f", fallback {short(one.fallback)}: ", (str(one.fallback_verdict), good if refused else bad)]
            if one.fallback_verdict is Verdict.ACCEPTED:
                parts.append(" (still; it may be spreading)")
        yield Line.of(*parts, *(f"; {note}" for note in one.notes))
    yield from (remedy(command) for command in dict.fromkeys(one.next for one in found if one.next))


def history(client: str, sinks: Sequence[SinkState], limit: int) -> Iterator[str]:
    """Yield each sink's log of changes, with anchors of the audit record, and its versions from the newest on.

    At most `limit` changes and versions are shown, and what is left out is said.

    Anything in the sinks' metadata can be changed by those who may write it. The audit record is the proof.
    """
    for state in sinks:
        yield f"{client}  {state.uri}"
        yield from _log(client, state.record.log if state.record else (), limit)
        if state.record and state.record.audit:
            yield f"  anchor of the record, from when the latest of these began: {state.record.audit}"
        if told := state.noted.get(RETIREMENT):
            anchor = state.noted.get(ANCHOR)
            yield f"  fallback: {told}" + (f" (anchor {anchor})" if anchor else "")
        for version in state.history.versions[: -limit - 1 : -1]:
            created = f"{version.created:%Y-%m-%d %H:%MZ}" if version.created else "-"
            yield f"    {short(version.id):<12} {created}  {version.stage or '-'}"
        if (more := len(state.history.versions) - limit) > 0:
            yield f"    and {more} older version{'s' if more > 1 else ''}: --limit {len(state.history.versions)}"


def _log(client: str, log: Sequence[str], limit: int) -> Iterator[str]:
    """Yield the entries of a log, and say where earlier ones may be missing."""
    yield from (f"  {entry}" for entry in log[:limit])
    if len(log) > limit:
        yield f"  and {len(log) - limit} earlier: --limit {len(log)}"
    # Entries that no longer fit into the tag are dropped, and nothing counts them.
    if log and len(" / ".join((*log, min(log, key=len)))) > TAG_LIMIT:
        yield "  the tag has room for no more; where an audit record is kept, it has the earlier ones:"
        yield f"    secret-bridge audit show --client {client}"
