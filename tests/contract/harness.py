"""One back end as the cases see it: an operator's sink, and what people without the bridge do and see."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol
from unittest import mock

import hvac

import sinks.vault
from bridge.sandbox.openbao import OpenBao
from sinks.port import Lease, Sink, Stage, Unavailable
from sinks.secret import Secret
from sinks.shared import Shared
from sinks.vault import Settings
from sinks.vault.sink import VaultSink
from tests.contract.clock import ManualClock
from tests.kinds.memory import MemorySink, MemoryStore

KEY = "client_secret"
KEYS = (KEY, f"{KEY}_next", f"{KEY}_previous")
LEASE = 10.0


class Harness(Protocol):
    """A sink of one back end. `clock` is the operators' clock."""

    clock: ManualClock
    uri: str

    def sink(self) -> Sink:
        """Another operator's sink at the sink."""

    def write_key(self, key: str, value: str) -> None:
        """Change one key of the document, as somebody who reads it, edits it and writes it."""

    def tag(self, name: str, value: str) -> None: ...

    def wipe_tags(self) -> None:
        """Replace all tags by one of one's own, as Terraform or `kv metadata put` do."""

    def interrupt_release(self, sink: Sink, held: Lease, outcome: str) -> None:
        """Release as a process that dies after it has given the sink back, and before it has cleaned up."""

    def document(self) -> dict[str, Any] | None:
        """What an unaware reader gets."""

    def fallback(self) -> str | None:
        """The value of the fallback, for a reader who follows the tags."""

    def pending(self) -> str | None:
        """The pending value, for a reader who knows where it is."""

    keeps: bool
    """Whether what was ended can still be read here, by who knows a version's id."""

    def tags(self) -> dict[str, str]: ...

    def reachable(self) -> list[str]:
        """All values that a reader who knows every version's name could still get, pending ones among them."""


class MemoryHarness:
    keeps = False

    def __init__(self, name: str) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock.now)
        self.path = f"apps/{name}"
        self.uri = f"memory://{self.path}"

    def sink(self) -> Sink:
        return MemorySink(self.uri, self.store, clock=self.clock)

    def write_key(self, key: str, value: str) -> None:
        self.store.write_key(self.path, key, value)

    def tag(self, name: str, value: str) -> None:
        self.store.tag(self.path, name, value)

    def wipe_tags(self) -> None:
        self.store.wipe_tags(self.path)
        self.tag("theirs", "yes")

    def interrupt_release(self, sink: Sink, held: Lease, outcome: str) -> None:
        self.store.interrupt_release(self.path)

    def document(self) -> dict[str, Any] | None:
        with self.store.at(self.path) as stored:
            return json.loads(stored.documents[stored.latest].reveal_text()) if stored.latest else None

    def fallback(self) -> str | None:
        with self.store.at(self.path) as stored:
            version = stored.history.at(Stage.FALLBACK)
            return _text(stored.documents[version.id].get(KEY)) if version else None

    def pending(self) -> str | None:
        with self.store.at(self.path) as stored:
            return _text(stored.pending)

    def tags(self) -> dict[str, str]:
        with self.store.at(self.path) as stored:
            return dict(stored.tags)

    def reachable(self) -> list[str]:
        with self.store.at(self.path) as stored:
            documents = stored.documents.values()
            held = [*(document.get(key) for document in documents for key in KEYS), stored.pending, *stored.left]
            return [value.reveal() for value in held if value]


def values_of(documents: Iterable[dict[str, Any] | None]) -> list[str]:
    return [document[key] for document in documents if document for key in KEYS if key in document]


def _text(value: Secret | None) -> str | None:
    return value.reveal() if value else None


def admin(server: OpenBao) -> Any:
    """Return a client with all rights, for foreign writers and for looking from outside."""
    return hvac.Client(server.url, token=server.token, verify=str(server.ca_file) if server.ca_file else True)


