"""Finding and reading `bridge.toml`.

The file is code: it says where credentials are sent and what is run after a rotation (ADR 18). It holds references to
secrets, and this module reads none of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.config import agent, discovered, fleet, watch
from bridge.config.audit import Fault, audit_of
from bridge.config.environment import objections
from bridge.config.settings import (
    AuditSettings,
    ClientSettings,
    Exemption,
    NotifySettings,
    Settings,
    VaultSettings,
    with_key,
)
from bridge.config.stored import Logins, stored
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings
from sinks import files

if TYPE_CHECKING:
    from bridge.config.model import ConfigFile

FILE_NAME = "bridge.toml"
VARIABLE = "BRIDGE_CONFIG"
CREDENTIALS = ("client_secret", "api_token", "private_key")
"""The settings of a tenant that are references."""
SHOWN = 100
"""The most faults that are told at once. One mistake may be made for each of thousands of clients."""
_SECTIONS = (
    "tenants", "vaults", "defaults", "clients", "rules", "discover", "audit", "notify", "agent", "watch", "fleet",
)  # fmt: skip


def find(option: str | Path | None, environ: Mapping[str, str], directory: Path | None = None) -> Path | None:
    """Return the file to use: `--config`, `BRIDGE_CONFIG`, or `bridge.toml` in the working directory.

    Return None if there is none of them. The directories above are not searched, because the file says where
    credentials are sent, and their owner could redirect them.

    Raises:
        Usage: the file that was named does not exist, or the one in the working directory could have been written by
            another user.
    """
    for origin, text in (("--config", option), (VARIABLE, environ.get(VARIABLE))):
        if text:
            if not Path(text).is_file():
                wrong = f"{text} is not a regular file" if Path(text).exists() else f"there is no file {text}"
                raise Usage(f"{origin}: {wrong}", hint="name the configuration file, or write one: secret-bridge init")
            return Path(text)
    path = (directory or Path()) / FILE_NAME
    if not path.is_file():
        return None
    _trust(path)
    return path


def _trust(path: Path) -> None:
    """Check that nobody else could have written the file that was found in the working directory.

    It runs commands and receives credentials. Root, or a job in a shared directory, would do so for anybody.

    Raises:
        Usage: another user could. The hint names the option by which the file is used all the same.
    """
    # The directory counts, too: whoever may write to it can put another file of ours in the place of this one.
    looks = (("the file", path.lstat()), ("the file", path.stat()), ("its directory", path.absolute().parent.stat()))
    for what, found in looks:
        if (why := files.exposure(found)) is not None:
            mend = "" if why.startswith("belongs") else f"chmod go-w {path if what == 'the file' else path.parent}; or "
            raise Usage(
                f"{path} is not used, because it was not named, and {what} {why}",
                hint=f"{mend}read it, and name it: --config {path}",
            )


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, and of the file of discovered clients that it names.

    Raises:
        Usage: a file cannot be read or has faults, with up to `SHOWN` of them at once, one line each.
    """
    data = read(path)
    beside = discovered.named_by(data, path)
    if beside is None:
        return build(data, path, environ)
    discovered.check(path, beside)
    found = discovered.tables(read(beside), beside) if beside.exists() else None
    data, faults = discovered.merged(data, found, beside.name)
    return build(data, path, environ, faults)


def build(data: Mapping[str, Any], path: Path, environ: Mapping[str, str], more: Sequence[Fault] = ()) -> Settings:
    """Return the settings that a file's parsed data describe.

    The secrets that it refers to are not read yet. `path` is the file's own, for messages and for `Settings.path`.
    `more` are faults that were found before.

    Raises:
        Usage: the file has faults, with up to `SHOWN` of them at once, one line each.
    """
    # Imported here, because pydantic takes long to load and commands without a file do not need it.
    from bridge.config import faults, rules

    config, vaults, audit, wrong = _checked(data, environ)
    found: list[Fault] = [*more, *wrong]
    if found or config is None:
        found.sort(key=lambda fault: _SECTIONS.index(str(fault[0][0])) if fault[0][:1] in _TOP else len(_SECTIONS))
        beside = discovered.named_by(data, path)
        hint = f"the file is {path}{f', and its discovered clients are in {beside.name}' if beside else ''}"
        # Without a key, a variable is at fault.
        told = [faults.line(fault) for fault in found[:SHOWN]]
        told += [f"and {len(found) - SHOWN} more"] * (len(found) > SHOWN)
        raise Usage(*told, hint=hint if any(key for key, _ in found) else None)
    logins = Logins()
    known = partial(stored, vaults=vaults, logins=logins)
    return Settings(
        tenants={name: _tenant(name, table, known) for name, table in config.tenants.items()},
        vaults=vaults,
        clients={name: _client(name, table, config.defaults) for name, table in config.clients.items()},
        path=path,
        audit=audit and replace(audit, key=audit.key and known(audit.key, "audit.key")),
        notify=tuple(_notify(number, table, known) for number, table in enumerate(config.notify)),
        rules=rules.read(data),
        agent=agent.read(config.agent, known),
        watch=watch.read(config.watch, known),
        fleet=fleet.read(config.fleet, known),
        discovered=discovered.named_by(data, path),
        logins=logins,
    )


