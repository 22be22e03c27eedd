"""What others may write where the lock stands: everything near a lock's document that is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Inner = dict[str, Any]

LOCK = "secret-bridge"
REQUIRED = ("operation", "id", "started", "expected_end")
WRONG_TYPES: dict[str, Any] = {
    "a number": 7,
    "nothing": None,
    "a list": ["r-ci-1"],
    "an object": {"a": "b"},
    "true": True,
}
TEXTS: dict[str, tuple[str, str]] = {
    "an id that cannot be printed": ("id", "r-\x1b[2Jx"),
    "an id with a line break": ("id", "r-ci-1\n"),
    "an id of another alphabet": ("id", "r-é"),
    "an id with a space": ("id", "r-ci 1"),
    "an id that is too long": ("id", f"r-{'a' * 65}"),
    "an id of another kind": ("id", "x-ci-1"),
    "an empty id": ("id", ""),
    "an operation in capitals": ("operation", "ROTATE"),
    "an operation with a path in it": ("operation", "../rotate"),
    "an operation that is too long": ("operation", "r" * 33),
    "an actor that cannot be printed": ("actor", "me\x07"),
    "an actor with markup": ("actor", "<b>me</b>"),
    "an actor that is too long": ("actor", "a" * 257),
    "a holder with a space": ("holder", "h 1"),
    "no time": ("started", "yesterday"),
    "a time that is no date": ("expected_end", "2026-13-45T00:00:00.000Z"),
    "a time without a zone": ("expected_end", "2026-11-23T02:00:00.000"),
    "a time with a line break": ("started", "2026-11-23T02:00:00.000Z\n"),
    "half a fingerprint": ("base", "0123"),
    "a base in capitals": ("base", "0123456789ABCDEF"),
    "ends that are no fingerprints": ("ends", "all of them"),
    "ends with a trailing space": ("ends", "0123456789abcdef "),
    "unknown sibling keys": ("companions", "perhaps"),
    "a sink that cannot be printed": ("sinks", "vault://secret/\x00"),
    "a tenant with a line break": ("tenant", "acme\neu"),
}


def _changed(**more: Any) -> Callable[[Inner], dict[str, Any]]:
    return lambda inner: {LOCK: {**inner, **more}}


def _without(name: str) -> Callable[[Inner], dict[str, Any]]:
    return lambda inner: {LOCK: {key: text for key, text in inner.items() if key != name}}


FOREIGN: dict[str, Callable[[Inner], dict[str, Any]]] = {
    "another team's text": lambda _: {"order": "4711", "client_secret": "a-value-of-theirs"},
    "an empty document": lambda _: {},
    "keys that cannot be printed": lambda _: {"\x1b[2J\n": "x"},
    "a text instead of a lock": lambda _: {LOCK: "locked"},
    "a list instead of a lock": lambda inner: {LOCK: [inner]},
    "an empty lock": lambda _: {LOCK: {}},
    "no state": _without("state"),
    "an unknown state": _changed(state="held"),
    "a state that is no text": _changed(state=["locked"]),
    **{f"without its {name}": _without(f"bridge_lock_{name}") for name in REQUIRED},
    **{f"{kind} as its id": _changed(bridge_lock_id=value) for kind, value in WRONG_TYPES.items()},
    **{f"{kind} as its ends": _changed(bridge_lock_ends=value) for kind, value in WRONG_TYPES.items()},
    **{what: _changed(**{f"bridge_lock_{name}": text}) for what, (name, text) in TEXTS.items()},
}

OURS: dict[str, Callable[[Inner], dict[str, Any]]] = {
    "the lock itself": _changed(),
    "a field that nobody knows": _changed(bridge_lock_more="x"),
    "a field of another kind that nobody knows": _changed(more={"deep": [1, 2]}),
    "an operation that this version does not know": _changed(bridge_lock_operation="frobnicate"),
    "the sink's tags of another kind": _changed(bridge_sinks=["x"], bridge_recent=7),
}
