"""Examines servers that speak Vault's API, and the documents in them.

It asks in the order in which answers depend on each other: server, token, mount, key. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.clock import span
from sinks.diagnosis import CERTIFICATE, LATER, SOON, Findings, Severity
from sinks.errors import BadAddress, Denied, SinkError
from sinks.managers import managers
from sinks.tls import Certificate, Fault, certificate
from sinks.vault.address import parse
from sinks.vault.http import LEAST
from sinks.vault.inspect import NEVER, Inspector, Limits, Mounted, TokenFacts, kept
from sinks.vault.rights import mount_of, needed
from sinks.vault.state import LEAST_VERSIONS

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.clock import Clock
    from sinks.rights import Deed, Role
    from sinks.secret import Secret
    from sinks.shared import Shared
    from sinks.vault.settings import Settings


class VaultDiagnosis:
    """The examination of one server (`sinks.diagnosis.Diagnosis`).

    `policies` names those of the token, for the remedies. It is None until the server has accepted the token.
    """

    def __init__(
        self, name: str, settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared
    ) -> None:
        self.title = f"Vault {name} ({settings.url})"
        self.name = name
        self.settings = settings
        self.inspector = Inspector(settings, resolve, clock, shared)
        self.clock = clock
        self.policies: str | None = None
        self._limits: dict[str, Limits | None] = {}

    @property
    def answered(self) -> bool:
        """Whether the server has accepted the token."""
        return self.policies is not None

    def server(self, findings: Findings) -> None:
        """Examine the server, then the token.

        Of a sealed or silent server nothing else can be said, so the token is not tried there.
        """
        if not _alive(findings, self):
            return
        if self.inspector.tokenless:
            told = f"there is no token for {self.settings.url}: VAULT_TOKEN is not set"
            findings.wrong("vault-token-missing", told)
            return
        try:
            self.inspector.log_in()
        except BadAddress as error:
            findings.wrong("vault-settings", error.message, hint=error.hint or "correct it in bridge.toml")
        except Denied as error:
            hint = error.hint or "check the role and what it logs in with"
            findings.wrong("vault-login", error.message, hint=hint)
        else:
            self.policies = _policies(findings, self)

    def sink(self, findings: Findings, target: str, role: Role, asked: frozenset[Deed], command: str) -> bool:  # noqa: ARG002
        """Examine a document's mount, the token's rights, and the settings.

        Where the server did not accept the token, the sink is reported as not checked.
        """
        if not self.answered:
            findings.unknown("sink-not-checked", f"its vault {self.name} cannot be asked")
            return False
        return _state(findings, self, parse(target, self.settings).path, role, asked)

    def mount_limits(self, mount: str) -> Limits | None:
        """Return a mount's settings, or None if they cannot be read. Each mount is asked once."""
        if mount not in self._limits:
            self._limits[mount] = self.inspector.mount_limits(mount)
        return self._limits[mount]


def _alive(findings: Findings, vault: VaultDiagnosis) -> bool:
    """Return whether the server answers and is unsealed, after reporting on its clock and certificate."""
    settings, clock, names = vault.settings, vault.clock, {"vault": vault.name}
    try:
        health = vault.inspector.health()
    # Settings come first. With a broken one every other finding would be a consequence of it.
    except BadAddress as error:  # a certificate file that cannot be read
        findings.wrong("vault-settings", error.message, hint=error.hint or "correct it in bridge.toml")
        return False
    except SinkError as error:
        _unreachable(findings, settings, error, names, clock)
        return False
    findings.skew(health.skew, settings.url)
    if health.sealed:
        findings.wrong("vault-sealed", f"{settings.url} is sealed")
        return False
    if health.standby:
        findings.note("vault-standby", f"{settings.url} is a standby: requests may be pointed elsewhere", **names)
    findings.ok(f"reachable and unsealed (version {health.version})")
    if seen := _certificate(settings):
        _ending(findings, seen, clock.now())
    return True


