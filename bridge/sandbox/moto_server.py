"""moto's Secrets Manager, corrected where AWS answers differently. Run as a script, it is the sandbox's AWS.

`make_strict()` once per process corrects the moto of that process. The rules are those of AWS's API reference and of
answers that were recorded from AWS. What moto does well (ARNs, tags, replicas, listing secrets) is left to moto.

As a script it imports nothing of this project, so that it starts quickly.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    OperationNotPermittedOnReplica,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretNotFoundException,
    SecretsManagerClientError,
)
from moto.secretsmanager.models import FakeSecret, ReplicaSecret, SecretsManagerBackend, secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
STAGE_LIMIT, TAG_LIMIT, SIZE_LIMIT, PAGE = 20, 50, 65_536, 100
# AWS "removes outdated versions when there are more than 100", and none that is younger than a day.
KEPT_VERSIONS, KEPT_SECONDS = 100, 86_400
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
TOO_MANY = "A version can have up to 20 staging labels."
_one_at_a_time = threading.RLock()


class StrictBackend(SecretsManagerBackend):
    """The secrets of one region.

    A label is at one version at a time, and AWSPREVIOUS follows AWSCURRENT, whoever writes. Who names no version reads
    AWSCURRENT. Versions without a label are hidden unless they are asked for.
    """

    __module__ = SecretsManagerBackend.__module__  # moto finds a service's URLs by it
    page = PAGE
    """How many versions a listing shows at once, at most."""

    def now(self) -> float:
        """Return the time that dates versions, in seconds since 1970."""
        return time.time()

    def create_secret(self, name: str, secret_string: Any, secret_binary: Any, *args: Any, **more: Any) -> str:
        """Create a secret. The same token and value again is once."""
        _sized(secret_string, secret_binary)
        token = more.get("client_request_token")
        if name in self.secrets:
            secret = self.secrets[name]
            if secret.is_deleted():
                raise InvalidRequestException(
                    "You can't create this secret because a secret with this name is already scheduled for deletion."
                )
            version = secret.versions.get(str(token))
            if version and isinstance(secret, FakeSecret) and _same(version, secret_string, secret_binary):
                return secret.to_short_dict(version_id=token)
            raise ResourceExistsException(f"The operation failed because the secret {name} already exists.")
        _tagged(more.get("tags") or [], {})
        answer = super().create_secret(name, secret_string, secret_binary, *args, **more)
        made = self._writable(name)
        for one in made.versions.values():
            one["createdate"] = self.now()
        self._changed(made)
        return answer

    def put_secret_value(self, secret_id: str, secret_string: Any, secret_binary: Any, client_request_token: str,
                         version_stages: list[str]) -> str:  # fmt: skip
        """Add a version. The same token and value again changes nothing, and another value is refused."""
        secret = self._writable(secret_id)
        _sized(secret_string, secret_binary)
        if len(version_stages) > STAGE_LIMIT:
            raise InvalidParameterException(TOO_MANY)
        version_id = self._from_client_request_token(client_request_token)
        if version_id in secret.versions:
            if not _same(secret.versions[version_id], secret_string, secret_binary):
                raise ResourceExistsException(
                    f"You can't use ClientRequestToken {version_id} because that value is already in use for a version "
                    f"of secret {secret.arn}."
                )
            return secret.to_short_dict(include_version_stages=True, version_id=version_id)
        stages = [*dict.fromkeys(version_stages)]
        if not secret.versions and CURRENT not in stages:
            stages.append(CURRENT)
        version = {"createdate": self.now(), "version_id": version_id, "version_stages": []}
        parts = {"secret_string": secret_string, "secret_binary": secret_binary}
        secret.versions[version_id] = version | {key: part for key, part in parts.items() if part is not None}
        for stage in stages:
            _give(secret, stage, version_id)
        _prune(secret, self.now())
        self._changed(secret)
        return secret.to_short_dict(include_version_stages=True, version_id=version_id)

    def update_secret(self, secret_id: str, secret_string: Any = None, secret_binary: Any = None,
                      client_request_token: str | None = None, kms_key_id: str | None = None,
                      description: str | None = None) -> str:  # fmt: skip
        """Change a secret's description or key, and add a version that becomes current if there is a value."""
        secret = self._writable(secret_id)
        secret.description, secret.kms_key_id = description or secret.description, kms_key_id or secret.kms_key_id
        self._changed(secret)
        if secret_string is None and secret_binary is None:
            return secret.to_short_dict(include_version_id=False)
        return self.put_secret_value(secret_id, secret_string, secret_binary, client_request_token or "", [CURRENT])

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        """Move or remove a label, if it is where the caller says that it is."""
        secret = self._writable(secret_id)
        source, target, holder = remove_from_version_id, move_to_version_id, _holder(secret, version_stage)
        for version in (source, target):
            if version and version not in secret.versions:
                raise ResourceNotFoundException(f"Secrets Manager can't find the specified secret version: {version}")
        if not source and not target:
            raise InvalidParameterException("You must specify RemoveFromVersionId or MoveToVersionId.")
        if source and holder != source:
            raise InvalidParameterException(f"The staging label {version_stage} isn't attached to version {source}.")
        if target and holder not in (None, target, source):
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently "
                f"attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )
        if version_stage == CURRENT and not target:
            raise InvalidParameterException(
                "You can only move staging label AWSCURRENT to a different secret version. It can't be removed."
            )
        if target and holder != target and len(secret.versions[target]["version_stages"]) >= STAGE_LIMIT:
            raise SecretsManagerClientError("LimitExceededException", TOO_MANY)
        _give(secret, version_stage, target or None)
        self._changed(secret)
        return secret.arn, secret.name

    def versions_page(self, secret_id: str, *, deprecated: bool, size: int, token: str | None) -> str:
        """Return one page of a secret's versions, those without labels only if `deprecated`."""
        secret = self.describe_secret(secret_id)
        found = [v for v in secret.versions.values() if deprecated or v["version_stages"]]
        start = int(token or 0)
        end = start + min(size, self.page)
        answer = {
            "ARN": secret.arn,
            "Name": secret.name,
            "Versions": [
                {"CreatedDate": v["createdate"], "VersionId": v["version_id"], "VersionStages": v["version_stages"]}
                for v in found[start:end]
            ],
        }
        return json.dumps(answer | ({"NextToken": str(end)} if end < len(found) else {}))

    def get_secret_value(self, secret_id: str, version_id: str, version_stage: str) -> dict[str, Any]:
        """Return a value: of the version that is named, else of the label, else of AWSCURRENT."""
        secret = self.describe_secret(secret_id)
        if secret.is_deleted():
            raise InvalidRequestException(DELETED)
        if not version_id:
            stage = version_stage or CURRENT
            version_id = _holder(secret, stage) or ""
            if not version_id:
                raise ResourceNotFoundException(
                    f"Secrets Manager can't find the specified secret value for staging label: {stage}"
                )
        return super().get_secret_value(secret_id, version_id, version_stage)

    def rotate_secret(self, secret_id: str, *_: Any, **more: Any) -> str:
        """Record the configuration. No Lambda runs."""
        secret = self._writable(secret_id)
        function = more.get("rotation_lambda_arn") or secret.rotation_lambda_arn
        if not function:
            raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
        secret.rotation_lambda_arn = function
        secret.rotation_requested = secret.rotation_enabled = True
        return secret.to_short_dict()

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Add or replace tags, within AWS's limits."""
        secret = self._writable(arn)
        _tagged([{"Key": k, "Value": v} for k, v in tags.items()], {t["Key"]: t["Value"] for t in secret.tags or []})
        super().tag_resource(arn, tags)
        self._changed(secret)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """Remove tags."""
        secret = self._writable(arn)
        super().untag_resource(arn, tag_keys)
        self._changed(secret)

    def _changed(self, secret: FakeSecret) -> None:
        secret.last_changed_date = self.now()  # type: ignore[assignment]  # AWS: with fractions

    def _writable(self, secret_id: str) -> FakeSecret:
        if secret_id not in self.secrets:
            raise SecretNotFoundException
        secret = self.secrets[secret_id]
        if isinstance(secret, ReplicaSecret):
            raise OperationNotPermittedOnReplica
        if secret.is_deleted():
            raise InvalidRequestException(DELETED)
        return secret


