"""Checks of servers that speak Vault's API, and of the documents in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.doctor import Severity
from bridge.doctor.others import managers
from bridge.doctor.report import CERTIFICATE, LATER, SOON
from bridge.doctor.tls import Certificate, Fault, certificate
from bridge.model.timing import span
from sinks.errors import BadAddress, Denied, SinkError
from sinks.vault.inspect import NEVER, Inspector, Limits, Mounted, TokenFacts, kept
from sinks.vault.rights import mount_of, needed
from sinks.vault.state import LEAST_VERSIONS

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.config.settings import VaultSettings
    from bridge.doctor.report import Report
    from sinks.clock import Clock
    from sinks.rights import Deed, Role
    from sinks.secret import Secret
    from sinks.vault import Settings, Target


@dataclass
class Vault:
    """A server that answers, with a token that it accepts."""

    name: str
    """Its name in the configuration."""
    settings: Settings
    """Its settings."""
    inspector: Inspector
    """The access to it."""
    policies: str
    """The names of the token's policies, for the remedies."""
    limits: dict[str, Limits | None] = field(default_factory=dict)
    """The settings of each mount that was asked for. None where they cannot be read."""

    def mount_limits(self, mount: str) -> Limits | None:
        """Return a mount's settings, or None if they cannot be read. Each mount is asked once."""
        if mount not in self.limits:
            self.limits[mount] = self.inspector.mount_limits(mount)
        return self.limits[mount]


def check(
    report: Report, vault: VaultSettings, settings: Settings, resolve: Callable[[str], Secret], clock: Clock
) -> Vault | None:
    """Examine a server and the token, and return the access to it, or None if its places cannot be examined.

    The server comes first: without a reachable and unsealed server, nothing can be said of the token.
    """
    inspector = Inspector(settings, resolve, clock)
    names = {"vault": vault.name}
    if not _alive(report, settings, inspector, names, clock):
        return None
    if inspector.tokenless:
        report.wrong("vault-token-missing", f"there is no token for {settings.url}: VAULT_TOKEN is not set")
        return None
    try:
        inspector.log_in()
    except BadAddress as error:
        report.wrong("vault-settings", error.message, hint=error.hint or "correct it in bridge.toml")
        return None
    except Denied as error:
        report.wrong("vault-login", error.message, hint=error.hint or "check the role and what it logs in with")
        return None
    return _with_token(report, vault, settings, inspector)


def _alive(report: Report, settings: Settings, inspector: Inspector, names: Mapping[str, str], clock: Clock) -> bool:
    """Return whether the server answers and is unsealed, after reporting on its clock and certificate."""
    try:
        health = inspector.health()
    except BadAddress as error:  # a certificate file that cannot be read
        report.wrong("vault-settings", error.message, hint=error.hint or "correct it in bridge.toml")
        return False
    except SinkError as error:
        _unreachable(report, settings, error, names, clock)
        return False
    report.skew(health.skew, settings.url)
    if health.sealed:
        report.wrong("vault-sealed", f"{settings.url} is sealed")
        return False
    if health.standby:
        report.note("vault-standby", f"{settings.url} is a standby: requests may be pointed elsewhere", **names)
    report.ok(f"reachable and unsealed (version {health.version})")
    if seen := _certificate(settings):
        _ending(report, seen, clock.now())
    return True


def _certificate(settings: Settings) -> Certificate | None:
    return certificate(settings.url, ca_file=settings.ca_file, ca_path=settings.ca_path, name=settings.tls_server_name)


def _unreachable(report: Report, settings: Settings, error: SinkError, names: Mapping[str, str], clock: Clock) -> None:
    """Report why the server cannot be reached: the certificate, if that is the cause."""
    seen = _certificate(settings)
    if seen is None or seen.fault is Fault.NONE:
        report.wrong("vault-unreachable", error.message, **names)
    elif seen.fault is Fault.EXPIRED:
        _ending(report, seen, clock.now())
    elif seen.fault is Fault.NAME:
        told = f"the certificate of {seen.host} is for {', '.join(seen.names) or 'nobody by name'}"
        report.wrong("vault-certificate-name", told, name=seen.names[0] if seen.names else "NAME", **names)
    else:
        report.wrong("vault-authority", f"the certificate of {seen.host} comes from an unknown authority", **names)


def _ending(report: Report, seen: Certificate, now: datetime) -> None:
    """Judge how long the server's certificate is still valid."""
    left = seen.ends - now
    if left < timedelta(0):
        report.wrong("vault-certificate", f"the certificate of {seen.host} ended {span(-left)} ago", host=seen.host)
    elif left < CERTIFICATE:
        report.note("vault-certificate", f"the certificate of {seen.host} ends in {span(left)}", host=seen.host)
    else:
        report.ok(f"certificate good until {seen.ends:%Y-%m-%d}")


def _with_token(report: Report, vault: VaultSettings, settings: Settings, inspector: Inspector) -> Vault | None:
    """Judge the token, and return the access to the server, or None if the token is refused."""
    try:
        token = inspector.token()
    except Denied as error:
        report.wrong("vault-token-refused", error.message)
        return None
    if settings.auth.method == "token":
        _lifetime(report, token)
    else:
        report.ok(f"logged in by {settings.auth.method}; policies: {', '.join(token.policies)}")
    return Vault(vault.name, settings, inspector, ", ".join(token.policies))


