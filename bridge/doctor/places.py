"""Judges places by the bridge's own metadata: which client owns them, and what was left behind. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.companions import Companions
from sinks.record import MANAGER, sinks_tag, stamp

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings
    from bridge.doctor.report import Report
    from bridge.model.client_ref import Whose
    from sinks.port import Place


def judge(reports: dict[str, Report], places: Sequence[Place], whose: Whose) -> None:
    """Judge the places that could be surveyed, each in its own report.

    `reports` has an entry for every place of the client, whether or not it could be surveyed. Its keys are the list
    that a place's record is compared with.
    """
    uris = tuple(reports)
    named = whose.command("", places).removeprefix("secret-bridge").strip()
    managed = [place for place in places if place.record is not None]
    for place in places:
        report = reports[place.uri]
        if not place.exists:
            _missing(report, place, managed, named)
        elif place.record is None:
            _unmanaged(report, place, named)
        else:
            _whose(report, place, whose, uris, named)
        _operation(report, place, named)


def _missing(report: Report, place: Place, managed: Sequence[Place], named: str) -> None:
    """Judge a place that does not exist.

    If the record of another place names it as managed, it is not merely empty.
    """
    tag = set(sinks_tag((place.uri,)).split())
    if any(other.record and tag <= set(other.record.places) for other in managed):
        report.wrong("place-missing", "there is nothing here, and another place says there is", command=named)
    else:
        report.note("place-missing", "there is nothing here yet", command=named)


def _unmanaged(report: Report, place: Place, named: str) -> None:
    """Judge a place without a record: its tags were wiped, or it was never adopted."""
    if place.wiped:
        report.wrong("place-wiped", "the bridge's tags are gone", command=named)
    elif place.manager in (None, MANAGER):
        report.note("place-unmanaged", "it is not adopted yet", command=named)


def _whose(report: Report, place: Place, whose: Whose, uris: tuple[str, ...], named: str) -> None:
    """Compare a place's record with the client and its list of places."""
    record = place.record
    if record is None:
        return
    if record.client_id != whose.client_id or (whose.tenant and record.tenant != whose.tenant):
        told = f"it holds the secret of {record.client_id} in {record.tenant}"
        report.wrong("place-other-client", told, client=whose.name)
    elif record.places != tuple(sinks_tag(uris).split()):
        told = f"it is recorded together with {' '.join(record.places)}"
        report.wrong("place-other-places", told, command=named)
    else:
        report.ok(f"managed; current since {record.promoted_at:%Y-%m-%d}")


def _operation(report: Report, place: Place, named: str) -> None:
    """Report an operation that holds the place, or what one has left behind."""
    lock = place.lock
    # The vault's time decides, not this machine's.
    if lock is not None and place.at < lock.expected_end:
        told = f"{lock.operation} {lock.id} by {lock.actor} is in progress until {stamp(lock.expected_end)}"
        report.note("place-in-progress", told)
    elif lock is not None:
        told = f"{lock.operation} {lock.id} by {lock.actor} was interrupted"
        report.wrong("place-interrupted", told, command=named)
    elif place.foreign:
        report.wrong("place-foreign", place.foreign, command=named)
    elif place.unsettled:
        report.wrong("place-left-over", "something was left behind, and no operation holds the place", command=named)


def companions(report: Report, client: ClientSettings, places: Sequence[Place]) -> None:
    """Check that readers of companions get time to see the next value before it is set (`consumer_refresh`).

    A client whose companions are to be removed needs no such time.
    """
    kept = any(place.record and place.record.companions == Companions.KEEP for place in places)
    if kept and client.consumer_refresh == timedelta(0) and client.companions is not False:
        told = "its documents hold companions, and consumer_refresh is 0"
        report.wrong("client-refresh", told, client=client.name)


def shared(
    reports: Callable[[str, str], Report], places: Sequence[tuple[ClientSettings, str, tuple[str, ...]]]
) -> None:
    """Report places that are listed under several names.

    `places` holds a client, a name, and a key that is equal for all names of the same place.
    """
    seen: dict[tuple[str, ...], tuple[ClientSettings, str]] = {}
    for client, uri, identity in places:
        first, name = seen.setdefault(identity, (client, uri))
        if name != uri:
            others = [each for each in client.sinks if each.partition("#")[0].partition("?")[0] != uri]
            told = f"the same place as {name} of {first.name}"
            listed = json.dumps([*others, f"{uri.partition(':')[0]}://MOUNT/PATH"])
            reports(client.name, uri).wrong("place-shared", told, client=client.name, sinks=listed)