def _holder(secret: FakeSecret | ReplicaSecret, stage: str) -> str | None:
    return next((v["version_id"] for v in secret.versions.values() if stage in v["version_stages"]), None)


def _give(secret: FakeSecret, stage: str, version_id: str | None) -> None:
    """Move a label from where it is. AWSPREVIOUS follows AWSCURRENT."""
    before = _holder(secret, stage)
    if before == version_id:
        return
    if before:
        secret.versions[before]["version_stages"].remove(stage)
    if version_id:
        secret.versions[version_id]["version_stages"].append(stage)
    if stage == CURRENT:
        secret.set_default_version_id(version_id)
        if before:
            _give(secret, PREVIOUS, before)


def _prune(secret: FakeSecret, now: float) -> None:
    """Remove the oldest versions without labels where there are too many, as PutSecretValue's documentation says."""
    outdated = [v for v in secret.versions.values() if not v["version_stages"]]
    old = [v for v in outdated if v["createdate"] <= now - KEPT_SECONDS]
    for version in sorted(old, key=lambda v: v["createdate"])[: max(0, len(secret.versions) - KEPT_VERSIONS)]:
        del secret.versions[version["version_id"]]


def _same(version: dict[str, Any], secret_string: Any, secret_binary: Any) -> bool:
    return (version.get("secret_string"), version.get("secret_binary")) == (secret_string, secret_binary)


