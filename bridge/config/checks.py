"""Checks between the parts of a configuration.

They work on the file's data as TOML gave it, so that every fault shows at once, whatever else is wrong. A value of the
wrong type is skipped here, because the pydantic model names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from bridge.config.agent import AgentSettings
from bridge.config.calendar import unkept
from bridge.config.faults import Fault, Key, choice, dotted
from bridge.config.fields import day, duration
from bridge.config.settings import LONGEST_EXCEPTION, ClientSettings, VaultSettings
from bridge.model.tenant_address import base_url
from bridge.model.timing import PROPAGATION
from sinks import kinds
from sinks.errors import BadAddress
from sinks.loopback import is_loopback

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*")
CREDENTIALS = {"client_id", "client_secret", "private_key"}


def cross_check(data: Mapping[str, Any]) -> list[Fault]:
    """Return the faults between the parts of a configuration.

    `data` is the parsed file, which need not be valid otherwise.
    """
    checks: tuple[Callable[[Mapping[str, Any]], Iterator[Fault]], ...] = (
        _names, _credentials, _propagation, _tenants, _schemes, _ages, _due, _agent_ages, _sibling_keys, _exceptions,
        _same_client, _same_place,
    )  # fmt: skip
    # All checks run, whatever the others find, so that a file is mended in one round.
    return [fault for check in checks for fault in check(data)]


def addresses(data: Mapping[str, Any], vaults: Mapping[str, VaultSettings]) -> Iterator[Fault]:
    """Yield a fault for each sink whose address does not have the form that its vault's kind demands.

    `vaults` holds the vaults that were read without a fault. Sinks of other vaults are skipped.
    """
    for key, uri in _sinks(data):
        scheme, _, target = uri.partition("://")
        # `_schemes` reports a vault of an unknown name, and one fault needs no second line.
        if target and scheme in vaults:
            try:
                kinds.kind(vaults[scheme].type).parse(target, vaults[scheme].options)
            except BadAddress as error:
                yield key, f"{error.message}{f'; {error.hint}' if error.hint else ''}"


def _names(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _tables(data, "vaults"):
        if not _SCHEME.fullmatch(name):
            yield ("vaults", name), "expected a name that can be a URI's scheme: a-z, then a-z 0-9 + . -"
    for name in _tables(data, "clients"):
        if not _NAME.fullmatch(name):
            yield ("clients", name), "expected a name of letters, digits and _ . : @ -, beginning with one of the first"


def _credentials(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name, table in _tables(data, "tenants").items():
        # A ready-made token wins over everything else, so the rest need not be complete. And the agent asks for tokens
        # of its clients only: where it runs, nobody should have the bridge's own credentials.
        if "api_token" in table or ("agent" in data and not CREDENTIALS & set(table)):
            continue
        if "client_id" not in table or not {"client_secret", "private_key"} & set(table):
            yield ("tenants", name), "expected api_token, or client_id with client_secret or private_key"
        elif {"client_secret", "private_key"} <= set(table):
            yield ("tenants", name), "found client_secret and private_key, expected one of them"


def _propagation(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name, table in _tables(data, "tenants").items():
        # All waits of the protocol follow from this one. Too short, and late calls would outlast the fence.
        short = _duration(table.get("propagation"))
        if short is not None and short < PROPAGATION and not _is_local(table.get("domain")):
            yield ("tenants", name, "propagation"), "expected 30s or more, as Auth0 takes (less: on loopback)"


def _tenants(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = sorted(_tables(data, "tenants"))
    for name, table in _tables(data, "clients").items():
        tenant = table.get("tenant")
        if isinstance(tenant, str) and tenant not in known:
            yield ("clients", name, "tenant"), choice(tenant, known)


def _schemes(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = sorted(_tables(data, "vaults"))
    for key, uri in _sinks(data):
        scheme, found, _ = uri.partition("://")
        if found and scheme not in known:
            yield key, f"no vault of that name: {choice(scheme, known)}"


def _ages(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Check the pair of fallback ages in the defaults once, and that of a client only if the client sets one of them.

    Otherwise one wrong default would be a fault of every client.
    """
    for place, table, merged in _policies(data):
        said = [key for key in ("fallback_min_age", "fallback_max_age") if key in table]
        least = _duration(merged.get("fallback_min_age"), ClientSettings.fallback_min_age)
        most = _duration(merged.get("fallback_max_age"), ClientSettings.fallback_max_age)
        # A fallback could otherwise be overdue before it may be retired.
        if said and least is not None and most is not None and least > most:
            yield (*place, said[0]), f"fallback_min_age ({least}) is longer than fallback_max_age ({most})"


