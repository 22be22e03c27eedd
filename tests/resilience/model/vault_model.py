"""Vault's KV version 2 in memory: what each raw call does to a sink, and the `Kv` that asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sinks.document import Document
from sinks.errors import Conflict, Expired, Unavailable
from sinks.vault.errors import Missing
from sinks.vault.responses import Entry, Meta, MountConfig
from tests.resilience.model.world import CONFLICT, EXPIRED, LOST, MISSING, OK, Answer, Key, Request, VaultPlace, at

Ask = Callable[[Request], Answer]
LOCK_SUFFIX = "/pending"


def serve_vault(place: VaultPlace, request: Request, clock: float) -> tuple[VaultPlace, Answer]:
    """Do one call."""
    which, *args = request.args
    key: Key | None = getattr(place, which)
    if request.before is not None and clock >= request.before:
        return place, (EXPIRED,)
    if request.name == "read":
        return place, _read(key, *args)
    if request.name == "metadata":
        return place, (MISSING,) if key is None else (OK, _meta(key))
    changed, answer = _CHANGES[request.name](key, clock, *args)
    return place._replace(**{which: changed}), answer


def _read(key: Key | None, version: int | None) -> Answer:
    wanted = key.current if key and version is None else version
    for number, made, document in key.versions if key else ():
        if number == wanted and key:
            return OK, number, made, document, key.tags
    return (MISSING,)


def _meta(key: Key) -> tuple[Any, ...]:
    return (
        key.current,
        tuple((n, made, document is not None) for n, made, document in key.versions),
        key.tags,
        key.limit,
        tuple(n for n, _ in key.deleted),
    )


def _write(key: Key | None, clock: float, document: str, cas: int) -> tuple[Key | None, Answer]:
    present = key or Key(0, ())
    if present.current != cas:
        return key, (CONFLICT,)
    number = present.current + 1
    versions = (*present.versions, (number, clock, document))[-present.limit :]
    deleted = tuple((n, text) for n, text in present.deleted if n >= versions[0][0])
    return present._replace(current=number, versions=versions, deleted=deleted), (OK, number, clock)


def _tag(key: Key | None, clock: float, changes: Any, limit: int | None) -> tuple[Key | None, Answer]:
    if key is None:
        return key, (MISSING,)
    tags = {**dict(key.tags), **dict(changes)}
    kept = tuple(sorted((name, text) for name, text in tags.items() if text is not None))
    return key._replace(tags=kept, limit=key.limit if limit is None else limit), (OK,)


def _destroy(key: Key | None, clock: float, numbers: tuple[int, ...]) -> tuple[Key | None, Answer]:
    if key is None:
        return key, (OK,)
    versions = tuple((n, made, None if n in numbers else document) for n, made, document in key.versions)
    deleted = tuple((n, text) for n, text in key.deleted if n not in numbers)
    return key._replace(versions=versions, deleted=deleted), (OK,)


def _delete(key: Key | None, clock: float, numbers: tuple[int, ...]) -> tuple[Key | None, Answer]:
    if key is None:
        return key, (OK,)
    gone = {n: text for n, _, text in key.versions if n in numbers and text is not None}
    versions = tuple((n, made, None if n in numbers else document) for n, made, document in key.versions)
    return key._replace(versions=versions, deleted=tuple(sorted({**dict(key.deleted), **gone}.items()))), (OK,)


def _undelete(key: Key | None, clock: float, numbers: tuple[int, ...]) -> tuple[Key | None, Answer]:
    if key is None:
        return key, (OK,)
    back = {n: text for n, text in key.deleted if n in numbers}
    versions = tuple((n, made, back.get(n, document)) for n, made, document in key.versions)
    return key._replace(versions=versions, deleted=tuple((n, t) for n, t in key.deleted if n not in numbers)), (OK,)


_CHANGES: Mapping[str, Callable[..., tuple[Key | None, Answer]]] = {
    "write": _write, "tag": _tag, "destroy": _destroy, "delete": _delete, "undelete": _undelete,
}  # fmt: skip


class ModelKv:
    """Stands for `sinks.vault.api.Kv` of one sink: same methods, same types."""

    def __init__(self, ask: Ask, now: Callable[[], datetime], index: int) -> None:
        self._ask = ask
        self.now = now
        self._index = index

    def config(self, path: str) -> MountConfig:
        return MountConfig(0, "0s")

    def capabilities(self, wanted: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        return ()

    def metadata(self, path: str) -> Meta | None:
        answer = self._call("metadata", path)
        if answer is None:
            return None
        current, versions, tags, limit, deleted = answer[0]
        made = {number: (at(clock), readable) for number, clock, readable in versions}
        return Meta(current, made, dict(tags), limit, "0s", deleted={number: at(0.0) for number in deleted})

    def read(self, path: str, version: int | None = None) -> Entry | None:
        answer = self._call("read", path, version)
        if answer is None:
            return None
        number, made, document, tags = answer
        return Entry(number, at(made), None if document is None else Document(json.loads(document)), dict(tags))

    def write(self, path: str, document: Document, *, cas: int, before: float | None = None) -> Entry:
        answer = self._call(
            "write", path, json.dumps(json.loads(document.reveal_text()), sort_keys=True), cas, before=before
        )
        assert answer is not None
        return Entry(answer[0], at(answer[1]))

    def tag(self, path: str, changes: Mapping[str, str | None], *, max_versions: int | None = None,
            before: float | None = None) -> None:  # fmt: skip
        if self._call("tag", path, tuple(sorted(changes.items())), max_versions, before=before) is None:
            raise Missing("nothing there", no_mount=False)

    def destroy(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        self._call("destroy", path, tuple(versions), before=before)

    def delete(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        self._call("delete", path, tuple(versions), before=before)

    def undelete(self, path: str, versions: Sequence[int], *, before: float | None = None) -> None:
        self._call("undelete", path, tuple(versions), before=before)

    def _call(self, name: str, path: str, *args: Any, before: float | None = None) -> tuple[Any, ...] | None:
        which = "lock" if path.endswith(LOCK_SUFFIX) else "main"
        kind, *told = self._ask(Request(self._index, name, (which, *args), before))
        if kind == CONFLICT:
            raise Conflict("somebody else wrote first")
        if kind == EXPIRED:
            raise Expired("too late")
        if kind == LOST:
            raise Unavailable("no answer")
        return None if kind == MISSING else tuple(told)
