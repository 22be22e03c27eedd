"""The settings of the agent, from the file's `[agent]`: where it listens, and who may have which client.

Here are the checks of what belongs together. The pydantic model checks each value by itself.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

Fault = tuple[tuple[str | int, ...], str]  # the same as in `faults`, whose import would load pydantic
Method = Literal["client_secret_post", "client_secret_basic"]
METHODS: tuple[Method, ...] = get_args(Method)
MODE = re.compile(r"0?[0-7]{3}")
PORT = re.compile(r"(?P<host>.+):(?P<port>[0-9]{1,5})")
OTHERS = 0o002
"""The bit of a socket's mode by which everybody on the machine may connect."""
EXPECTED_ADDRESS = "an address of this machine itself, such as 127.0.0.1:8150"


@dataclass(frozen=True)
class Listener:
    """Where the agent listens, and whom it serves there. It has either a `socket` or an `address`."""

    socket: str | None = None
    """The path of a Unix socket."""
    address: tuple[str, int] | None = None
    """A loopback address and its port."""
    mode: int = 0o660
    """The mode of the socket's file: who may connect."""
    group: str | None = None
    """The group of the socket's file. None leaves that of the agent."""
    users: tuple[str, ...] = ()
    """The users, by their names or numbers, that may connect. Empty if the mode alone decides."""
    clients: tuple[str, ...] = ()
    """The clients that are served there, by their names. Empty for all of them."""
    values: bool = False
    """Whether `GET /v1/secret/NAME` hands out the values themselves."""

    def serves(self, client: str) -> bool:
        """Return whether a client of that name is served there."""
        return not self.clients or client in self.clients

    def __str__(self) -> str:
        host, port = self.address or ("", 0)
        return self.socket or f"{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True)
class Served:
    """What is special about one client at the agent."""

    token: str | None = None
    """A reference to the text that callers send as their `client_secret`. None if the listener alone decides."""
    method: Method = "client_secret_post"
    """How the application authenticates at Auth0."""
    audiences: tuple[str, ...] = ()
    """The audiences that may be asked for. Empty for all of them."""


@dataclass(frozen=True)
class AgentSettings:
    """The settings of the agent."""

    listen: tuple[Listener, ...]
    """Where it listens."""
    clients: Mapping[str, Served] = field(default_factory=dict)
    """What is special about clients, by their names."""
    max_age: timedelta = timedelta(minutes=5)
    """How long a value is used without asking the vault."""
    max_stale: timedelta = timedelta(hours=24)
    """How long a value is used while the vault cannot be read."""


def split_address(text: str) -> tuple[str, int] | None:
    """Return host and port of a loopback address, or None if the text is something else.

    Port 0 is none, because applications have to know the port.
    """
    found = PORT.fullmatch(text)
    host = found["host"].removeprefix("[").removesuffix("]") if found else ""
    port = int(found["port"]) if found else 0
    try:
        # By number only: what a name means, others may decide. In the form in which a socket says it, too.
        number = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (str(number), port) if number.is_loopback and "%" not in host and 0 < port < 2**16 else None


def read(table: Any, known: Callable[[str, str], str]) -> AgentSettings | None:
    """Return the settings of the model's table. `known` translates a reference, as in `load`."""
    if table is None:
        return None
    said: dict[str, Any] = table.model_dump(exclude_none=True)
    return AgentSettings(
        tuple(_listener(each) for each in said.pop("listen")),
        {name: _served(name, each, known) for name, each in said.pop("clients", {}).items()},
        **said,
    )


def _listener(said: dict[str, Any]) -> Listener:
    changed: dict[str, Any] = {name: tuple(said[name]) for name in ("users", "clients") if name in said}
    if "address" in said:
        changed["address"] = split_address(said["address"])
    if "mode" in said:
        changed["mode"] = int(said["mode"], 8)
    return Listener(**{**said, **changed})


def _served(name: str, said: dict[str, Any], known: Callable[[str, str], str]) -> Served:
    changed: dict[str, Any] = {}
    if "token" in said:
        changed["token"] = known(said["token"], f"agent.clients.{name}.token")
    if "audiences" in said:
        changed["audiences"] = tuple(said["audiences"])
    return Served(**{**said, **changed})


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults between `[agent]` and the rest of a file, which need not be valid otherwise."""
    table = data.get("agent")
    if not isinstance(table, dict):
        return
    clients = data.get("clients")
    known = sorted(clients) if isinstance(clients, dict) else []
    served = table.get("clients")
    served = served if isinstance(served, dict) else {}
    for name in served:
        if name not in known:
            yield ("agent", "clients", name), _unknown(name, known)
    listeners = table.get("listen")
    seen: dict[str, int] = {}
    for number, each in enumerate(listeners if isinstance(listeners, list) else []):
        if isinstance(each, dict):
            place = ("agent", "listen", number)
            yield from _place(place, each)
            yield from _clients(place, each, known, served)
            where = str(each.get("socket") or each.get("address"))
            if (first := seen.setdefault(where, number)) != number:
                yield place, f"the same place as agent.listen[{first}]"


def _place(place: tuple[str | int, ...], each: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that a listener has one place, and nothing that belongs to the other kind."""
    if ("socket" in each) == ("address" in each):
        found = "both" if "socket" in each else "none"
        yield place, f"found {found}, expected one of socket (a path) and address (a loopback address)"
    elif "address" in each:
        for key in {"mode", "group", "users"} & set(each):
            yield (*place, key), "only a socket has it: an address is open to every user of this machine"


def _clients(
    place: tuple[str | int, ...], each: Mapping[str, Any], known: list[str], served: Mapping[str, Any]
) -> Iterator[Fault]:
    """Check that a listener's clients exist, and that whoever can reach it cannot have all of them."""
    named = each.get("clients")
    named = named if isinstance(named, list) else known
    for number, name in enumerate(named):
        if isinstance(name, str) and name not in known:
            yield (*place, "clients", number), _unknown(name, known)
    mode = each.get("mode")
    everybody = isinstance(mode, str) and bool(MODE.fullmatch(mode)) and bool(int(mode, 8) & OTHERS)
    if "address" not in each and not (everybody and not each.get("users")):
        return
    bare = [name for name in named if name in known and not _has_token(served.get(name))]
    if bare:
        open_to = "an address" if "address" in each else f"mode {mode}"
        tables = ", ".join(f"agent.clients.{name}.token" for name in bare)
        yield place, f"every user of this machine can reach {open_to}, so each client there needs a token: {tables}"


def _has_token(table: object) -> bool:
    return isinstance(table, dict) and "token" in table


def _unknown(name: str, known: list[str]) -> str:
    from bridge.config.faults import choice

    return f"no client of that name: {choice(name, known)}"