def _due(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that windows, blackouts and jitter leave room for the ages, where one of them is said."""
    for place, table, merged in _policies(data):
        yield from (((*place, key), text) for key, text in unkept(merged, table))


def _agent_ages(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that the agent may use a value for at least as long as it does not read it again."""
    table = data.get("agent")
    if isinstance(table, dict) and {"max_age", "max_stale"} & set(table):
        age = _duration(table.get("max_age"), AgentSettings.max_age)
        stale = _duration(table.get("max_stale"), AgentSettings.max_stale)
        if age is not None and stale is not None and stale < age:
            yield ("agent", "max_stale"), f"max_stale ({stale}) is shorter than max_age ({age})"


def _sibling_keys(data: Mapping[str, Any]) -> Iterator[Fault]:
    default = data.get("defaults")
    default = default if isinstance(default, dict) else {}
    told = {name: {**default, **table} for name, table in _tables(data, "clients").items()}
    kept = {name: table for name, table in told.items() if table.get("sibling_keys") is True}
    for name, table in kept.items():
        # Announced values help only readers that get the time to read them before Auth0 changes (ADR 29).
        if _duration(table.get("consumer_refresh"), timedelta(0)) == timedelta(0):
            yield (
                ("clients", name, "consumer_refresh"),
                "sibling keys need it: how long readers keep what they have read",
            )
    for key, uri in _sinks(data):
        if key[1] in kept and uri.endswith("?bare"):
            yield key, "sibling keys have no room beside a bare text (?bare)"


def _exceptions(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Refuse an exception that ends too late, because that is a policy, which belongs into `max_age`.

    The limit counts from today, so a file that was valid stays valid.
    """
    latest = datetime.now(UTC).date() + LONGEST_EXCEPTION
    for name, table in _tables(data, "clients").items():
        said = table.get("exception")
        try:
            until = day(said.get("until")) if isinstance(said, dict) else latest
        except PydanticCustomError:
            continue
        if until > latest:
            expected = f"a day at most {LONGEST_EXCEPTION.days} days off, {latest} or earlier"
            yield ("clients", name, "exception", "until"), f"found {until}, expected {expected}"


def _same_client(data: Mapping[str, Any]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], str] = {}
    tenants = _tables(data, "tenants")
    for name, table in _tables(data, "clients").items():
        tenant, client_id = table.get("tenant"), table.get("client_id")
        if not isinstance(tenant, str) or not isinstance(client_id, str):
            continue
        # By base URL, because two tables may describe one tenant in different words.
        first = seen.setdefault((_base(tenants.get(tenant, {}).get("domain")) or tenant, client_id), name)
        if first != name:
            yield ("clients", name, "client_id"), f"the same application as {dotted(('clients', first))}"


def _same_place(data: Mapping[str, Any]) -> Iterator[Fault]:
    seen: dict[str, Key] = {}
    for key, uri in _sinks(data):
        # A sink is a document, so its keys do not count (ADR 13). Two clients in one document would fight for one lock.
        first = seen.setdefault(re.split("[#?]", uri)[0].rstrip("/"), key)
        if first != key:
            yield key, f"the same sink as {dotted(first)}"


def _tables(data: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    tables = data.get(section)
    return {n: t for n, t in tables.items() if isinstance(t, dict)} if isinstance(tables, dict) else {}


def _policies(data: Mapping[str, Any]) -> Iterator[tuple[Key, dict[str, Any], dict[str, Any]]]:
    """Yield the key of each table with a policy, the table, and the same with what [defaults] adds to it."""
    default = data.get("defaults")
    default = default if isinstance(default, dict) else {}
    yield ("defaults",), default, default
    for name, table in _tables(data, "clients").items():
        yield ("clients", name), table, {**default, **table}


def _sinks(data: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    for name, table in _tables(data, "clients").items():
        uris = table.get("sinks")
        for number, uri in enumerate(uris if isinstance(uris, list) else []):
            if isinstance(uri, str):
                yield ("clients", name, "sinks", number), uri


def _duration(value: object, absent: timedelta | None = None) -> timedelta | None:
    """Return a duration, or None if it cannot be read, which the model reports."""
    if value is None:
        return absent
    try:
        return duration(value)
    except PydanticCustomError:
        return None


def _base(domain: object) -> str | None:
    try:
        return base_url(domain) if isinstance(domain, str) else None
    except ValueError:
        return None


def _is_local(domain: object) -> bool:
    base = _base(domain)
    return base is None or is_loopback(base)
