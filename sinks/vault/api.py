"""The raw calls of KV version 2: one method is one request. The protocol is elsewhere, and tests replace this class."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from hvac.adapters import RawAdapter
from hvac.exceptions import InvalidPath
from hvac.utils import format_url

from sinks.errors import Denied, Refused, Unavailable
from sinks.vault.errors import ENDED, LACKING, Missing, answers
from sinks.vault.responses import config_in, entry_in, meta_in, written_in

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.document import Document
    from sinks.vault.connection import Connection
    from sinks.vault.responses import Entry, Meta, MountConfig, Newest

    Found = TypeVar("Found", Entry, Meta)

JSON, MERGE = "application/json", "application/merge-patch+json"
LAG = 5.0  # seconds that a standby's copy may lag
KNOWN = 60.0
"""For so many seconds a mount's settings count as read. A denial may be the token's, which ended, and not last."""
SIZE_LIMIT = 1_000_000  # bytes. A server refuses a request above 1 MiB with status 500


class Kv:
    """KV version 2 on one server, with logical paths ("secret/apps/billing").

    Given `before`, the monotonic end of a lease, a call may raise `Expired`. All may raise `Denied` and `Unavailable`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mounts, self._configs = connection.mounts, connection.configs
        self._written: dict[str, Newest] = {}  # of each path, the version that this process wrote last

    def now(self) -> datetime:
        """Return the server's clock, without a request."""
        return self._connection.adapter.now()

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        self._connection.adapter.close()

    def caller(self, before: float) -> dict[str, str]:
        """Return the owner of the token, as far as the server says."""
        with self._deadline(before), self._answers("look up the token (auth/token/lookup-self)"):
            data = self._client.auth.token.lookup_self()["data"]
            return {key: str(data[key]) for key in ("display_name", "entity_id") if data.get(key)}

    def config(self, path: str) -> MountConfig | None:
        """Return the settings of the mount that serves `path`. None: the token may not read them.

        Raises:
            Refused: there is no such mount, or it is not KV version 2.
        """
        mount, _ = self._split(path)
        now = self._connection.clock.monotonic()
        config, until = self._configs.get(mount, (None, now))
        if now < until:
            return config
        try:
            with self._answers(f"read the settings of mount {mount}/"):
                answer = self._client.secrets.kv.v2.read_configuration(mount_point=mount)
                config = config_in(answer["data"])
        except Denied:
            config = None
        self._configs[mount] = config, now + KNOWN
        return config

    def metadata(self, path: str) -> Meta | None:
        """Return a key's metadata, or None where there is no such key."""
        return self._up_to_date(path, lambda: self._metadata(path))

    def _metadata(self, path: str) -> Meta | None:
        mount, key = self._split(path)
        try:
            with self._answers(f"read {mount}/metadata/{key} (capability: read)"):
                answer = self._client.secrets.kv.v2.read_secret_metadata(key, mount_point=mount)
                return meta_in(answer["data"])
        except Missing:
            return None

    def located(self, path: str) -> tuple[str, str]:
        """Return the mount that serves `path`, and the name below it.

        Raises:
            Refused: there is no such mount, or it is not KV version 2.
        """
        return self._split(path)

    def details(self, mount: str, folder: str, *, most: int, **params: str) -> Any:
        """Return a listing of a folder below a mount with the metadata of its keys, as the server answers it.

        `params` say of which keys: `list` or `scan`, `after` and `limit`. The answer may have `most` bytes.

        Raises:
            Missing: there is nothing, or the server has no such listing. Only OpenBao has one.
        """
        at = f"{mount}/detailed-metadata/{folder}{'/' if folder else ''}"
        with self._connection.adapter.taking(most), self._answers(f"list {at} (capabilities: list, scan)"):
            return json.loads(self._send("get", at, params=params).content)["data"]

    def read(self, path: str, version: int | None = None) -> Entry | None:
        """Return one version, the latest by default. None: there is none."""
        if version is None:
            return self._up_to_date(path, lambda: self._read(path, {}))
        return self._read(path, {"version": version})

    def _read(self, path: str, params: Mapping[str, int]) -> Entry | None:
        mount, key = self._split(path)
        try:
            with self._answers(f"read {mount}/data/{key} (capability: read)"):
                try:
                    text = self._send("get", f"{mount}/data/{key}", params=params).text
                except InvalidPath as error:
                    # The answer about a deleted version has this status, too.
                    if not error.text or '"metadata"' not in error.text:
                        raise
                    text = error.text
                return entry_in(text)
        except Missing:
            return None

    def _up_to_date(self, path: str, look: Callable[[], Found | None]) -> Found | None:
        """Read until the answer is not older than what this process has written.

        A standby answers reads from a copy of its own, which may lag.

        Raises:
            Unavailable: the answers are still older after `LAG` seconds.
        """
        clock = self._connection.clock
        end = clock.monotonic() + LAG
        while True:
            found, own = look(), self._written.get(path)
            if own is None or (found is not None and found.newest >= own):
                return found
            # Of a key that was deleted and created anew the numbers begin again, later.
            if found is not None and found.newest[1] > own[1]:
                return found
            if clock.monotonic() >= end:
                break
            clock.sleep(LAG / 50)
        if found is None:
            del self._written[path]  # the whole key was deleted
            return None
        raise Unavailable(
            f"{self._connection.name} answers with an older state of {path} than this process has written",
            "it may be a standby that lags: set VAULT_ADDR to the active node",
        )

    def write(self, path: str, document: Document, *, cas: int, before: float | None = None) -> Entry:
        """Write the next version if the latest one is still `cas`. Return its number and time.

        Raises:
            Conflict: another version is the latest.
            Refused: the document is too large.
        """
        mount, key = self._split(path)
        body = f'{{"options": {{"cas": {cas}}}, "data": {document.reveal_text()}}}'.encode()
        if len(body) > SIZE_LIMIT:
            raise Refused(f"{path} would be larger than {SIZE_LIMIT} bytes, more than Vault takes")
        with self._deadline(before), self._answers(f"write {mount}/data/{key} (capabilities: create, update)"):
            # The document's own text is sent. Parsed and written again, it would lose the spelling of its numbers.
            entry = written_in(json.loads(self._send("post", f"{mount}/data/{key}", data=body, kind=JSON).text))
        self._written[path] = entry.newest
        return entry

    def tag(
        self,
        path: str,
        changes: Mapping[str, str | None],
        *,
        max_versions: int | None = None,
        before: float | None = None,
    ) -> None:
        """Change some custom metadata of an existing key and leave the rest. None removes an entry."""
        mount, key = self._split(path)
        body: dict[str, Any] = {"custom_metadata": dict(changes)}
        if max_versions is not None:
            body["max_versions"] = max_versions
        with self._deadline(before), self._answers(f"tag {mount}/metadata/{key} (capability: patch)"):
            self._send("patch", f"{mount}/metadata/{key}", json=body, kind=MERGE)

    def destroy(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        """Make versions permanently unreadable, by their exact numbers. Idempotent."""
        mount, key = self._split(path)
        with self._deadline(before), self._answers(f"destroy versions at {mount}/destroy/{key} (capability: update)"):
            self._client.secrets.kv.v2.destroy_secret_versions(key, list(versions), mount_point=mount)

    def delete(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        """Make versions unreadable until they are undeleted, by their exact numbers. Idempotent."""
        mount, key = self._split(path)
        with self._deadline(before), self._answers(f"delete versions at {mount}/delete/{key} (capability: update)"):
            self._client.secrets.kv.v2.delete_secret_versions(key, list(versions), mount_point=mount)

    def undelete(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        """Make deleted versions readable again, by their exact numbers. Idempotent."""
        mount, key = self._split(path)
        with self._deadline(before), self._answers(f"undelete versions at {mount}/undelete/{key} (capability: update)"):
            self._client.secrets.kv.v2.undelete_secret_versions(key, list(versions), mount_point=mount)

    def capabilities(self, wanted: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Return what the token lacks of `wanted` ("metadata:secret/x"), as "patch on secret/metadata/x"."""
        paths = {self._api_path(name): needed for name, needed in wanted.items()}
        with self._answers("ask for the token's capabilities (sys/capabilities-self)"):
            granted = self._client.sys.get_capabilities(paths=list(paths))["data"]
            return tuple(
                f"{capability} on {path}"
                for path, needed in paths.items()
                for capability in needed  # each by name, for the hint
                if "root" not in granted[path] and capability not in granted[path]
            )

    def _api_path(self, name: str) -> str:
        endpoint, _, path = name.partition(":")
        mount, key = self._split(path)
        return f"{mount}/{endpoint}/{key}"

    def _send(self, method: str, path: str, *, kind: str = JSON, **more: Any) -> Any:
        """Send a request to an API path, quoted as hvac quotes its own, and return the answer of requests."""
        raw = RawAdapter.from_adapter(self._client.adapter)
        # A new dictionary for each request, because hvac adds the token and the namespace to it.
        headers = {"Content-Type": kind}
        return raw.request(method, format_url("/v1/{path}", path=path), headers=headers, **more)

    @contextmanager
    def _answers(self, doing: str) -> Iterator[None]:
        """Translate errors, and say of a denial where the token comes from."""
        try:
            with answers(doing):
                yield
        except Denied as error:
            if error.hint in (LACKING, ENDED):
                raise Denied(error.message, f"{error.hint} (it is from {self._connection.source})") from None
            raise

    @property
    def _client(self) -> Any:
        return self._connection.client()

    @contextmanager
    def _deadline(self, before: float | None) -> Iterator[None]:
        self._connection.client()  # a login or renewal does not count against the deadline
        with self._connection.adapter.within(before):
            yield

    def _split(self, path: str) -> tuple[str, str]:
        for mount in tuple(self._mounts):  # a known one costs no request. Other threads may add one meanwhile
            if path.startswith(f"{mount}/"):
                return mount, path[len(mount) + 1 :]
        first, _, rest = path.partition("/")
        client = self._client  # outside of suppress: a denied login says nothing about mounts
        with suppress(Missing, Denied), self._answers(f"read the settings of mount {first}/"):
            data = client.secrets.kv.v2.read_configuration(mount_point=first)["data"]
            if "max_versions" in data:  # a KV version 1 mount would answer with a foreign secret called "config"
                until = self._connection.clock.monotonic() + KNOWN
                self._mounts[first], self._configs[first] = first, (config_in(data), until)
                return first, rest
        mount = self._find_mount(path)
        self._mounts[mount] = mount
        return mount, path[len(mount) + 1 :]

    def _find_mount(self, path: str) -> str:
        first = path.partition("/")[0]
        try:
            with self._answers(f"find the mount of {path}"):
                data = json.loads(self._send("get", f"sys/internal/ui/mounts/{path}").text)["data"]
                mount, kind = str(data["path"]).strip("/"), data["type"]
                version = (data["options"] or {}).get("version", "1")
        except (Missing, Denied):
            with self._answers("look up the Vault token, which is unknown or has expired (auth/token/lookup-self)"):
                self._client.auth.token.lookup_self()
            raise Refused(
                f"no mount serves '{path}' on {self._connection.name} ('{first}/'), or the token may not see it",
                "list them: bao secrets list; the address is vault://MOUNT/PATH",
            ) from None
        if kind not in ("kv", "generic") or version != "2":
            found = f"KV version {version}" if kind == "kv" else f"of type {kind}"
            raise Refused(
                f"the mount '{mount}/' is {found}; secret-bridge needs KV version 2",
                f"upgrade it: bao kv enable-versioning {mount}/",
            )
        if path == mount:
            raise Refused(f"'{path}' is a mount; name a document in it", f"for example vault://{mount}/apps/billing")
        return mount