def _certificate(settings: Settings) -> Certificate | None:
    return certificate(settings.url, ca_file=settings.ca_file, ca_path=settings.ca_path, name=settings.tls_server_name)


def _unreachable(
    findings: Findings, settings: Settings, error: SinkError, names: Mapping[str, str], clock: Clock
) -> None:
    """Report why the server cannot be reached.

    A certificate that is not accepted has a remedy of its own, so it is examined first.
    """
    seen = _certificate(settings)
    if seen is None or seen.fault is Fault.NONE:
        findings.wrong("vault-unreachable", error.message, hint=error.hint or "start it, or mend the network", **names)
    elif seen.fault is Fault.EXPIRED:
        _ending(findings, seen, clock.now())
    elif seen.fault is Fault.NAME:
        told = f"the certificate of {seen.host} is for {', '.join(seen.names) or 'nobody by name'}"
        findings.wrong("vault-certificate-name", told, name=seen.names[0] if seen.names else "NAME", **names)
    else:
        findings.wrong("vault-authority", f"the certificate of {seen.host} comes from an unknown authority", **names)


def _ending(findings: Findings, seen: Certificate, now: datetime) -> None:
    left = seen.ends - now
    if left < timedelta(0):
        findings.wrong("vault-certificate", f"the certificate of {seen.host} ended {span(-left)} ago", host=seen.host)
    elif left < CERTIFICATE:
        findings.note("vault-certificate", f"the certificate of {seen.host} ends in {span(left)}", host=seen.host)
    else:
        findings.ok(f"certificate good until {seen.ends:%Y-%m-%d}")


def _policies(findings: Findings, vault: VaultDiagnosis) -> str | None:
    """Judge the token, and return the names of its policies, or None if it is refused."""
    try:
        token = vault.inspector.token()
    except Denied as error:
        findings.wrong("vault-token-refused", error.message)
        return None
    method = vault.settings.auth.method
    if method == "token":
        _lifetime(findings, token)
    else:
        findings.ok(f"logged in by {method}; policies: {', '.join(token.policies)}")
    return ", ".join(token.policies)


def _lifetime(findings: Findings, token: TokenFacts) -> None:
    if token.left is None:
        findings.ok(f"token without an end; policies: {', '.join(token.policies)}")
        return
    if token.left >= LATER:
        findings.ok(f"token for another {span(token.left)}; policies: {', '.join(token.policies)}")
        return
    # What can be renewed is renewed by whoever hands it out, an agent for example, and is short on purpose.
    severity = Severity.WRONG if token.left < SOON and not token.renewable else Severity.NOTE
    remedy = "bao token renew -increment=48h" if token.renewable else "bao login     # or: export VAULT_TOKEN=…"
    able = "it can be renewed, which the bridge does not do" if token.renewable else "it cannot be renewed"
    findings.add(severity, "vault-token-expires", f"the token ends in {span(token.left)}; {able}", remedy=remedy)


def _state(findings: Findings, vault: VaultDiagnosis, path: str, role: Role, asked: frozenset[Deed]) -> bool:
    """Examine a document's mount, the token's rights, and the settings, and return whether its metadata can be read.

    `asked` are the deeds that the role needs at this sink.
    """
    at = vault.inspector.mounted(path)
    # Asked even without a mount: a token without any right sees no mount either, and the rights are what to fix.
    missing = _rights(findings, vault, at or _assumed(path), role, asked)
    if at is None:
        if not missing:
            # The most likely mount, for a check of the rights where none was found.
            mount = mount_of(path, ())
            told = f"no mount serves {path}, or the token may see nothing there"
            findings.wrong("vault-mount-missing", told, mount=mount)
        return False
    if at.version != "2":
        kind = "vault-kv-version" if at.version else "vault-not-kv"
        what = f"is KV version {at.version}" if at.version else "is no KV mount"
        findings.wrong(kind, f"the mount {at.mount}/ {what}", mount=at.mount)
        return False
    if any("patch" in capabilities for rights in needed(asked) for capabilities in rights.values()):
        _patch(findings, vault, at)
    key = vault.inspector.key_limits(at)
    _limits(findings, vault, at, key)
    for tag, manager, refused in managers(key.tags if key else {}):
        kind = "sink-other-manager" if refused else "sink-beside-manager"
        remedy = f"# take it out of {manager} first\nbao kv metadata patch -remove-custom-metadata={tag} {path}"
        findings.add(Severity.WRONG if refused else Severity.NOTE, kind, f"its tag {tag} says {manager}", remedy=remedy)
    return not missing


