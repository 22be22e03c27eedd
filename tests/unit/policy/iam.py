"""IAM before the local AWS: moto itself knows neither the resources nor the conditions of a policy.

Only what our policies use, by IAM's rules: a denial wins, and what nothing allows is denied. A secret that does not
exist is taken for one with any six characters behind its name; how AWS names it when it decides was not tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.secretsmanager.responses import SecretsManagerResponse

Policy = Mapping[str, Any]
ACCOUNT = "123456789012"  # moto's


def allowed(policies: Sequence[Policy], action: str, arn: str, context: Mapping[str, str]) -> bool:
    """Tell whether policies allow an action ("GetSecretValue") on a secret."""
    statements = [statement for policy in policies for statement in policy["Statement"]]
    return {s["Effect"] for s in statements if _applies(s, action, arn, context)} == {"Allow"}


def _applies(statement: Mapping[str, Any], action: str, arn: str, context: Mapping[str, str]) -> bool:
    conditions = [
        _holds(operator, wanted, context.get(key))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    ]
    meant = any(_like(pattern, arn) for pattern in statement["Resource"])
    return meant and all(conditions) and bool(f"secretsmanager:{action}" in statement["Action"])


def _like(pattern: str, arn: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), arn) is not None


def _holds(operator: str, wanted: Any, found: str | None) -> bool:
    if operator == "Null":
        return (found is None) is bool(wanted == "true")
    assert operator == "StringEquals"
    return any(found == each for each in wanted)


@dataclass
class Guard:
    """The policies of whoever calls, None: may do everything; and the actions that they let pass."""

    policies: Sequence[Policy] | None = None
    passed: list[str] = field(default_factory=list)

    def refuses(self, response: Any) -> bool:
        """Decide about one request."""
        if self.policies is None:
            return False
        action, region = response._get_action(), response.region
        name = response._get_param("SecretId") or response._get_param("Name")
        secrets = response.backend.secrets
        arn = (
            secrets[name].arn if name in secrets else f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-AbCdEf"
        )
        context = {"aws:RequestedRegion": region, "secretsmanager:Name": response._get_param("Name")}
        if version := response._get_param("VersionId"):
            context["secretsmanager:VersionId"] = version
        if not allowed(self.policies, action, arn, context):
            return True
        self.passed.append(action)
        return False

    @contextmanager
    def enforcing(self, policies: Sequence[Policy] | None) -> Iterator[None]:
        """Let only pass what these policies allow."""
        self.policies = policies
        try:
            yield
        finally:
            self.policies = None


@contextmanager
def guarded() -> Iterator[Guard]:
    """Put a guard before every request to the local AWS."""
    guard, original = Guard(), SecretsManagerResponse.call_action
    SecretsManagerResponse.call_action = _before(guard, original)  # type: ignore[method-assign,assignment]  # until the end
    try:
        yield guard
    finally:
        SecretsManagerResponse.call_action = original  # type: ignore[method-assign]  # as it was


def _before(guard: Guard, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call_action(response: Any) -> Any:
        if not guard.refuses(response):
            return original(response)
        told = {"__type": "AccessDeniedException", "Message": "User is not authorized to perform this action"}
        return 400, {"status": "400"}, json.dumps(told)

    return call_action
