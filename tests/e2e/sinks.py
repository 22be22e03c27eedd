"""The two sinks of one test, as people without the bridge use and see them: a Vault document and an AWS secret."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import hvac
import urllib3

from bridge.sandbox.openbao import OpenBao

OURS = ("bridge_", "managed-by")
REGION = "us-east-1"
SIBLINGS = {"db_url": "postgres://theirs", "smtp_host": "mail.example", "nested": {"port": 25, "tls": True}}
ANCIENT = "a-value-from-before-the-bridge"
TAGS = {"owner": "team-billing", "cost-center": "4711"}
NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain HTTP: loading the usual authorities takes long."""


@dataclass(frozen=True)
class Snapshot:
    """One sink at one moment. `readable` are the values that can still be read, at the pending path and labels too.

    `labels` are AWS's, each with the value there. `beside` is everything that is not the bridge's. `sibling_keys` are
    the coming and the former value in the latest document. `left` are values in older versions of Vault's lock key.
    """

    exists: bool
    current: str | None
    fallback: str | None
    pending: str | None
    readable: frozenset[str]
    tags: dict[str, str]
    labels: dict[str, str | None]
    beside: dict[str, Any]
    sibling_keys: tuple[str | None, ...] = (None, None)
    left: frozenset[str] = frozenset()


