"""The kinds of store: all that the bridge has to know about one is in one folder.

A kind is a package in `sinks`. It is found by its name, and no list names it. mypy proves it complete by one line at
the end of its `__init__.py`:

    if TYPE_CHECKING:
        import sinks.NAME

        complete: Kind[Settings, Target] = sinks.NAME
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import sinks
from sinks.errors import BadAddress

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.diagnosis import Diagnosis, Known
    from sinks.port import Sink
    from sinks.reader import Reader
    from sinks.rights import Block, Deed, Role
    from sinks.secret import Secret
    from sinks.shared import Shared
    from sinks.state import SinkState


class Target(Protocol):
    """An address in its parts. It can be a key of a mapping."""

    @property
    def canonical(self) -> str:
        """The canonical text after `scheme://`, without a key.

        It is the same for every spelling of one sink. Lists of sinks and locks contain it, so it must never change for
        a sink.
        """
        ...

    @property
    def key(self) -> str | None:
        """The key of the value in the document. None: the whole text is the value."""
        ...


S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
T = TypeVar("T", bound=Target)


class Kind(Protocol[S, T]):
    """What the package of a kind offers.

    Importing it loads no client library, because every command imports every kind. Functions import what they need.
    """

    @property
    def Settings(self) -> type[S]:  # noqa: N802  # a class
        """The frozen dataclass with one vault's configuration. Its fields' docstrings are in the JSON schema."""
        ...

    @property
    def REFERENCES(self) -> tuple[str, ...]:  # noqa: N802  # a constant, as those below
        """The settings that are references to secrets (`env:NAME`), dotted: `auth.token`.

        The schema accepts no plain text there.
        """
        ...

    @property
    def ADDRESS(self) -> str:  # noqa: N802
        """The form of an address, for help and hints: `vault://MOUNT/PATH`."""
        ...

    @property
    def CREDENTIALS(self) -> tuple[str, ...]:  # noqa: N802
        """Environment variables that hold the operator's credentials. No program inherits them from the bridge."""
        ...

    @property
    def PREFIXES(self) -> tuple[str, ...]:  # noqa: N802
        """Prefixes of further variables that an application does not inherit from `exec`.

        Empty where the names in `CREDENTIALS` are enough.
        """
        ...

    @property
    def POLICY_FORMAT(self) -> str:  # noqa: N802
        """The language of its policies, as `policy --format` names it."""
        ...

    def from_environment(self, environ: Mapping[str, str]) -> S:
        """Return the settings that the environment describes, where there is no file.

        Raises:
            BadAddress: a variable is missing.
        """
        ...

    def objections(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return a sentence for each variable that asks for what the bridge never does.

        Other tools obey such a variable, so a user has to learn that the bridge ignores it.
        """
        ...

    def is_described(self, environ: Mapping[str, str]) -> bool:
        """Return whether the environment names a server, so that `init` writes a table for it."""
        ...

    def initial(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return the lines of the table that `init` writes, without its header.

        They hold references and no secret, because the file is meant to be committed.
        """
        ...

    def unasked(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return variables to add for commands that ask no server, where the environment does not name one.

        `policy`, for example, prints the same rules whichever server is meant.
        """
        ...

    def parse(self, target: str, settings: S | None = None) -> T:
        """Split what follows `scheme://` into its parts. Without settings, only the text is checked.

        Raises:
            BadAddress: the text has another form. The message suggests what was meant.
        """
        ...

    def location(self, settings: S) -> str:
        """Return where the vault is, in a word: its URL, or its region. Empty if the settings do not say."""
        ...

    def identity(self, target: T, settings: S) -> tuple[str, ...]:
        """Return a key that is equal for two addresses of the same sink, also in vaults of different names.

        By it a sink is found that two clients share, or that one client names twice.
        """
        ...

    def open(
        self,
        name: str,
        target: str,
        settings: S,
        *,
        resolve: Callable[[str], Secret],
        clock: Clock,
        lease: timedelta,
        shared: Shared,
    ) -> Sink:
        """Open the sink at `name://target`, without a request.

        `resolve` returns the secret that a reference names. A call without compare-and-set ends within `lease`.
        `shared` holds what this sink may use together with others.

        Raises:
            BadAddress: the address does not have the form of this kind of store.
        """
        ...

    def open_reader(
        self,
        name: str,
        target: str,
        settings: S,
        *,
        resolve: Callable[[str], Secret],
        clock: Clock,
        timeout: timedelta,
        shared: Shared,
    ) -> Reader:
        """Open the sink at `name://target` for reading only. `timeout` is how long one request may take.

        Raises:
            BadAddress: the address does not have the form of this kind of store.
        """
        ...

    def policy_for(
        self, name: str, settings: S, asked: Mapping[T, frozenset[Deed]], role: Role, mounts: tuple[str, ...]
    ) -> Block:
        """Return the policy of a role for sinks in one vault. `asked` holds the deeds for each of them.

        `mounts` are the mounts that the user named, for stores whose addresses do not tell where a mount ends.

        Raises:
            BadAddress: a policy cannot name one of the sinks.
        """
        ...

    def policy_for_references(self, targets: tuple[T, ...], mounts: tuple[str, ...]) -> Block:
        """Return the policy for reading references that name these sinks, in the vault of the environment.

        Raises:
            BadAddress: a policy cannot name one of the sinks.
        """
        ...

    def diagnosis(
        self, name: str, settings: S, resolve: Callable[[str], Secret], clock: Clock, shared: Shared
    ) -> Diagnosis:
        """Return the examination of one vault.

        No request is sent before the first method of the result is called.
        """
        ...

    def findings(self) -> Mapping[str, Known]:
        """Return the findings that only this kind knows, by id.

        An id begins with the kind's name, so that two kinds never claim the same one.
        """
        ...


class SurveyTogether(Protocol[S_contra]):
    """What a kind may offer besides, by the name `survey_together`: the survey of many sinks of one vault at once."""

    def __call__(
        self,
        name: str,
        targets: tuple[str, ...],
        settings: S_contra,
        *,
        resolve: Callable[[str], Secret],
        clock: Clock,
        shared: Shared,
    ) -> Mapping[str, SinkState]:
        """Return the states of the sinks at `name://target`, by `Sink.uri`, for as many as can be told together.

        A state is one that `Sink.survey` could have returned during this call. Sinks of which that is not certain are
        left out, and so are all where a right or the server's support is missing. The caller surveys these one by one.

        Raises:
            BadAddress: an address does not have the form of this kind of store.
        """
        ...


def kind(name: str) -> Kind[Any, Any]:
    """Return the package of a kind of store, for example `sinks.vault`.

    Raises:
        BadAddress: there is no such kind.
    """
    # Checked first: otherwise any module of this package could be imported by a name in a configuration.
    if name not in names():
        raise BadAddress(f"'{name}' is no kind of vault", f"use {addresses()}")
    found: Any = importlib.import_module(f"sinks.{name}")
    package: Kind[Any, Any] = found
    return package


def survey_together(name: str) -> SurveyTogether[Any] | None:
    """Return how a kind surveys many sinks at once. None: it does not.

    Raises:
        BadAddress: there is no such kind.
    """
    return getattr(kind(name), "survey_together", None)


def names() -> tuple[str, ...]:
    """Return the names of all kinds, sorted: the packages in `sinks`.

    A folder that is added to `sinks.__path__` is searched as well.
    """
    return _names(tuple(sinks.__path__))


# Cached by the path, so that a test can add a folder with a further kind.
@functools.cache
def _names(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(found.name for found in pkgutil.iter_modules(path) if found.ispkg))


def addresses(suffix: str = "") -> str:
    """Return the forms of an address of all kinds, for help and hints."""
    return " or ".join(f"{kind(name).ADDRESS}{suffix}" for name in names())
