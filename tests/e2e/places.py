"""The two places of one test, as people without the bridge use and see them: a Vault document and an AWS secret."""

from __future__ import annotations

import json
from typing import Any

import boto3
import httpx
import hvac

from bridge.sandbox.openbao import OpenBao

OURS = ("bridge_", "managed-by")
REGION = "us-east-1"
SIBLINGS = {"db_url": "postgres://theirs", "smtp_host": "mail.example", "nested": {"port": 25, "tls": True}}
ANCIENT = "a-value-from-before-the-bridge"
TAGS = {"owner": "team-billing", "cost-center": "4711"}


def foreign(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that are not the bridge's."""
    return {name: value for name, value in tags.items() if not name.startswith(OURS)}


class VaultPlace:
    """`secret/apps/NAME`, its siblings and metadata; `key` is where the client's secret stands."""

    def __init__(self, bao: OpenBao, name: str, key: str = "client_secret") -> None:
        self.path = f"apps/{name}"
        self.key = key
        self.uri = f"vault://secret/{self.path}"
        self.kv = hvac.Client(bao.url, token=bao.token).secrets.kv.v2
        self._http = httpx.Client(
            base_url=f"{bao.url}/v1/secret/", headers={"X-Vault-Token": bao.token}, trust_env=False
        )

    def close(self) -> None:
        self._http.close()
        self.kv._adapter.close()

    def fill(self, value: str, **siblings: Any) -> None:
        """Put what somebody would have put there by hand: the value, other keys, and metadata."""
        self.kv.create_or_update_secret(self.path, {**SIBLINGS, self.key: ANCIENT})
        self.kv.create_or_update_secret(self.path, {**SIBLINGS, self.key: value, **siblings})
        self.kv.update_metadata(self.path, custom_metadata=TAGS)

    def edit(self, key: str, value: Any) -> None:
        """Change one key, as somebody does who reads the document and writes it back, by compare-and-set."""
        read = self.kv.read_secret_version(self.path, raise_on_deleted_version=True)["data"]
        version = read["metadata"]["version"]
        self.kv.create_or_update_secret(self.path, {**read["data"], key: value}, cas=version)

    def tag(self, name: str, value: str) -> None:
        """Add one entry to the metadata, leaving the rest."""
        body = {"custom_metadata": {name: value}}
        answer = self._http.patch(
            f"metadata/{self.path}", json=body, headers={"Content-Type": "application/merge-patch+json"}
        )
        assert answer.is_success

    @property
    def exists(self) -> bool:
        return "data" in self._get(f"metadata/{self.path}")

    def document(self, version: int | None = None, path: str | None = None) -> dict[str, Any] | None:
        """Return what a reader gets; None where there is nothing (any more)."""
        answer = self._get(f"data/{path or self.path}" + (f"?version={version}" if version else ""))
        return answer.get("data", {}).get("data")

    def tags(self) -> dict[str, str]:
        answer = self._get(f"metadata/{self.path}")
        return answer.get("data", {}).get("custom_metadata") or {}

    def current(self) -> str | None:
        return (self.document() or {}).get(self.key)

    def fallback(self) -> str | None:
        number = self.tags().get("bridge_fallback")
        return (self.document(int(number)) or {}).get(self.key) if number else None

    def pending(self) -> str | None:
        return (self.document(path=f"{self.path}/pending") or {}).get(self.key)

    def readable(self) -> list[str]:
        """Return the value of every version that can still be read, at the pending path too."""
        found = [
            (self.document(int(number), path) or {}).get(self.key)
            for path in (self.path, f"{self.path}/pending")
            for number in self._get(f"metadata/{path}").get("data", {}).get("versions", {})
        ]
        return [value for value in found if value]

    def beside(self) -> dict[str, Any]:
        """Return everything that is not ours."""
        document = {k: v for k, v in (self.document() or {}).items() if k != self.key}
        return {"document": document, "tags": foreign(self.tags())}

    def dump(self) -> dict[str, Any]:
        """Return everything there is: every version with its data, all metadata, of the document and its lock."""
        told: dict[str, Any] = {}
        for path in (self.path, f"{self.path}/pending"):
            metadata = self._get(f"metadata/{path}").get("data")
            versions = (metadata or {}).get("versions", {})
            told[path] = (
                metadata,
                {number: self._get(f"data/{path}?version={number}").get("data") for number in versions},
            )
        return told

    def _get(self, what: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.get(what).json()
        return answer


class AwsPlace:
    """The secret `apps/NAME`; with `key` None its whole text is the value."""

    def __init__(self, url: str, name: str, key: str | None = "client_secret") -> None:
        self.name = f"apps/{name}"
        self.key = key
        self.uri = f"aws://{REGION}/{self.name}"
        self.client = boto3.client(
            "secretsmanager", endpoint_url=url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )

    def close(self) -> None:
        self.client.close()

    def fill(self, value: str, **siblings: Any) -> None:
        tags = [{"Key": name, "Value": text} for name, text in TAGS.items()]
        texts = [v if self.key is None else json.dumps({**SIBLINGS, self.key: v, **siblings}) for v in (ANCIENT, value)]
        self.client.create_secret(Name=self.name, SecretString=texts[0], Tags=tags, Description="theirs")
        version = self.labels()["AWSCURRENT"]
        self.client.update_secret_version_stage(SecretId=self.name, VersionStage="THEIRS", MoveToVersionId=version)
        self.client.put_secret_value(SecretId=self.name, SecretString=texts[1])

    def edit(self, key: str, value: Any) -> None:
        """Change one key, as somebody does who reads the document and writes it back."""
        text = json.dumps({**(self.document() or {}), key: value})
        self.client.put_secret_value(SecretId=self.name, SecretString=text)

    def tag(self, name: str, value: str) -> None:
        self.client.tag_resource(SecretId=self.name, Tags=[{"Key": name, "Value": value}])

    @property
    def exists(self) -> bool:
        return self._described() is not None

    def text(self, **which: str) -> str | None:
        try:
            found: str = self.client.get_secret_value(SecretId=self.name, **which)["SecretString"]
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return found

    def document(self, **which: str) -> dict[str, Any] | None:
        text = self.text(**which)
        found: dict[str, Any] | None = text and json.loads(text)
        return found

    def value(self, **which: str) -> str | None:
        text = self.text(**which)
        if text is None or self.key is None:
            return text
        found: str | None = json.loads(text).get(self.key)
        return found

    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in (self._described() or {}).get("Tags", ())}

    def labels(self) -> dict[str, str]:
        """Return the version of each label."""
        if not self.exists:
            return {}
        answer = self.client.list_secret_version_ids(SecretId=self.name, IncludeDeprecated=True)
        return {stage: v["VersionId"] for v in answer["Versions"] for stage in v.get("VersionStages", ())}

    def current(self) -> str | None:
        return self.value(VersionStage="AWSCURRENT")

    def fallback(self) -> str | None:
        return self.value(VersionStage="FALLBACK")

    def pending(self) -> str | None:
        return self.value(VersionStage="AWSPENDING")

    def readable(self) -> list[str]:
        """Return the value of every version with a label: who may not read by version id gets no other.

        What has only a label of somebody else is left out.
        """
        found = [self.value(VersionId=v) for v in {v for label, v in self.labels().items() if label != "THEIRS"}]
        return [value for value in found if value]

    def beside(self) -> dict[str, Any]:
        """Return everything that is not ours."""
        document = {} if self.key is None else {k: v for k, v in (self.document() or {}).items() if k != self.key}
        theirs = self.labels().get("THEIRS")
        description = (self._described() or {}).get("Description")
        return {"document": document, "tags": foreign(self.tags()), "label": theirs, "description": description}

    def dump(self) -> dict[str, Any]:
        """Return everything there is: every version with its text and labels, and the description."""
        described = self._described()
        if described is None:
            return {}
        answer = self.client.list_secret_version_ids(SecretId=self.name, IncludeDeprecated=True)
        versions = {v["VersionId"]: (v, self.text(VersionId=v["VersionId"])) for v in answer["Versions"]}
        hidden = ("ResponseMetadata", "LastAccessedDate")
        return {"described": {k: v for k, v in described.items() if k not in hidden}, "versions": versions}

    def _described(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.describe_secret(SecretId=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return found