def _lifetime(report: Report, token: TokenFacts) -> None:
    """Judge how long the token is still valid."""
    if token.left is None:
        report.ok(f"token without an end; policies: {', '.join(token.policies)}")
        return
    if token.left >= LATER:
        report.ok(f"token for another {span(token.left)}; policies: {', '.join(token.policies)}")
        return
    severity = Severity.WRONG if token.left < SOON else Severity.NOTE
    remedy = "bao token renew -increment=48h" if token.renewable else "bao login     # or: export VAULT_TOKEN=…"
    able = "it can be renewed" if token.renewable else "it cannot be renewed"
    report.add(severity, "vault-token-expires", f"the token ends in {span(token.left)}; {able}", remedy=remedy)


def place(report: Report, vault: Vault, target: Target, role: Role, asked: frozenset[Deed]) -> bool:
    """Examine a document's mount, the token's rights, and the settings, and return whether its metadata can be read.

    `asked` are the deeds that the role needs at this place.
    """
    at = vault.inspector.mounted(target.path)
    missing = _rights(report, vault, at or _assumed(target.path), role, asked)
    if at is None:
        if not missing:
            mount = mount_of(target.path, ())
            told = f"no mount serves {target.path}, or the token may see nothing there"
            report.wrong("vault-mount-missing", told, mount=mount)
        return False
    if at.version != "2":
        kind = "vault-kv-version" if at.version else "vault-not-kv"
        what = f"is KV version {at.version}" if at.version else "is no KV mount"
        report.wrong(kind, f"the mount {at.mount}/ {what}", mount=at.mount)
        return False
    key = vault.inspector.key_limits(at)
    _limits(report, vault, at, key)
    for tag, manager, refused in managers(key.tags if key else {}):
        kind = "place-other-manager" if refused else "place-beside-manager"
        remedy = f"# take it out of {manager} first\nbao kv metadata patch -remove-custom-metadata={tag} {target.path}"
        report.add(Severity.WRONG if refused else Severity.NOTE, kind, f"its tag {tag} says {manager}", remedy=remedy)
    return not missing


def _assumed(path: str) -> Mounted:
    """Return the mount that a path most likely belongs to, for checking the rights where no mount was found."""
    mount = mount_of(path, ())
    return Mounted(mount, path[len(mount) + 1 :], "2")


def _rights(report: Report, vault: Vault, at: Mounted, role: Role, asked: frozenset[Deed]) -> bool:
    """Report the capabilities that the token lacks for the role, and return whether any is missing.

    A token that may not ask for its own capabilities counts as lacking them.
    """
    suffix = vault.settings.pending_suffix
    wanted = {
        f"{at.mount}/{endpoint}/{name}": capabilities
        for name, rights in zip((at.name, at.name + suffix), needed(asked), strict=True)
        for endpoint, capabilities in rights.items()
    }
    try:
        lacking = vault.inspector.lacking(wanted)
    except Denied as error:
        report.wrong("vault-asking", error.message, policies=vault.policies)
        return True
    lines = "\n".join(f'path "{path}" {{ capabilities = [{_quoted(wanted[path])}] }}' for path in lacking)
    if lacking:
        told = "; ".join(f"{', '.join(several)} on {path}" for path, several in lacking.items())
        report.wrong("vault-capability", f"the token lacks {told}", policies=vault.policies, lines=lines)
    else:
        report.ok(f"the token has every capability that the {role} needs")
    return bool(lacking)


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _limits(report: Report, vault: Vault, at: Mounted, key: Limits | None) -> None:
    """Judge the settings of a mount and of a document: how many versions are kept, deletion, and compare-and-set."""
    mount = vault.mount_limits(at.mount)
    path = f"{at.mount}/{at.name}"
    names = {"mount": at.mount, "name": at.name, "path": path, "policies": vault.policies}
    if mount is None:
        told = f"the settings of the mount {at.mount}/ cannot be read"
        report.unknown("vault-limits-unknown", told, **names)
    versions = kept(mount, key)
    if versions < LEAST_VERSIONS:
        where = "vault-max-versions" if key and key.max_versions else "vault-mount-max-versions"
        on = "the key" if key and key.max_versions else f"the mount {at.mount}/"
        report.wrong(where, f"max_versions is {versions} on {on}", **names)
    else:
        report.ok(f"max_versions {versions}")
    _deletion(report, mount, key, names)
    _compare_and_set(report, mount, key, names)


def _deletion(report: Report, mount: Limits | None, key: Limits | None, names: Mapping[str, str]) -> None:
    """Report a setting by which the vault deletes versions by itself.

    A negative value on the mount switches this off for every key.
    """
    on_mount = mount.delete_version_after if mount else NEVER
    if on_mount.startswith("-"):  # overrides what the key says
        return
    if key and key.delete_version_after != NEVER:
        told = f"delete_version_after is {key.delete_version_after} on the key"
        report.wrong("vault-delete-after", told, **names)
    if on_mount != NEVER:
        told = f"delete_version_after is {on_mount} on the mount {names['mount']}/"
        report.wrong("vault-mount-delete-after", told, **names)


def _compare_and_set(report: Report, mount: Limits | None, key: Limits | None, names: Mapping[str, str]) -> None:
    """Report required compare-and-set on metadata, under which the bridge cannot write its tags."""
    if key and key.metadata_cas_required:
        told = "metadata_cas_required is set on the key"
        report.wrong("vault-metadata-cas", told, number=str(key.metadata_version), **names)
    if mount and mount.metadata_cas_required:
        report.wrong("vault-mount-metadata-cas", f"metadata_cas_required is set on {names['mount']}/", **names)
    if (key and key.cas_required) or (mount and mount.cas_required):
        report.ok("cas_required is set: the bridge always sends it")


def identity(settings: Settings, target: Target) -> tuple[str, ...]:
    """Return a key that is equal for two addresses of the same document.

    It holds no key within the document, so two keys of one document count as the same place.
    """
    return ("vault", settings.url.rstrip("/").lower(), settings.namespace or "", target.path)