def _patch(findings: Findings, vault: VaultDiagnosis, at: Mounted) -> None:
    """Report a server or a gateway that takes no PATCH, in which no tag can be written."""
    if not vault.inspector.takes_patch(at):
        told = f"{vault.settings.url} does not take PATCH"
        findings.wrong("vault-patch", told, vault=vault.name, least=LEAST)


def _assumed(path: str) -> Mounted:
    mount = mount_of(path, ())
    return Mounted(mount, path[len(mount) + 1 :], "2")


def _rights(findings: Findings, vault: VaultDiagnosis, at: Mounted, role: Role, asked: frozenset[Deed]) -> bool:
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
        findings.wrong("vault-asking", error.message, policies=vault.policies or "")
        return True
    lines = "\n".join(f'path "{path}" {{ capabilities = [{_quoted(wanted[path])}] }}' for path in lacking)
    if lacking:
        told = "; ".join(f"{', '.join(several)} on {path}" for path, several in lacking.items())
        findings.wrong("vault-capability", f"the token lacks {told}", policies=vault.policies or "", lines=lines)
    else:
        findings.ok(f"the token has every capability that the {role} needs")
    return bool(lacking)


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _limits(findings: Findings, vault: VaultDiagnosis, at: Mounted, key: Limits | None) -> None:
    """Judge the settings of a mount and of a document: how many versions are kept, deletion, and compare-and-set."""
    mount = vault.mount_limits(at.mount)
    path = f"{at.mount}/{at.name}"
    names = {"mount": at.mount, "name": at.name, "path": path, "policies": vault.policies or ""}
    if mount is None:
        told = f"the settings of the mount {at.mount}/ cannot be read"
        findings.unknown("vault-limits-unknown", told, **names)
    versions = kept(mount, key)
    if versions < LEAST_VERSIONS:
        where = "vault-max-versions" if key and key.max_versions else "vault-mount-max-versions"
        on = "the key" if key and key.max_versions else f"the mount {at.mount}/"
        findings.wrong(where, f"max_versions is {versions} on {on}", **names)
    else:
        findings.ok(f"max_versions {versions}")
    _deletion(findings, mount, key, names)
    _compare_and_set(findings, mount, key, names)


def _deletion(findings: Findings, mount: Limits | None, key: Limits | None, names: Mapping[str, str]) -> None:
    """Report a setting by which the vault deletes versions by itself.

    A negative value on the mount switches this off for every key.
    """
    on_mount = mount.delete_version_after if mount else NEVER
    if on_mount.startswith("-"):  # overrides what the key says
        return
    if key and key.delete_version_after != NEVER:
        told = f"delete_version_after is {key.delete_version_after} on the key"
        findings.wrong("vault-delete-after", told, **names)
    if on_mount != NEVER:
        told = f"delete_version_after is {on_mount} on the mount {names['mount']}/"
        findings.wrong("vault-mount-delete-after", told, **names)


def _compare_and_set(findings: Findings, mount: Limits | None, key: Limits | None, names: Mapping[str, str]) -> None:
    # Metadata would then need its own version number in every write, and any other writer would make tags fail.
    if key and key.metadata_cas_required:
        told = "metadata_cas_required is set on the key"
        findings.wrong("vault-metadata-cas", told, number=str(key.metadata_version), **names)
    if mount and mount.metadata_cas_required:
        findings.wrong("vault-mount-metadata-cas", f"metadata_cas_required is set on {names['mount']}/", **names)
    if (key and key.cas_required) or (mount and mount.cas_required):
        findings.ok("cas_required is set: the bridge always sends it")
