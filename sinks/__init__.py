"""Versioned secret stores with stages. This package knows nothing of Auth0 or of rotations.

A kind of store is a module or package in this one. It is found by its name, and no list names it. It offers

- `Settings`: a frozen dataclass with one vault's configuration, and `from_environment(environ)`.
- `REFERENCES`: the settings that are references to secrets (`env:NAME`), which are resolved only when needed.
- `parse(target, settings)`: splits what follows `scheme://` into its parts, or raises `BadAddress`.
- `open(name, target, settings, *, resolve, clock, lease)`: returns the `Sink` at an address.
- `open_reader(name, target, settings, *, resolve, clock, timeout)`: returns the `Reader` at an address, for
  applications.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sinks.clock import Clock, SystemClock
from sinks.errors import BadAddress

if TYPE_CHECKING:
    from sinks.port import Sink
    from sinks.reader import Reader
    from sinks.secret import Secret

LEASE = timedelta(seconds=10)
"""How long after a look a call without compare-and-set may still be under way. A reader's request gets as long."""


def kind(name: str) -> Any:
    """Return the module of a kind of store, for example `sinks.vault`.

    Raises:
        BadAddress: there is no such kind.
    """
    if not name.isidentifier() or importlib.util.find_spec(f"sinks.{name}") is None:
        raise BadAddress(f"'{name}' is no kind of vault", "use vault://MOUNT/PATH or aws://REGION/NAME")
    module = importlib.import_module(f"sinks.{name}")
    if not hasattr(module, "Settings"):
        raise BadAddress(f"'{name}' is no kind of vault", "use vault://MOUNT/PATH or aws://REGION/NAME")
    return module


def split(uri: str) -> tuple[str, str]:
    """Split `scheme://target`.

    Raises:
        BadAddress: the URI has another form.
    """
    scheme, separator, target = uri.partition("://")
    if not separator or not scheme or not target:
        raise BadAddress(f"'{uri}' is not a place", "write vault://MOUNT/PATH or aws://REGION/NAME")
    return scheme, target


def open_sink(
    uri: str,
    type_name: str,
    settings: object,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock | None = None,
    lease: timedelta = LEASE,
) -> Sink:
    """Open the place at `uri`, without any request to the server.

    The URI's scheme is the vault's name in the configuration, and `type_name` is its kind. A call without
    compare-and-set has to end within `lease` after a look.

    Raises:
        BadAddress: the address does not have the form of this kind of store.
    """
    scheme, target = split(uri)
    sink: Sink = kind(type_name).open(
        scheme, target, settings, resolve=resolve, clock=clock or SystemClock(), lease=lease
    )
    return sink


def open_reader(
    uri: str,
    type_name: str,
    settings: object,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock | None = None,
    timeout: timedelta = LEASE,
) -> Reader:
    """Open the place at `uri` for reading only, as `open_sink` does.

    `timeout` is how long one request may take.

    Raises:
        BadAddress: the address does not have the form of this kind of store.
    """
    scheme, target = split(uri)
    found: Reader = kind(type_name).open_reader(
        scheme, target, settings, resolve=resolve, clock=clock or SystemClock(), timeout=timeout
    )
    return found