def sibling_keys(key: str | None) -> tuple[str, str]:
    """Return the names under which a document's other candidates stand."""
    return f"{key}_next", f"{key}_previous"


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
        headers = self._headers = {"X-Vault-Token": bao.token}
        self._reading = urllib3.connection_from_url(bao.url)  # it is quicker, and most of what a test does is to look
        self._http = httpx.Client(base_url=f"{bao.url}/v1/secret/", headers=headers, trust_env=False, verify=NO_TRUST)

    def close(self) -> None:
        self._http.close()
        self._reading.close()
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

    def tag(self, name: str, value: str | None) -> None:
        """Set or remove one entry of the metadata, leaving the rest."""
        headers = {"Content-Type": "application/merge-patch+json"}
        body = {"custom_metadata": {name: value}}
        assert self._http.patch(f"metadata/{self.path}", json=body, headers=headers).is_success

    def wipe(self) -> None:
        """Replace all metadata by what is theirs, as Terraform or `kv metadata put` do."""
        self.kv.update_metadata(self.path, custom_metadata=TAGS)

    def document(self, version: int | None = None, path: str | None = None) -> dict[str, Any] | None:
        """Return what a reader gets; None where there is nothing (any more)."""
        answer = self._get(f"data/{path or self.path}" + (f"?version={version}" if version else ""))
        return answer.get("data", {}).get("data")

    def metadata(self, path: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"metadata/{path or self.path}").get("data", {})
        return found

    def see(self) -> Snapshot:
        metadata, latest = self.metadata(), self.document() or {}
        tags = metadata.get("custom_metadata") or {}
        values = {n: (self.document(int(n)) or {}).get(self.key) for n in metadata.get("versions", {})}
        lock = f"{self.path}/pending"
        numbers = sorted(map(int, self.metadata(lock).get("versions", {})))
        held = [(self.document(n, lock) or {}).get(self.key) for n in numbers]
        ours = sibling_keys(self.key)
        others = {name: value for name, value in latest.items() if name not in (self.key, *ours)}
        return Snapshot(
            exists=bool(metadata),
            current=latest.get(self.key),
            fallback=values.get(tags.get("bridge_fallback", "-")),
            pending=(self.document(path=lock) or {}).get(self.key),
            readable=frozenset(value for value in (*values.values(), *held) if value),
            tags=tags,
            labels={},
            beside={"document": others, "tags": foreign(tags)},
            sibling_keys=tuple(latest.get(name) for name in ours),
            left=frozenset(value for value in held[:-1] if value),
        )

    def dump(self) -> dict[str, Any]:
        """Return everything there is: every version with its data, all metadata, of the document and its lock."""
        told: dict[str, Any] = {}
        for path in (self.path, f"{self.path}/pending"):
            metadata = self.metadata(path)
            versions = metadata.get("versions", {})
            told[path] = metadata, {n: self._get(f"data/{path}?version={n}").get("data") for n in versions}
        return told

    def _get(self, what: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._reading.request("GET", f"/v1/secret/{what}", headers=self._headers).json()
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
        self._texts: dict[str, str] = {}

    def close(self) -> None:
        self.client.close()

    def fill(self, value: str, **siblings: Any) -> None:
        """Put what somebody would have put there by hand; an older version has a label of theirs."""
        tags = [{"Key": name, "Value": text} for name, text in TAGS.items()]
        texts = [v if self.key is None else json.dumps({**SIBLINGS, self.key: v, **siblings}) for v in (ANCIENT, value)]
        made = self.client.create_secret(Name=self.name, SecretString=texts[0], Tags=tags, Description="theirs")
        self.client.update_secret_version_stage(
            SecretId=self.name, VersionStage="THEIRS", MoveToVersionId=made["VersionId"]
        )
        self.client.put_secret_value(SecretId=self.name, SecretString=texts[1])

    def edit(self, key: str, value: Any) -> None:
        """Change one key, as somebody does who reads the document and writes it back."""
        text = json.dumps({**json.loads(self.text(VersionStage="AWSCURRENT") or "{}"), key: value})
        self.client.put_secret_value(SecretId=self.name, SecretString=text)

    def tag(self, name: str, value: str | None) -> None:
        if value is None:
            self.client.untag_resource(SecretId=self.name, TagKeys=[name])
        else:
            self.client.tag_resource(SecretId=self.name, Tags=[{"Key": name, "Value": value}])

    def wipe(self) -> None:
        """Take away every tag that is not theirs."""
        tags = [tag["Key"] for tag in self.describe().get("Tags", ()) if tag["Key"] not in TAGS]
        self.client.untag_resource(SecretId=self.name, TagKeys=tags)

    def text(self, **which: str) -> str | None:
        try:
            found: str = self.client.get_secret_value(SecretId=self.name, **which)["SecretString"]
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return found

    def see(self) -> Snapshot:
        described = self.describe()
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
        holders = {stage: version for version, stages in self.versions().items() for stage in stages}
        labels = {stage: self._value(self._text(version)) for stage, version in holders.items()}
        current = self._text(holders["AWSCURRENT"]) if "AWSCURRENT" in holders else "{}"
        document = {} if self.key is None else json.loads(current)
        ours = sibling_keys(self.key)
        others = {k: v for k, v in document.items() if k not in (self.key, *ours)}
        return Snapshot(
            exists=bool(described),
            current=labels.get("AWSCURRENT"),
            fallback=labels.get("FALLBACK"),
            pending=labels.get("AWSPENDING"),
            readable=frozenset(value for stage, value in labels.items() if value and stage != "THEIRS"),
            tags=tags,
            labels=labels,
            beside={
                "document": {} if "secret-bridge-lock" in others else others,
                "tags": foreign(tags),
                "label": holders.get("THEIRS"),
                "description": described.get("Description"),
            },
            sibling_keys=tuple(document.get(name) for name in ours),
        )

    def versions(self) -> dict[str, list[str]]:
        """Return the labels of every version, those without any too."""
        try:
            answer = self.client.list_secret_version_ids(SecretId=self.name, IncludeDeprecated=True)
        except self.client.exceptions.ResourceNotFoundException:
            return {}
        return {v["VersionId"]: v.get("VersionStages", []) for v in answer["Versions"]}

    def describe(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.client.describe_secret(SecretId=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return {}
        return found

    def dump(self) -> dict[str, Any]:
        """Return everything there is: every version with its text and labels, and the description."""
        described = {k: v for k, v in self.describe().items() if k not in ("ResponseMetadata", "LastAccessedDate")}
        listed = self.versions() if described else {}
        versions = {version: (stages, self._text(version)) for version, stages in listed.items()}
        return {"described": described, "versions": versions}

    def _text(self, version: str) -> str:
        """Return a version's text; it never changes."""
        if version not in self._texts:
            self._texts[version] = self.text(VersionId=version) or ""
        return self._texts[version]

    def _value(self, text: str) -> str | None:
        if self.key is None:
            return None if "secret-bridge-lock" in text else text
        try:
            found: str | None = json.loads(text).get(self.key)
        except ValueError:
            return None  # somebody else's text
        return found
