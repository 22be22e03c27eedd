"""Settings without a file: a client id, its sinks, and the usual environment variables.

This is for a first look and for small set-ups. Ages, hooks and exceptions need a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from bridge.config.audit import audit_from_environment
from bridge.config.settings import ClientSettings, Settings, VaultSettings, with_key
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings
from bridge.model.tenant_address import base_url
from bridge.model.timing import PROPAGATION
from sinks import kinds, split
from sinks.errors import SinkError
from sinks.loopback import is_loopback
from sinks.references import flaw

NAME = "env"
"""The name of the tenant that the environment describes."""

PROPAGATION_VARIABLE = "BRIDGE_PROPAGATION"
INTERVAL_VARIABLE = "BRIDGE_MIN_INTERVAL"


def from_environment(
    client_id: str, sinks: tuple[str, ...], environ: Mapping[str, str], *, key: str | None = None, tenant: bool = True
) -> Settings:
    """Return the settings for one client that is not in a file.

    `key` is the secret's key in each document. If `tenant` is False, the variables of Auth0 are not needed, and the
    settings have no tenant.

    Raises:
        Usage: variables or sinks are missing or wrong, with all faults at once.
    """
    found, faults = _tenant(environ) if tenant else (None, [])
    vaults, wrong = _vaults(sinks, environ)
    audit, unfit = audit_from_environment(environ)
    interval, bad = _duration(environ, INTERVAL_VARIABLE, ClientSettings.min_interval)
    wrong += [*unfit, *bad]
    if not re.fullmatch(r"[\w.@|+-]{1,128}", client_id, re.ASCII):
        wrong.append(f"NAME: found {ascii(client_id)[:40]}, expected the client id of an application")
    if not sinks:
        wrong.append(f"no sink is named: --sink {kinds.addresses()}")
    if faults or wrong:
        raise Usage(*faults, *wrong)
    keyed = tuple(with_key(uri, key) for uri in sinks)
    client = ClientSettings(client_id, client_id, NAME, keyed, key=key, min_interval=interval)
    return Settings({NAME: found} if found else {}, vaults, {client_id: client}, audit=audit)


def tenant_from_environment(environ: Mapping[str, str]) -> TenantSettings:
    """Return only the tenant that the environment describes.

    Raises:
        Usage: variables are missing or wrong, with all faults at once.
    """
    tenant, faults = _tenant(environ)
    if tenant is None:
        raise Usage(*faults)
    return tenant


def address_from_environment(environ: Mapping[str, str]) -> TenantSettings:
    """Return where the tenant is that the environment describes, without the credentials that it may lack yet.

    Raises:
        Usage: the domain is missing, or it or the audience is wrong.
    """
    if not environ.get("AUTH0_DOMAIN"):
        raise Usage("not set: AUTH0_DOMAIN (the tenant's own domain, such as acme.eu.auth0.com)")
    domain, faults = _address(environ)
    if faults:
        raise Usage(*faults)
    return TenantSettings(NAME, domain, audience=environ.get("AUTH0_AUDIENCE") or None)


def objections(types: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Return a fault for each variable that asks for what the bridge never does at vaults of these types."""
    return [text for name in dict.fromkeys(types) for text in kinds.kind(name).objections(environ)]


def _tenant(environ: Mapping[str, str]) -> tuple[TenantSettings | None, list[str]]:
    domain, wrong = _address(environ)
    faults = _missing(environ) + wrong
    propagation, wrong = _propagation(environ, domain)
    faults += wrong
    if faults:
        return None, faults
    return TenantSettings(
        name=NAME,
        domain=domain,
        client_id=environ.get("AUTH0_CLIENT_ID") or None,
        client_secret=_reference(environ, "AUTH0_CLIENT_SECRET"),
        api_token=_reference(environ, "AUTH0_API_TOKEN"),
        private_key=_reference(environ, "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY"),
        audience=environ.get("AUTH0_AUDIENCE") or None,
        propagation=propagation,
    ), []


