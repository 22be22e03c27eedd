"""moto's Secrets Manager, made as strict as AWS where a compare-and-set depends on it.

`make_strict()` once per process, before or inside `mock_aws`; `python -m tests.support.strict_moto --port 5000` serves
the same over HTTP. The rules are AWS's API text and LocalStack's recorded answers; each has a test in
`tests/unit/sinks/aws`. What moto does well (ARNs, tags, replicas, listing secrets) stays moto's. `controls` makes it
refuse, throttle, lose answers.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from botocore.exceptions import ReadTimeoutError
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
KEPT_VERSIONS, KEPT_SECONDS = 100, 86_400  # "removes outdated versions when there are more than 100", none of this day
DELETED = "You can't perform this operation on the secret because it was marked for deletion."


@dataclass
class Controls:
    """What the server shall do to its callers. `clock` dates versions; `page` is how many a listing shows at once.

    `deny` holds actions ("PutSecretValue"), `kms` makes every use of a value fail for want of the key. `faults` maps an
    action to what happens to its next calls, in order: "throttle" and "error" do nothing, "lost" does it and answers
    nothing, "cut" does it and answers half. `described` is added to each description, for what moto does not know.
    """

    deny: set[str] = field(default_factory=set)
    kms: bool = False
    faults: dict[str, list[str]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    page: int = PAGE
    described: dict[str, Any] = field(default_factory=dict)

    def reset(self) -> None:
        """Behave again."""
        self.deny, self.kms, self.faults, self.clock, self.page = set(), False, {}, time.time, PAGE
        self.described = {}


controls = Controls()
_one_at_a_time = threading.RLock()


class LimitExceeded(SecretsManagerClientError):
    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


class StrictBackend(SecretsManagerBackend):
    """One region's secrets."""

    __module__ = SecretsManagerBackend.__module__  # moto finds a service's URLs by it

    def create_secret(self, name: str, secret_string: Any, secret_binary: Any, *args: Any, **more: Any) -> str:
        _sized(secret_string, secret_binary)
        token = more.get("client_request_token")
        if name in self.secrets:
            secret = self.secrets[name]
            if secret.is_deleted():
                raise InvalidRequestException(
                    "You can't create this secret because a secret with this name is already scheduled for deletion."
                )
            if token in secret.versions and _same(secret.versions[token], secret_string, secret_binary):
                return secret.to_short_dict(version_id=token)
            raise ResourceExistsException(f"The operation failed because the secret {name} already exists.")
        _tagged(more.get("tags") or [], {})
        answer = super().create_secret(name, secret_string, secret_binary, *args, **more)
        secret = self.secrets[name]
        for version in secret.versions.values():
            version["createdate"] = controls.clock()
        _changed(secret)
        return answer

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: Any,
        secret_binary: Any,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        secret = self._writable(secret_id)
        _sized(secret_string, secret_binary)
        if len(version_stages) > STAGE_LIMIT:
            raise InvalidParameterException("A version can have up to 20 staging labels.")
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
        version = {"createdate": controls.clock(), "version_id": version_id, "version_stages": []}
        parts = {"secret_string": secret_string, "secret_binary": secret_binary}
        secret.versions[version_id] = version | {key: part for key, part in parts.items() if part is not None}
        for stage in stages:
            _give(secret, stage, version_id)
        _prune(secret)
        _changed(secret)
        return secret.to_short_dict(include_version_stages=True, version_id=version_id)

    def update_secret(
        self,
        secret_id: str,
        secret_string: Any = None,
        secret_binary: Any = None,
        client_request_token: str | None = None,
        kms_key_id: str | None = None,
        description: str | None = None,
    ) -> str:
        secret = self._writable(secret_id)
        secret.description, secret.kms_key_id = description or secret.description, kms_key_id or secret.kms_key_id
        _changed(secret)
        if secret_string is None and secret_binary is None:
            return secret.to_short_dict(include_version_id=False)
        return self.put_secret_value(secret_id, secret_string, secret_binary, client_request_token or "", [CURRENT])

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
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
            raise LimitExceeded("A version can have up to 20 staging labels.")
        _give(secret, version_stage, target or None)
        _changed(secret)
        return secret.arn, secret.name

    def versions_page(self, secret_id: str, *, deprecated: bool, size: int, token: str | None) -> str:
        secret = self.describe_secret(secret_id)
        found = [v for v in secret.versions.values() if deprecated or v["version_stages"]]
        start = int(token or 0)
        end = start + min(size, controls.page)
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

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        rotation_rules: dict[str, Any] | None = None,
        rotate_immediately: bool = True,
    ) -> str:
        """Record the configuration; no Lambda runs."""
        secret = self._writable(secret_id)
        if not rotation_lambda_arn and not secret.rotation_lambda_arn:
            raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
        secret.rotation_lambda_arn = rotation_lambda_arn or secret.rotation_lambda_arn
        secret.rotation_requested = secret.rotation_enabled = True
        return secret.to_short_dict()

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        secret = self._writable(arn)
        _tagged([{"Key": k, "Value": v} for k, v in tags.items()], {t["Key"]: t["Value"] for t in secret.tags or []})
        super().tag_resource(arn, tags)
        _changed(secret)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        secret = self._writable(arn)
        super().untag_resource(arn, tag_keys)
        _changed(secret)

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
    """Move a label, wherever it is; AWSPREVIOUS follows AWSCURRENT."""
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


