"""A secret at the moto of this process, seen without a request: a proof looks at it after each change."""

from __future__ import annotations

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.secretsmanager.models import FakeSecret, SecretsStore, secretsmanager_backends

from tests.e2e.sinks import REGION, AwsPlace


class NearAws(AwsPlace):
    """The same secret as `AwsPlace` sees it. It ends with the place, because moto looks at each for every request."""

    def close(self) -> None:
        self._secrets.pop(self.name)
        super().close()

    def describe(self) -> dict[str, Any]:
        secret = self._secret
        return {} if secret is None else {**secret.to_dict(), "Tags": [dict(tag) for tag in secret.tags or ()]}

    def versions(self) -> dict[str, list[str]]:
        secret = self._secret
        return {name: list(told["version_stages"]) for name, told in secret.versions.items()} if secret else {}

    def text(self, **which: str) -> str | None:
        secret = self._secret
        if secret is None or set(which) != {"VersionId"} or secret.is_deleted():
            return super().text(**which)  # that is rare
        found: str | None = secret.versions.get(which["VersionId"], {}).get("secret_string")
        return found

    @property
    def _secrets(self) -> SecretsStore:
        return secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].secrets

    @property
    def _secret(self) -> FakeSecret | None:
        found = self._secrets.get(self.name)
        assert found is None or isinstance(found, FakeSecret)
        return found
