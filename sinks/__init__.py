"""Versioned secret stores with stages. This package knows nothing of Auth0 or of rotations.

Each package in it is one kind of store (`sinks.kinds.Kind`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks import kinds
from sinks.clock import Clock, SystemClock
from sinks.errors import BadAddress
from sinks.shared import Shared

if TYPE_CHECKING:
    from sinks.port import Sink
    from sinks.reader import Reader
    from sinks.secret import Secret
    from sinks.state import SinkState

LEASE = timedelta(seconds=10)
"""How long after its last renewal a lease lasts. A call without compare-and-set has to end within it.

A reader's request may take as long.
"""


def split(uri: str) -> tuple[str, str]:
    """Split `scheme://target`.

    Raises:
        BadAddress: the URI has another form.
    """
    scheme, separator, target = uri.partition("://")
    if not separator or not scheme or not target:
        raise BadAddress(f"'{uri}' is not a sink", f"write {kinds.addresses()}")
    return scheme, target


def open_sink(
    uri: str,
    type_name: str,
    settings: object,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock | None = None,
    lease: timedelta = LEASE,
    shared: Shared | None = None,
) -> Sink:
    """Open the sink at `uri`, without any request to the server.

    The URI's scheme is the vault's name in the configuration, and `type_name` is its kind. `resolve` returns the secret
    that a reference in `settings` names, and is called when a login needs it. A call without compare-and-set has to end
    within `lease` after the lease was renewed. Without `clock` the machine's own is used. Sinks with the same `shared`
    use one login and one client for each vault. They need the same `resolve` and `clock`.

    Raises:
        BadAddress: the address does not have the form of this kind of store, or there is no such kind.
    """
    scheme, target = split(uri)
    return kinds.kind(type_name).open(
        scheme, target, settings, resolve=resolve, clock=clock or SystemClock(), lease=lease, shared=shared or Shared()
    )


def open_reader(
    uri: str,
    type_name: str,
    settings: object,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock | None = None,
    timeout: timedelta = LEASE,
    shared: Shared | None = None,
) -> Reader:
    """Open the sink at `uri` for reading only, without any request to the server.

    The arguments are those of `open_sink`, except for `timeout`, which is how long one request may take. A reader holds
    no lock, so it needs no lease.

    Raises:
        BadAddress: the address does not have the form of this kind of store, or there is no such kind.
    """
    scheme, target = split(uri)
    return kinds.kind(type_name).open_reader(
        scheme, target, settings, resolve=resolve, clock=clock or SystemClock(), timeout=timeout,
        shared=shared or Shared(),
    )  # fmt: skip


def survey_together(
    name: str,
    uris: Iterable[str],
    type_name: str,
    settings: object,
    *,
    resolve: Callable[[str], Secret],
    shared: Shared,
    clock: Clock | None = None,
) -> Mapping[str, SinkState]:
    """Survey sinks of the vault `name` together, by their `Sink.uri`: those of which its kind can tell many at once.

    Each state is as good as that of `Sink.survey`. Sinks that are missing in the result have to be surveyed by
    themselves. The other arguments are those of `open_sink`.

    Raises:
        BadAddress: as in `open_sink`.
    """
    survey = kinds.survey_together(type_name)
    if survey is None:
        return {}
    targets = tuple(split(uri)[1] for uri in uris)
    return survey(name, targets, settings, resolve=resolve, clock=clock or SystemClock(), shared=shared)