def _prune(secret: FakeSecret) -> None:
    """Remove the oldest versions without labels where there are too many, as PutSecretValue's documentation says."""
    outdated = [v for v in secret.versions.values() if not v["version_stages"]]
    old = [v for v in outdated if v["createdate"] <= controls.clock() - KEPT_SECONDS]
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


def _changed(secret: FakeSecret) -> None:
    secret.last_changed_date = controls.clock()  # type: ignore[assignment]  # AWS: with fractions


def _labelled(secret: FakeSecret) -> dict[str, list[str]]:
    """Versions without labels vanish from descriptions."""
    return {key: v["version_stages"] for key, v in secret.versions.items() if v["version_stages"]}


def _list_secret_version_ids(response: Any) -> str:
    return response.backend.versions_page(
        response._get_param("SecretId", if_none=""),
        deprecated=response._get_bool_param("IncludeDeprecated", if_none=False),
        size=response._get_int_param("MaxResults") or PAGE,
        token=response._get_param("NextToken"),
    )


def _fault(code: int, kind: str, message: str) -> Any:
    return code, {"status": str(code)}, json.dumps({"__type": kind, "Message": message})


def _refused(response: Any, action: str) -> Any:
    secret = response._get_param("SecretId") or response._get_param("Name")
    if action in controls.deny:
        told = f"is not authorized to perform: secretsmanager:{action} on resource: {secret}"
        return _fault(400, "AccessDeniedException", f"User: arn:aws:iam::123456789012:user/x {told}")
    if controls.kms and action in ("GetSecretValue", "PutSecretValue", "CreateSecret"):
        return _fault(400, "AccessDeniedException", "Access to KMS is not allowed")
    return None


def _call(response: Any, original: Callable[[Any], Any]) -> Any:
    action = response._get_action()
    fault = next(iter(controls.faults.get(action, ())), None)
    if fault:
        controls.faults[action].pop(0)
    if fault == "throttle":
        return _fault(400, "ThrottlingException", "Rate exceeded")
    if fault == "error":
        return _fault(500, "InternalServiceError", "An error occurred on the server side.")
    answer = _refused(response, action) or original(response)
    if action == "DescribeSecret" and controls.described and answer[0] == 200:
        answer = answer[0], answer[1], json.dumps(json.loads(answer[2]) | controls.described)
    if fault == "lost":
        raise ReadTimeoutError(endpoint_url="moto")
    if fault == "cut":
        return answer[0], answer[1], "{}"
    return answer


def _dated(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call_action(response: Any) -> Any:
        with _one_at_a_time:
            status, headers, body = _call(response, original)
        now = datetime.fromtimestamp(controls.clock(), UTC)
        return status, {**headers, "date": format_datetime(now, usegmt=True)}, body

    return call_action


def make_strict() -> Controls:
    """Make this process's moto strict; twice is once. Return what its server can be told to do."""
    if secretsmanager_backends.backend is not StrictBackend:
        secretsmanager_backends.backend = StrictBackend
        secretsmanager_backends.clear()
        FakeSecret._form_version_ids_to_stages = _labelled  # type: ignore[assignment,method-assign]  # in place
        SecretsManagerResponse.list_secret_version_ids = _list_secret_version_ids  # type: ignore[method-assign]  # in place
        SecretsManagerResponse.call_action = _dated(SecretsManagerResponse.call_action)  # type: ignore[method-assign]  # in place
    return controls


def main() -> None:
    """Serve strict moto on loopback until interrupted."""
    from moto.server import ThreadedMotoServer

    parser = argparse.ArgumentParser(prog="python -m tests.support.strict_moto", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; the address is printed when it serves")
    parser.add_argument("--deny", action="append", default=[], help="an action to deny, for example PutSecretValue")
    given = parser.parse_args()
    make_strict().deny.update(given.deny)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=given.port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