def _sized(secret_string: Any, secret_binary: Any) -> None:
    if len((secret_string or secret_binary or "").encode()) > SIZE_LIMIT:
        raise InvalidParameterException("The secret value can't be longer than 65536 bytes.")


def _tagged(new: list[dict[str, str]], present: dict[str, str]) -> None:
    if any(tag["Key"].startswith("aws:") or len(tag["Key"]) > 128 or len(tag["Value"]) > 256 for tag in new):
        raise InvalidParameterException("A tag's key or value is not valid.")
    if len(present | {tag["Key"]: "" for tag in new}) > TAG_LIMIT:
        raise InvalidParameterException("A secret can have up to 50 tags.")


def _labelled(secret: FakeSecret) -> dict[str, list[str]]:
    """Versions without labels vanish from descriptions."""
    return {key: v["version_stages"] for key, v in secret.versions.items() if v["version_stages"]}


def _list_secret_version_ids(response: Any) -> str:
    page = response.backend.versions_page(
        response._get_param("SecretId", if_none=""),
        deprecated=response._get_bool_param("IncludeDeprecated", if_none=False),
        size=response._get_int_param("MaxResults") or PAGE,
        token=response._get_param("NextToken"),
    )
    return str(page)


def _serialised(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Answer one request after the other: moto's server has threads, and none of its own locks."""

    def call_action(response: Any) -> Any:
        with _one_at_a_time:
            return original(response)

    return call_action


def make_strict(backend: type[StrictBackend] = StrictBackend) -> None:
    """Make the moto of this process answer as AWS does, with the given backend. A second call changes nothing."""
    if issubclass(secretsmanager_backends.backend, StrictBackend):
        return
    secretsmanager_backends.backend = backend
    secretsmanager_backends.clear()
    # moto has no hooks for these, so they are replaced in place.
    record: Any = FakeSecret
    response: Any = SecretsManagerResponse
    record._form_version_ids_to_stages = _labelled
    response.list_secret_version_ids = _list_secret_version_ids
    response.call_action = _serialised(response.call_action)


if __name__ == "__main__":
    from moto.server import main

    make_strict()
    main()
