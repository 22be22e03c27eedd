"""Examines secrets in AWS, as far as that is possible without changing anything.

AWS has no dry run, so a right that cannot be tried without an effect is reported as unknown.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sinks.aws.errors import KeyDenied, NoLogin
from sinks.aws.fitness import crowded, external, labelled_full
from sinks.aws.inspect import Caller, Inspector
from sinks.aws.listing import Listing
from sinks.aws.rights import CREATE, needed
from sinks.diagnosis import Findings, Severity
from sinks.errors import BadAddress, Denied, Refused, Unavailable
from sinks.managers import STACK, managers
from sinks.rights import Deed, Role
from sinks.tls import Fault, certificate

if TYPE_CHECKING:
    from sinks.aws.address import Target
    from sinks.aws.responses import Described, Listed
    from sinks.aws.settings import Settings
    from sinks.clock import Clock
    from sinks.shared import Shared

KNOWABLE = ("DescribeSecret", "ListSecretVersionIds", "GetSecretValue", "UpdateSecretVersionStage")
"""The actions whose permission can be checked in advance."""
ASSUMED = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.*")
"""The ARN of an STS session, from which the ARN of the role follows."""


class AwsDiagnosis:
    """The examination of secrets in one account (`sinks.diagnosis.Diagnosis`). AWS has no server to examine."""

    title = ""

    def __init__(self, name: str, settings: Settings, clock: Clock, shared: Shared) -> None:
        self._shared = shared
        self._name = name
        self._settings = settings
        self._clock = clock
        self.answered = False
        self._seen: dict[str, str] = {}
        """The sinks that were examined, by their secrets' ARNs."""

    def server(self, findings: Findings) -> None:
        """Do nothing: the secrets are examined one by one."""

    def sink(self, findings: Findings, target: str, role: Role, asked: frozenset[Deed], command: str) -> bool:
        """Examine a secret: what AWS allows, its settings, and its key.

        It sends reads, and removals of a label that no version has. Neither changes anything.
        """
        secret = _Secret(findings, self._name, self._settings, role, asked, command, self._seen)
        try:
            return secret.look(target, self._clock, self._shared)
        finally:
            self.answered |= secret.answered


