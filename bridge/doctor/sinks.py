"""Judges sinks by the bridge's own metadata: which client owns them, and what was left behind. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.record import MANAGER, sinks_tag, stamp
from sinks.sibling_keys import SiblingKeys

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings
    from bridge.doctor.report import Report
    from bridge.model.client_ref import ClientRef
    from sinks.port import SinkState


def judge(reports: dict[str, Report], sinks: Sequence[SinkState], client_ref: ClientRef) -> None:
    """Judge the sinks that could be surveyed, each in its own report.

    `reports` has an entry for every sink of the client, whether or not it could be surveyed. Its keys are the list
    that a sink's record is compared with.
    """
    uris = tuple(reports)
    named = client_ref.command("", sinks).removeprefix("secret-bridge").strip()
    # The records name each other, so a missing sink can be told from one that was never there.
    managed = [state for state in sinks if state.record is not None]
    for state in sinks:
        report = reports[state.uri]
        if not state.exists:
            _missing(report, state, managed, named)
        elif state.record is None:
            _unmanaged(report, state, named)
        else:
            _client_ref(report, state, client_ref, uris, named)
        _operation(report, state, named)


def _missing(report: Report, state: SinkState, managed: Sequence[SinkState], named: str) -> None:
    """Judge a sink that does not exist.

    If the record of another sink names it as managed, it is not merely empty.
    """
    tag = set(sinks_tag((state.uri,)).split())
    if any(other.record and tag <= set(other.record.sinks) for other in managed):
        report.wrong("sink-missing", "there is nothing here, and another sink says there is", command=named)
    else:
        report.note("sink-missing", "there is nothing here yet", command=named)


def _unmanaged(report: Report, state: SinkState, named: str) -> None:
    """Judge a sink without a record: its tags were wiped, or it was never adopted.

    A sink of another manager gets no finding here. The kind of store reports it (`sink-other-manager`).
    """
    if state.wiped:
        report.wrong("sink-wiped", "the bridge's tags are gone", command=named)
    elif state.manager in (None, MANAGER):
        report.note("sink-unmanaged", "it is not adopted yet", command=named)


def _client_ref(report: Report, state: SinkState, client_ref: ClientRef, uris: tuple[str, ...], named: str) -> None:
    record = state.record
    if record is None:
        return
    # This comes first: in a sink of another application, a wrong list of sinks is no surprise and not the problem.
    if record.client_id != client_ref.client_id or (client_ref.tenant and record.tenant != client_ref.tenant):
        told = f"it holds the secret of {record.client_id} in {record.tenant}"
        report.wrong("sink-other-client", told, client=client_ref.name)
    elif record.sinks != tuple(sinks_tag(uris).split()):
        told = f"it is recorded together with {' '.join(record.sinks)}"
        report.wrong("sink-other-sinks", told, command=named)
    else:
        report.ok(f"managed; current since {record.promoted_at:%Y-%m-%d}")


def _operation(report: Report, state: SinkState, named: str) -> None:
    """Report an operation that holds the sink, or what one has left behind.

    A lock that is past its end counts as dead, and its operation as interrupted.
    """
    lock = state.lock
    # The vault's time decides, not this machine's.
    if lock is not None and state.at < lock.expected_end:
        told = f"{lock.operation} {lock.id} by {lock.actor} is in progress until {stamp(lock.expected_end)}"
        report.note("sink-in-progress", told)
    elif lock is not None:
        told = f"{lock.operation} {lock.id} by {lock.actor} was interrupted"
        report.wrong("sink-interrupted", told, command=named)
    # Others can write to a lock. What the bridge did not write there is shown, and never acted upon (ADR 33).
    elif state.foreign:
        report.wrong("sink-foreign", state.foreign, command=named)
    elif state.unsettled:
        report.wrong("sink-left-over", "something was left behind, and no operation holds the sink", command=named)


def sibling_keys(report: Report, client: ClientSettings, sinks: Sequence[SinkState]) -> None:
    """Check that readers of sibling keys get time to see the next value before it is set (`consumer_refresh`).

    A client whose sibling keys are to be removed needs no such time.
    """
    kept = any(state.record and state.record.sibling_keys == SiblingKeys.KEEP for state in sinks)
    # Without that time the new value is set a moment after it was written, and no reader can have it by then.
    if kept and client.consumer_refresh == timedelta(0) and client.sibling_keys is not False:
        told = "its documents hold sibling keys, and consumer_refresh is 0"
        report.wrong("client-refresh", told, client=client.name)


def shared(reports: Callable[[str, str], Report], sinks: Sequence[tuple[ClientSettings, str, tuple[str, ...]]]) -> None:
    """Report sinks that are listed under several names.

    `sinks` holds a client, a name, and a key that is equal for all names of the same sink.
    """
    seen: dict[tuple[str, ...], tuple[ClientSettings, str]] = {}
    for client, uri, identity in sinks:
        # The same name twice is not reported here: it is a fault of the configuration file, found when that is loaded.
        first, name = seen.setdefault(identity, (client, uri))
        if name != uri:
            others = [each for each in client.sinks if each.partition("#")[0].partition("?")[0] != uri]
            told = f"the same sink as {name} of {first.name}"
            listed = json.dumps([*others, f"{uri.partition(':')[0]}://MOUNT/PATH"])
            reports(client.name, uri).wrong("sink-shared", told, client=client.name, sinks=listed)