def _checked(
    data: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[ConfigFile | None, dict[str, VaultSettings], AuditSettings | None, list[Fault]]:
    """Return what could be read of a file's data, and all faults that are in it."""
    from pydantic import ValidationError

    from bridge.config import faults, rules
    from bridge.config.checks import addresses, cross_check
    from bridge.config.model import ConfigFile

    found: list[Fault] = []
    config = None
    try:
        config = ConfigFile.model_validate(data, context=named if isinstance(named := data.get("vaults"), dict) else {})
    except ValidationError as error:
        found += faults.of_model(error)
    vaults, wrong = _vaults(data)
    found += wrong
    found += cross_check(data)
    found += rules.check(data)
    found += agent.check(data)
    found += watch.check(data)
    found += addresses(data, vaults)
    audit, unfit = audit_of(data, environ)
    found += unfit
    found += [((), text) for text in objections((vault.type for vault in vaults.values()), environ)]
    return config, vaults, audit, found


TOML = 'mend it there or above: TOML is KEY = "VALUE", and each bracket and quote has its end'
"""What to do about a file that is not TOML."""
# The other reasons of the parser show a piece of the file, and that may be a secret.
_REASONS = {
    "Expected '=' after a key in a key/value pair", "Expected newline or end of document after a statement",
    "Invalid initial character for a key part", "Invalid statement", "Invalid value", "Unclosed array",
    "Unclosed inline table", "Unterminated string", "Cannot overwrite a value",
}  # fmt: skip
_TOP = {(section,) for section in _SECTIONS}


def read(path: Path) -> dict[str, Any]:
    """Return a file's data as TOML has it, whatever they mean.

    Raises:
        Usage: it cannot be read, or it is not TOML.
    """
    return parsed(content(path), path)


def parsed(text: bytes, path: Path) -> dict[str, Any]:
    """Return what the content of a file means as TOML. `path` is for messages.

    Raises:
        Usage: it is not TOML.
    """
    try:
        return tomllib.loads(text.decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"{path}: not valid TOML at {_where(str(error))}", hint=TOML) from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not valid TOML: it is not text in UTF-8", hint="save it as UTF-8") from None
    except RecursionError:
        raise Usage(f"{path}: not valid here: its lists or tables are nested too deeply") from None


def content(path: Path) -> bytes:
    """Return the content of a file of the configuration.

    Raises:
        Usage: it cannot be read.
    """
    try:
        return files.read(path, discovered.LARGEST)
    except files.Unfit as error:
        expected = f"name a regular file of at most {discovered.LARGEST >> 20} MiB: --config FILE"
        raise Usage(f"{path}: {error}", hint=expected) from None
    except OSError as error:
        raise Usage(f"{path}: cannot be read ({type(error).__name__})") from None


def _where(told: str) -> str:
    """Return the position that a parser's error names, and its reason if that holds nothing of the file."""
    found = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", told, re.DOTALL)
    if found is None:
        return "an unknown line"
    reason, position = found.groups()
    return f"{position}: {reason[:1].lower()}{reason[1:]}" if reason in _REASONS else position


def _vaults(data: Mapping[str, Any]) -> tuple[dict[str, VaultSettings], list[Fault]]:
    from bridge.config.vaults import read_vault

    tables, found, vaults = data.get("vaults"), list[Fault](), dict[str, VaultSettings]()
    for name, table in (tables if isinstance(tables, dict) else {}).items():
        # Anything else is reported by the model.
        if isinstance(table, dict):
            vault, wrong = read_vault(name, table)
            found += wrong
            vaults |= {name: vault} if vault else {}
    return vaults, found


def _tenant(name: str, table: Any, known: Callable[[str, str], str]) -> TenantSettings:
    from bridge.config.faults import dotted

    said = table.model_dump(exclude_none=True)
    read = {key: known(said[key], dotted(("tenants", name, key))) for key in CREDENTIALS if key in said}
    return TenantSettings(name=name, **{**said, **read})


def _notify(number: int, table: Any, known: Callable[[str, str], str]) -> NotifySettings:
    said: dict[str, Any] = table.model_dump(exclude_none=True)
    on = {"on": tuple(said["on"])} if "on" in said else {}
    return NotifySettings(**{**said, **on, "url": known(said["url"], f"notify[{number}].url")})


def _client(name: str, table: Any, defaults: Any) -> ClientSettings:
    """Return a client's settings: its own values, else those of [defaults], else the bridge's defaults."""
    from bridge.config.calendar import calendar_of

    said = {**defaults.model_dump(exclude_none=True), **table.model_dump(exclude_none=True)}
    said["sinks"] = tuple(with_key(uri, said.get("key")) for uri in said["sinks"])
    for field, kind in (("accept", frozenset), ("after", tuple)):
        if field in said:
            said[field] = kind(said[field])
    said["calendar"] = calendar_of(said.pop("windows", ()), said.pop("blackouts", ()))
    if "exception" in said:
        said["exception"] = Exemption(**said["exception"])
    return ClientSettings(name=name, **said)