class VaultHarness:
    """`settings` and `resolve` are how the operators connect; foreign writers use the root token."""

    keeps = False

    def __init__(self, server: OpenBao, name: str, settings: Settings | None = None, **references: str) -> None:
        self.clock = ManualClock()
        self.server = server
        self.path = f"apps/{name}"
        self.uri = f"vault://secret/{self.path}"
        self.settings = settings or Settings(server.url, auth=sinks.vault.Auth(token="env:TOKEN"))
        self._references = {"env:TOKEN": server.token, **references}
        self.kv = admin(server).secrets.kv.v2

    def sink(self) -> VaultSink:
        return sinks.vault.open(
            "vault",
            f"secret/{self.path}",
            self.settings,
            resolve=lambda name: Secret(self._references[name]),
            clock=self.clock,
            lease=sinks.LEASE,
            shared=Shared(),
        )

    def _read(self, path: str, version: int | None = None) -> dict[str, Any] | None:
        try:
            found = self.kv.read_secret_version(path, version=version, raise_on_deleted_version=True)
        except hvac.exceptions.InvalidPath:
            return None
        data: dict[str, Any] = found["data"]["data"]
        return data

    def write_key(self, key: str, value: str) -> None:
        self.kv.create_or_update_secret(self.path, {**(self._read(self.path) or {}), key: value})

    def tag(self, name: str, value: str) -> None:
        self.kv.update_metadata(self.path, custom_metadata={**self.tags(), name: value})

    def wipe_tags(self) -> None:
        self.kv.update_metadata(self.path, custom_metadata={"theirs": "yes"})

    def interrupt_release(self, sink: Sink, held: Lease, outcome: str) -> None:
        assert isinstance(sink, VaultSink)
        ended = (held.value,) if held.value else ()
        with mock.patch.object(sink._kv, "destroy", side_effect=Unavailable("killed")), suppress(Unavailable):
            sink.release(held, outcome, ended=ended)

    def document(self) -> dict[str, Any] | None:
        return self._read(self.path)

    def fallback(self) -> str | None:
        number = self.tags().get("bridge_fallback")
        found = self._read(self.path, int(number)) if number else None
        return found[KEY] if found else None

    def pending(self) -> str | None:
        return (self._read(f"{self.path}/pending") or {}).get(KEY)

    def metadata(self, path: str) -> dict[str, Any]:
        try:
            data: dict[str, Any] = self.kv.read_secret_metadata(path)["data"]
        except hvac.exceptions.InvalidPath:
            return {"versions": {}, "custom_metadata": {}}
        return data

    def tags(self) -> dict[str, str]:
        return self.metadata(self.path)["custom_metadata"] or {}

    def reachable(self) -> list[str]:
        return [*self.reachable_at(self.path), *self.reachable_at(f"{self.path}/pending")]

    def reachable_at(self, path: str) -> list[str]:
        documents = [self._read(path, int(number)) for number in self.metadata(path)["versions"]]
        return values_of(documents)


class AwsHarness:
    """Inside `mock_aws`, with moto made strict. AWS keeps unlabelled versions; nobody is meant to reach them."""

    keeps = True

    def __init__(self, name: str) -> None:
        from tests.unit.sinks.aws import factory

        self._factory = factory
        self.clock = ManualClock()
        self.name = f"apps/{name}"
        self.uri = f"aws://{factory.REGION}/{self.name}"

    def sink(self) -> Sink:
        return self._factory.make_sink(self.name, clock=self.clock)

    @property
    def _client(self) -> Any:
        return self._factory.client()

    def _at(self, **which: str) -> dict[str, Any] | None:
        try:
            text = self._client.get_secret_value(SecretId=self.name, **which)["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            return None
        data: dict[str, Any] = json.loads(text)
        return data

    def write_key(self, key: str, value: str) -> None:
        document = self.document()
        text = json.dumps({**(document or {}), key: value})
        if document is None:
            self._client.create_secret(Name=self.name, SecretString=text)
        else:
            self._client.put_secret_value(SecretId=self.name, SecretString=text)

    def tag(self, name: str, value: str) -> None:
        self._client.tag_resource(SecretId=self.name, Tags=[{"Key": name, "Value": value}])

    def wipe_tags(self) -> None:
        self._client.untag_resource(SecretId=self.name, TagKeys=list(self.tags()))
        self.tag("theirs", "yes")

    def interrupt_release(self, sink: Sink, held: Lease, outcome: str) -> None:
        stages = self._factory.stages(self.name)
        self._client.update_secret_version_stage(
            SecretId=self.name, VersionStage="AWSPENDING", RemoveFromVersionId=stages["AWSPENDING"]
        )

    def document(self) -> dict[str, Any] | None:
        return self._at(VersionStage="AWSCURRENT")

    def fallback(self) -> str | None:
        found = self._at(VersionStage="FALLBACK")
        return found[KEY] if found else None

    def pending(self) -> str | None:
        return (self._at(VersionStage="AWSPENDING") or {}).get(KEY)

    def tags(self) -> dict[str, str]:
        try:
            return dict(self._factory.tags(self.name))
        except self._client.exceptions.ResourceNotFoundException:
            return {}

    def reachable(self) -> list[str]:
        answer = self._client.list_secret_version_ids(SecretId=self.name, IncludeDeprecated=True)
        labelled = [v["VersionId"] for v in answer["Versions"] if v["VersionStages"]]
        documents = [self._at(VersionId=version) for version in labelled]
        return values_of(documents)