class _Secret:
    """One secret under examination.

    `names` fills in the remedies of the findings, and grows while more becomes known.
    """

    def __init__(
        self, findings: Findings, vault: str, settings: Settings, role: Role, asked: frozenset[Deed], command: str,
        seen: dict[str, str],
    ) -> None:  # fmt: skip
        self.findings = findings
        self.seen = seen
        self.vault = vault
        self.settings = settings
        self.role = role
        self.actions = tuple(each for each in needed(asked) if each != CREATE)
        self.answered = False
        self.names = {"vault": vault, "command": command, "role": str(role)}

    def look(self, text: str, clock: Clock, shared: Shared) -> bool:
        """Examine the secret, and return whether its metadata can be read.

        Errors of the address, the credentials and the connection become findings. Other errors are raised.
        """
        try:
            inspector = Inspector(self.vault, text, self.settings, clock, shared)
        except BadAddress as error:
            self.findings.wrong("aws-settings", error.message, hint=error.hint or "correct the address")
            return False
        target = inspector.target
        self.names |= {"region": target.region, "secret": target.secret_id, "name": target.name}
        try:
            return self._look(inspector, target, clock)
        except BadAddress as error:
            self.findings.wrong("aws-settings", error.message, hint=error.hint or "correct profile and region")
        except NoLogin as error:
            self.findings.wrong("aws-credentials", error.message)
        except Unavailable as error:
            self._unreachable(error)
        return False

    def _look(self, inspector: Inspector, target: Target, clock: Clock) -> bool:
        """Try each action that the role needs, judge the settings, and return whether AWS allows what was tried."""
        wanted = [action for action in KNOWABLE if action in self.actions]
        described: Described | None = None
        current: Listed | None = None
        lacking: list[str] = []

        def allowed(action: str, call: Callable[[], Any]) -> Any:
            try:
                # An action that the role does not need is no finding.
                return call() if action in wanted else None
            except NoLogin:
                raise  # it is a `Denied` too, but says nothing of this action
            except KeyDenied as error:
                self._key(inspector, described, error)
            except Denied:
                lacking.append(action)
            except Refused as error:
                # Requests for a secret that is scheduled for deletion are refused, and `_settings` reports that.
                if described is None or not described.deleted:
                    self.findings.unknown("doctor-stopped", error.message, hint=error.hint or "run doctor again")
            return None

        described = allowed("DescribeSecret", inspector.describe)
        current = allowed("ListSecretVersionIds", inspector.labelled)
        allowed("GetSecretValue", inspector.may_read)
        if current:
            allowed("UpdateSecretVersionStage", functools.partial(inspector.may_label, current.id))
        self.answered = True
        self._lacking(lacking, described)
        if described is not None:
            self.findings.skew(clock.now() - described.at, "AWS")
            if described.exists:
                self._settings(described, target)
                self._room(described, current)
                self._encryption(inspector, described, allowed)
            else:
                self._account(inspector)
        self._unknown(wanted, created=described is not None and not described.exists)
        return not lacking

    def _lacking(self, lacking: list[str], described: Described | None) -> None:
        resource = described.arn if described and described.arn else "ARN"
        for action in lacking:
            statement = {"Effect": "Allow", "Action": [f"secretsmanager:{action}"], "Resource": [resource]}
            told = f"AWS denies secretsmanager:{action}"
            self.findings.wrong("aws-permission", told, statement=json.dumps(statement))
        if not lacking:
            self.findings.ok("AWS allows what can be asked for beforehand")

    def _unknown(self, wanted: list[str], *, created: bool) -> None:
        rest = [action for action in self.actions if action not in wanted]
        if created and self.role is Role.OPERATOR:
            rest.append("CreateSecret")
        if rest:
            told = f"whether AWS allows {', '.join(rest)}"
            self.findings.unknown("aws-permissions-unknown", told, **self.names)

    def _settings(self, described: Described, target: Target) -> None:
        """Judge the secret's names and settings: deletion, rotation by AWS, owner, and replicas."""
        self._twice(described, target)
        if described.deleted:
            told = f"it is scheduled for deletion at {described.deleted:%Y-%m-%d %H:%MZ}"
            self.findings.wrong("aws-deleted", told, **self.names)
        if described.type:
            told = f"it {external(described.type)}"
            self.findings.wrong("aws-external", told, **self.names)
        if described.rotates:
            self.findings.wrong("aws-rotation", "AWS itself rotates it (RotationEnabled)", **self.names)
        if described.owner:
            self.findings.wrong("aws-owned", f"the AWS service {described.owner} owns it", **self.names)
        primary = described.primary_arn
        if described.primary_region not in (None, target.region):
            primary = f"{described.primary_region}/{target.name}"
        if primary:
            told = f"it is a replica of the secret in {described.primary_region or primary}"
            self.findings.wrong("aws-replica", told, primary=primary, **self.names)
        for where, status in described.replicas:
            if status == "InSync":
                self.findings.ok(f"replica in {where} in sync")
            else:
                told = f"the replica in {where} is not in sync: {status}"
                kind = "aws-replica-account" if where.startswith("arn:") else "aws-replica-status"
                self.findings.wrong(kind, told, replica=where, **self.names)
        self._managers(described)

    def _twice(self, described: Described, target: Target) -> None:
        """Report a secret that is listed by its name and by its ARN. Only AWS knows that they are one."""
        uri = f"{self.vault}://{target.canonical}"
        other = self.seen.setdefault(described.arn, uri)
        if other != uri:
            self.findings.note("aws-twice", f"the same secret as {other}", uri=uri)

    def _room(self, described: Described, current: Listed | None) -> None:
        """Check that tags and labels of the bridge find room, where the role writes some."""
        if "TagResource" in self.actions and (full := crowded("it", described.tags)):
            self.findings.wrong("aws-tags", full.message, hint=full.hint or "", **self.names)
        if "UpdateSecretVersionStage" in self.actions and current is not None:
            listing = Listing((current,), described.at)
            if full := labelled_full("it", listing):
                self.findings.wrong("aws-labels", full.message, version=current.id, **self.names)

    def _managers(self, described: Described) -> None:
        for tag, manager, refused in managers(described.tags):
            words = [f"# take it out of {manager} first"]
            if tag.startswith(STACK):
                words.append("# with DeletionPolicy: Retain; AWS removes its own tags then")
            else:
                place = f"--region {self.names['region']} --secret-id '{self.names['secret']}'"
                words.append(f"aws secretsmanager untag-resource {place} --tag-keys '{tag}'")
            kind = "sink-other-manager" if refused else "sink-beside-manager"
            severity = Severity.WRONG if refused else Severity.NOTE
            self.findings.add(severity, kind, f"its tag {tag} says {manager}", remedy="\n".join(words))

    def _encryption(self, inspector: Inspector, described: Described, allowed: Callable[..., Any]) -> None:
        """Check whether the secret's own KMS key may be used.

        The only way to know is to have the value decrypted once. A secret that uses AWS's own key, or that is scheduled
        for deletion, is not checked.
        """
        # AWS's own key is open to everybody who may read the secret.
        if described.key is None or described.key.endswith("alias/aws/secretsmanager") or described.deleted:
            return
        if allowed("GetSecretValue", inspector.may_decrypt):
            self.findings.ok(f"the KMS key {described.key} may be used to decrypt")
        if "PutSecretValue" in self.actions:
            self.findings.unknown("aws-key-unknown", "whether kms:GenerateDataKey is allowed", key=described.key)

    def _key(self, inspector: Inspector, described: Described | None, error: KeyDenied) -> None:
        """Report that the KMS key was denied, with the principal that needs a grant."""
        key = (described.key if described else None) or "KEY"
        principal = principal_of(inspector.caller(), self.settings.role_arn)
        self.findings.wrong("aws-key", error.message, key=key, principal=principal, **self.names)

    def _account(self, inspector: Inspector) -> None:
        caller = inspector.caller()
        if caller:
            self.findings.ok(f"looked for in the account {caller.account}, {self.names['region']}")

    def _unreachable(self, error: Unavailable) -> None:
        """Report why AWS cannot be reached: the certificate, if that is the cause."""
        url = self.settings.endpoint_url
        # AWS's own endpoints are not examined: boto3 chooses them, and no setting would be the remedy.
        seen = certificate(url, ca_file=self.settings.ca_file) if url else None
        if seen is None or seen.fault is Fault.NONE:
            hint = error.hint or "mend the network, the proxy or the VPC endpoint"
            self.findings.wrong("aws-unreachable", error.message, hint=hint, **self.names)
        else:
            told = f"the certificate of {seen.host} is not accepted ({seen.fault})"
            self.findings.wrong("aws-certificate", told, **self.names)


def principal_of(caller: Caller | None, role_arn: str | None) -> str:
    """Return the ARN of the role or user that a grant has to name.

    For a session of an assumed role that is the role's own ARN. A configured `role_arn` takes precedence.
    """
    arn = role_arn or (caller.arn if caller else "ARN-OF-THE-ROLE")
    if assumed := ASSUMED.fullmatch(arn):
        return "arn:{}:iam::{}:role/{}".format(*assumed.groups())
    return arn