def _address(environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the domain, or an empty text without one, and the faults of what is not secret."""
    domain, faults = environ.get("AUTH0_DOMAIN", ""), []
    if domain:
        try:
            base_url(domain)
        except ValueError as error:
            faults.append(f"AUTH0_DOMAIN: found {_shown(domain)}, expected {error}")
    # Public, and therefore no references. A line break at the end would make another application of it.
    faults += [
        f"{name}: the text {unfit} (set it again without that)"
        for name in ("AUTH0_CLIENT_ID", "AUTH0_AUDIENCE")
        if (unfit := flaw(environ.get(name, "")))
    ]
    return domain, faults


def _missing(environ: Mapping[str, str]) -> list[str]:
    missing = [] if environ.get("AUTH0_DOMAIN") else ["AUTH0_DOMAIN"]
    # A ready-made token is all that a request needs.
    if not environ.get("AUTH0_API_TOKEN"):
        if not environ.get("AUTH0_CLIENT_ID"):
            missing.append("AUTH0_CLIENT_ID")
        if not environ.get("AUTH0_CLIENT_SECRET") and not environ.get("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY"):
            missing.append("AUTH0_CLIENT_SECRET (or AUTH0_CLIENT_ASSERTION_PRIVATE_KEY)")
    if not missing:
        return []
    instead = "; AUTH0_API_TOKEN alone would do instead of an application" if len(missing) > 1 else ""
    return [f"not set: {', '.join(missing)}{instead} (set it, or name a client of a bridge.toml: secret-bridge init)"]


def _propagation(environ: Mapping[str, str], domain: str) -> tuple[timedelta, list[str]]:
    wanted, faults = _duration(environ, PROPAGATION_VARIABLE, PROPAGATION)
    if faults:
        return PROPAGATION, faults
    if not wanted:  # the lease follows from it, and nothing ends within none
        return PROPAGATION, [f"{PROPAGATION_VARIABLE}: found 0, expected a longer time"]
    # Auth0 accepts either value for up to 30 s, so a shorter wait would prove nothing there.
    if wanted < PROPAGATION and domain and not _is_local(domain):
        return PROPAGATION, [f"{PROPAGATION_VARIABLE}: expected 30s or more, as Auth0 takes (less: on loopback)"]
    return wanted, []


def _duration(environ: Mapping[str, str], name: str, usual: timedelta) -> tuple[timedelta, list[str]]:
    text = environ.get(name, "")
    if not text:
        return usual, []
    match = re.fullmatch(r"(\d{1,6})(ms|s|m)", text)
    if match is None:
        return usual, [f"{name}: found {_shown(text)}, expected a duration such as 30s"]
    unit = {"ms": "milliseconds", "s": "seconds", "m": "minutes"}[match.group(2)]
    return timedelta(**{unit: int(match.group(1))}), []


def _vaults(sinks: tuple[str, ...], environ: Mapping[str, str]) -> tuple[dict[str, VaultSettings], list[str]]:
    vaults: dict[str, VaultSettings] = {}
    faults: list[str] = []
    for uri in sinks:
        try:
            scheme, target = split(uri)
            if scheme not in vaults:
                vaults[scheme] = VaultSettings(scheme, scheme, kinds.kind(scheme).from_environment(environ))
            kinds.kind(scheme).parse(target, vaults[scheme].options)
        except SinkError as error:
            text = error.message + (f" ({error.hint})" if error.hint else "")
            # Sinks of one vault share its faults.
            faults += [] if text in faults else [text]
    return vaults, faults + objections((vault.type for vault in vaults.values()), environ)


def _reference(environ: Mapping[str, str], name: str) -> str | None:
    # By reference, so that neither the settings nor their `repr` hold the secret.
    return f"env:{name}" if environ.get(name) else None


def _is_local(domain: str) -> bool:
    try:
        return is_loopback(base_url(domain))
    except ValueError:
        return False


def _shown(text: str) -> str:
    """Return a text in quotes, unless it holds an "@", because a URL may have a password before that."""
    return "a text (not shown)" if "@" in text else f'"{text}"'
